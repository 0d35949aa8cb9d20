use diph_core::{Conditions, Prior, PriorContext, Rng};
use diph_gaussian::GaussianPrior;
use ndarray::{ArrayD, Axis};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::{LogNormalSigma, Parametrisation};

/// Two coefficients of different size that go together, smoother than noise.
fn skip() -> GaussianSkip {
    let ring = |ring: usize| [2.0, 0.3, 0.3, 0.1].map(|value: f32| value / (1 + ring) as f32).to_vec();
    GaussianSkip { rings: (0..9).map(ring).collect(), condition_sizes: Vec::new(), phase_coefficient: Some(1) }
}

fn noise(seed: u64) -> Array3<Complex32> {
    let mut rng = Rng::seed_from_u64(seed);
    let mut normal = || -> f32 { StandardNormal.sample(&mut rng) };
    Array3::from_shape_simple_fn((2, 24, 20), || Complex32::new(normal(), normal()))
}

/// An image of the normal distribution of a skip: white noise through the square root of the covariance.
fn drawn(skip: &GaussianSkip, seed: u64) -> Array3<Complex32> {
    let wiener = WienerSkip::new(skip, 2).unwrap();
    // Noise with both parts of variance 1 has twice the power of a coefficient of variance 1.
    wiener.filtered(&noise(seed), wiener.spectrum.map(|variance| (variance / 2.0).sqrt()))
}

fn noisy(clean: &Array3<Complex32>, sigma: f64, seed: u64) -> Array3<Complex32> {
    clean + noise(seed).mapv(|value| value * sigma as f32)
}

fn assert_close(found: &Array3<Complex32>, expected: &Array3<Complex32>) {
    let size = expected.iter().map(|value| value.norm()).fold(0.0, f32::max);
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).norm() < 1e-4 * size, "{found} {expected}");
    }
}

proptest! {
    /// Without a network's answer the denoiser is that of the normal distribution, around the condition image.
    #[test]
    fn without_an_answer_it_is_the_gaussian_denoiser(log_sigma in -4.0..2.0f64, seed in 0u64..1000, with_base: bool) {
        let sigma = log_sigma.exp();
        let sizes = if with_base { vec![1.0, 0.4] } else { Vec::new() };
        let skip = GaussianSkip { condition_sizes: sizes, ..skip() };
        let base = noise(seed + 1);
        let clean = drawn(&skip, seed);
        let whole = if with_base { &clean + &base } else { clean };
        let noisy = noisy(&whole, sigma, seed + 2);
        let view = WienerSkip::new(&skip, 2).unwrap().view(noisy.view(), sigma, with_base.then(|| base.view()));
        let found = view.clean(Array3::zeros((4, 24, 20)).view());

        let prior = GaussianPrior::new(skip.spectrum(2).unwrap(), 1.0).unwrap();
        let residual = if with_base { &noisy - &base } else { noisy };
        let mut expected = ArrayD::zeros(residual.shape());
        let mut rng = Rng::seed_from_u64(0);
        let mut context = PriorContext { schedule: None, conditions: &Conditions::new(), rng: &mut rng };
        prior.denoise(residual.view().into_dyn(), sigma as f32, expected.view_mut(), &mut context).unwrap();
        let expected: Array3<Complex32> = expected.into_dimensionality().unwrap();
        assert_close(&found, &if with_base { expected + &base } else { expected });
    }

    /// The image of the target is the image.
    #[test]
    fn the_target_makes_the_image(log_sigma in -4.0..2.0f64, seed in 0u64..1000) {
        let (skip, sigma) = (skip(), log_sigma.exp());
        let clean = drawn(&skip, seed);
        let noisy = noisy(&clean, sigma, seed + 1);
        let view = WienerSkip::new(&skip, 2).unwrap().view(noisy.view(), sigma, None);
        let target = view.target(clean.view());
        assert_close(&view.clean(target.view()), &clean);
    }
}

/// For images of the normal distribution the target has unit variance in every coefficient, and so have the planes.
#[test]
fn the_target_has_unit_variance_in_every_coefficient() {
    for sigma in [0.02, 0.3, 4.0] {
        let skip = skip();
        let wiener = WienerSkip::new(&skip, 2).unwrap();
        let (mut targets, mut planes, draws) = ([0.0; 4], [0.0; 8], 40);
        for seed in 0..draws {
            let clean = drawn(&skip, seed);
            let view = wiener.view(noisy(&clean, sigma, 1000 + seed).view(), sigma, None);
            let square = |planes: &Array3<f32>, sums: &mut [f32]| {
                for (sum, plane) in sums.iter_mut().zip(planes.axis_iter(Axis(0))) {
                    *sum +=
                        plane.iter().map(|value| value * value).sum::<f32>() / (plane.len() * draws as usize) as f32;
                }
            };
            square(&view.target(clean.view()), &mut targets);
            square(&view.planes, &mut planes);
        }
        // Real and imaginary part are turned into one another, so that only their sum is fixed.
        for pair in targets.chunks(2).chain(planes[..4].chunks(2)) {
            assert!((pair[0] + pair[1] - 2.0).abs() < 0.2, "sigma {sigma}: {targets:?} {planes:?}");
        }
    }
}

/// Where the covariance is white, it is EDM with one deviation for each coefficient.
#[test]
fn white_images_are_those_of_edm() {
    let deviations = [0.7_f64, 0.05];
    let ring = [deviations[0], 0.0, 0.0, deviations[1]].map(|deviation| (2.0 * deviation * deviation) as f32).to_vec();
    let skip = GaussianSkip { rings: vec![ring; 5], condition_sizes: Vec::new(), phase_coefficient: None };
    let edm = Parametrisation::Edm { sigma_data: deviations.to_vec().into() };
    let clean = drawn(&skip, 3);
    for sigma in [0.01, 0.2, 3.0] {
        let noisy = noisy(&clean, sigma, 4);
        let view = WienerSkip::new(&skip, 2).unwrap().view(noisy.view(), sigma, None);
        let one = edm.preconditioning(LogNormalSigma::abar(sigma), 0.0).unwrap();
        assert!((view.time - one.time).abs() < 1e-9);
        let target = view.target(clean.view());
        for (k, coefficient) in one.coefficients.iter().enumerate() {
            for y in 0..24 {
                for x in 0..20 {
                    let (clean, noisy) = (clean[[k, y, x]], noisy[[k, y, x]]);
                    let expected = (clean - noisy * coefficient.skip as f32) / coefficient.output as f32;
                    assert!((target[[2 * k, y, x]] - expected.re).abs() < 2e-3 * (1.0 + expected.norm()));
                    assert!(
                        (view.planes[[2 * k, y, x]] - noisy.re * coefficient.input as f32).abs()
                            < 1e-4 * (1.0 + noisy.norm())
                    );
                }
            }
        }
    }
}

#[test]
fn wrong_numbers_are_refused() {
    let message = |skip: GaussianSkip, condition| skip.check(2, condition).unwrap_err().to_string();
    assert!(message(GaussianSkip::default(), false).contains("training measures it"));
    assert!(message(GaussianSkip { rings: vec![vec![1.0; 3]; 4], ..skip() }, false).contains("2 x 2"));
    assert!(message(skip(), true).contains("condition_sizes"));
    assert!(message(GaussianSkip { phase_coefficient: Some(2), ..skip() }, false).contains("phase_coefficient"));
    skip().check(2, false).unwrap();
}

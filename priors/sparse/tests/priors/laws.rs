//! Laws of proximal maps of absolutely homogeneous convex functions, for every prior with a fixed grid.

use crate::common::{Image, denoise, inner_product, map, norm, penalty, random_image, relative_distance};
use diph_core::{ImageShape, PlaneWise, Prior};
use diph_sparse::{
    LocallyLowRank, LocallyLowRankOptions, Shift, TotalVariation, TotalVariationOptions, Wavelet, WaveletFamily,
    WaveletOptions,
};
use num_complex::Complex32;
use proptest::prelude::*;

fn total_variation() -> Box<dyn Prior> {
    let options =
        TotalVariationOptions { iterations: 5000, tolerance: 3e-4, coefficient_weights: None, ..Default::default() };
    Box::new(TotalVariation::new(options).unwrap())
}

fn locally_low_rank(block: usize) -> Box<dyn Prior> {
    Box::new(LocallyLowRank::new(LocallyLowRankOptions { block, shift: Shift::None }).unwrap())
}

fn wavelet(family: WaveletFamily, joint: bool) -> Box<dyn Prior> {
    Box::new(Wavelet::new(WaveletOptions { family, levels: 3, joint, shift: Shift::None }).unwrap())
}

/// The priors for images of a shape: those of planes only go over the planes of a volume.
fn priors(shape: &[usize]) -> Vec<Box<dyn Prior>> {
    let (_, image) = ImageShape::split("laws", shape).unwrap();
    let priors = vec![
        total_variation(),
        locally_low_rank(3),
        locally_low_rank(5),
        wavelet(WaveletFamily::Haar, false),
        wavelet(WaveletFamily::Db2, true),
        wavelet(WaveletFamily::Db4, true),
    ];
    priors.into_iter().map(|prior| PlaneWise::fitted(prior, &image).unwrap()).collect()
}

fn accuracy(prior: &dyn Prior) -> f64 {
    f64::from(prior.proximal_accuracy().expect("a proximal map"))
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        (1_usize..4, 1_usize..14, 1_usize..14).prop_map(|(k, h, w)| vec![k, h, w]),
        (1_usize..4, 1_usize..5, 1_usize..8, 1_usize..8).prop_map(|(k, d, h, w)| vec![k, d, h, w]),
    ]
}

fn objective(prior: &dyn Prior, x: &Image, noisy: &Image, sigma: f32) -> f64 {
    0.5 * norm(&(x - noisy)).powi(2) + f64::from(sigma).powi(2) * penalty(prior, x)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn maps_are_firmly_non_expansive(shape in shapes(), seed in 0_u64..1000, sigma in 0.05_f32..1.5) {
        let (a, b) = (random_image(&shape, seed), random_image(&shape, seed + 1000));
        for prior in priors(&shape) {
            let difference = denoise(prior.as_ref(), &a, sigma) - denoise(prior.as_ref(), &b, sigma);
            let slack = 4.0 * accuracy(prior.as_ref()) * (norm(&a) + norm(&b)).powi(2);
            let product = inner_product(&difference, &(&a - &b)).re;
            prop_assert!(product + slack >= norm(&difference).powi(2), "{}: {product}", prior.name());
        }
    }

    #[test]
    fn residual_is_a_projection(shape in shapes(), seed in 0_u64..1000, sigma in 0.05_f32..1.5) {
        let noisy = random_image(&shape, seed);
        for prior in priors(&shape) {
            // Moreau: I - prox projects on the dual ball, so what it left is left as it is.
            let residual = &noisy - &denoise(prior.as_ref(), &noisy, sigma);
            let again = &residual - &denoise(prior.as_ref(), &residual, sigma);
            let error = relative_distance(&again, &residual, &noisy);
            prop_assert!(error < 3.0 * accuracy(prior.as_ref()), "{}: {error}", prior.name());
        }
    }

    #[test]
    fn the_map_tells_the_penalty_of_its_result(shape in shapes(), seed in 0_u64..1000, sigma in 0.05_f32..1.5) {
        let noisy = random_image(&shape, seed);
        for prior in priors(&shape) {
            let (clean, told) = map(prior.as_ref(), &noisy, sigma);
            let (told, asked) = (told.expect("a proximal map"), penalty(prior.as_ref(), &clean));
            let scale = penalty(prior.as_ref(), &noisy);
            prop_assert!((told - asked).abs() <= 1e-5 * scale, "{}: {told} for {asked}", prior.name());
        }
    }

    #[test]
    fn penalty_is_the_product_with_the_residual(shape in shapes(), seed in 0_u64..1000, sigma in 0.05_f32..1.5) {
        let noisy = random_image(&shape, seed);
        for prior in priors(&shape) {
            // Euler's identity: the residual is sigma^2 times a subgradient of a homogeneous R.
            let clean = denoise(prior.as_ref(), &noisy, sigma);
            let product = inner_product(&clean, &(&noisy - &clean)).re;
            let error = (f64::from(sigma).powi(2) * penalty(prior.as_ref(), &clean) - product).abs();
            prop_assert!(error < 3.0 * accuracy(prior.as_ref()) * norm(&noisy).powi(2), "{}: {error}", prior.name());
        }
    }

    #[test]
    fn result_is_a_minimum(shape in shapes(), seed in 0_u64..1000, sigma in 0.05_f32..1.5, step in -3.0_f32..0.0) {
        let noisy = random_image(&shape, seed);
        let direction = random_image(&shape, seed + 2000) * Complex32::from(10_f32.powf(step));
        for prior in priors(&shape) {
            let clean = denoise(prior.as_ref(), &noisy, sigma);
            let found = objective(prior.as_ref(), &clean, &noisy, sigma);
            let slack = accuracy(prior.as_ref()).powi(2).max(1e-6) * norm(&noisy).powi(2);
            for candidate in [&clean + &direction, &clean - &direction, noisy.clone()] {
                let other = objective(prior.as_ref(), &candidate, &noisy, sigma);
                prop_assert!(found <= other + slack, "{}: {found} > {other}", prior.name());
            }
        }
    }

    #[test]
    fn without_weight_through_planes_a_volume_is_denoised_plane_by_plane(
        depth in 1_usize..5, height in 1_usize..8, width in 1_usize..8, seed in 0_u64..1000, sigma in 0.05_f32..1.0,
    ) {
        let prior = |through_plane_weight| {
            let options = TotalVariationOptions { iterations: 5000, tolerance: 3e-4, through_plane_weight, ..Default::default() };
            Box::new(TotalVariation::new(options).unwrap())
        };
        let noisy = random_image([2, depth, height, width], seed);
        let clean = denoise(&*prior(0.0), &noisy, sigma);
        let planes = (0..depth).map(|z| {
            let plane = noisy.index_axis(ndarray::Axis(1), z).as_standard_layout().into_owned();
            denoise(&*prior(1.0), &plane, sigma).insert_axis(ndarray::Axis(1))
        });
        let planes: Vec<Image> = planes.collect();
        let planes: Vec<_> = planes.iter().map(|plane| plane.view()).collect();
        let expected = ndarray::concatenate(ndarray::Axis(1), &planes).unwrap();
        let error = relative_distance(&clean, &expected, &noisy);
        prop_assert!(error < 1.2e-3, "{error}");
    }

    #[test]
    fn turning_a_volume_turns_the_result(
        depth in 1_usize..6, height in 1_usize..6, width in 1_usize..6, seed in 0_u64..1000, sigma in 0.05_f32..1.0,
    ) {
        // Forward differences in all axes: any order of the axes gives the same map.
        let noisy = random_image([2, depth, height, width], seed);
        let turned = |image: &Image| image.view().permuted_axes(vec![0, 3, 1, 2]).as_standard_layout().into_owned();
        let prior = total_variation();
        let error = relative_distance(
            &denoise(&*prior, &turned(&noisy), sigma), &turned(&denoise(&*prior, &noisy, sigma)), &turned(&noisy),
        );
        prop_assert!(error < 1.2e-3, "{error}");
    }

    #[test]
    fn scale_and_phase_pass_through(
        shape in shapes(), seed in 0_u64..1000, sigma in 0.05_f32..1.5, scale in 1e-3_f32..1e3, phase in 0.0_f32..6.0,
    ) {
        let noisy = random_image(&shape, seed);
        let factor = Complex32::from_polar(scale, phase);
        for prior in priors(&shape) {
            let expected = denoise(prior.as_ref(), &noisy, sigma) * factor;
            let scaled = &noisy * factor;
            let error = relative_distance(&denoise(prior.as_ref(), &scaled, sigma * scale.sqrt()), &expected, &scaled);
            prop_assert!(error < 2.0 * accuracy(prior.as_ref()), "{}: {error}", prior.name());
        }
    }
}

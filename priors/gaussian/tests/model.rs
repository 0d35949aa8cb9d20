//! Laws of the posterior on small acquisitions drawn from the prior itself.

use diph_core::{Conditions, ForwardOperator, GaussianRoot, ImageShape, Prior, Rng};
use diph_gaussian::{
    AnnealedPosterior, AnnealedPosteriorSettings, GaussianModel, GaussianPrior, MmseSettings, Spectrum,
};
use diph_nufft::{MrfOperator, MrfOptions, SpiralOptions, Trajectory};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::Complex32;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

const SIZE: [usize; 2] = [24, 20];
const SIGMA: f32 = 0.05;
const SCALE: f32 = 2.0;

fn noise(shape: &[usize], deviation: f32, rng: &mut Rng) -> ArrayD<Complex32> {
    let mut normal = || -> f32 { StandardNormal.sample(&mut *rng) };
    ArrayD::from_shape_simple_fn(shape, || {
        Complex32::new(normal(), normal()) * (deviation * std::f32::consts::FRAC_1_SQRT_2)
    })
}

fn spectrum() -> Spectrum {
    let matrix = [[4.0, 1.0, 0.2], [1.0, 1.0, 0.1], [0.2, 0.1, 0.3]];
    let rings = Array3::from_shape_fn((31, 3, 3), |(ring, i, j)| matrix[i][j] / (1 + ring * ring) as f32);
    Spectrum::new(basis(), rings, 1).unwrap()
}

fn basis() -> Array2<f32> {
    Array2::from_shape_fn((10, 3), |(t, k)| ((k as f32 + 0.5) * 0.3 * t as f32).cos() * 0.4)
}

/// Undersampled, so that the prior counts.
fn operator() -> MrfOperator {
    let spiral = SpiralOptions { samples: 60, turns: 3.0, ..SpiralOptions::default() };
    MrfOperator::new(MrfOptions::new(Trajectory::spiral(10, &spiral).unwrap(), basis(), SIZE[0], SIZE[1])).unwrap()
}

/// An image of the prior.
fn draw(rng: &mut Rng) -> ArrayD<Complex32> {
    let prior = GaussianPrior::new(spectrum(), SCALE).unwrap();
    let root = prior.gaussian_root(3, &ImageShape::plane(SIZE[0], SIZE[1])).unwrap().unwrap().matrices;
    let [height, width] = SIZE;
    let white = noise(&[3, height, width], 1.0, rng);
    let mut image = ArrayD::zeros(vec![3, height, width]);
    // A direct sum over frequencies.
    for fy in 0..height {
        for fx in 0..width {
            let coloured: Vec<Complex32> =
                (0..3).map(|i| (0..3).map(|j| white[[j, fy, fx]] * root[[i, j, fy, fx]]).sum()).collect();
            for y in 0..height {
                for x in 0..width {
                    let turns = (fy * y) as f32 / height as f32 + (fx * x) as f32 / width as f32;
                    let wave =
                        Complex32::from_polar(1.0 / ((height * width) as f32).sqrt(), std::f32::consts::TAU * turns);
                    (0..3).for_each(|i| image[[i, y, x]] += coloured[i] * wave);
                }
            }
        }
    }
    image
}

fn measure(operator: &MrfOperator, image: &ArrayD<Complex32>, sigma: f32, rng: &mut Rng) -> ArrayD<Complex32> {
    let mut samples = operator.range().zeros();
    operator.forward(image.view(), samples.view_mut()).unwrap();
    samples + noise(&operator.range().shape(), sigma, rng)
}

fn energy(values: &ArrayD<Complex32>) -> f64 {
    values.iter().map(|value| f64::from(value.norm_sqr())).sum()
}

#[test]
fn the_expected_energy_is_that_of_draws() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(1));
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let draws = 60;
    let mean =
        (0..draws).map(|_| energy(&measure(&operator, &draw(&mut rng), 0.0, &mut rng))).sum::<f64>() / f64::from(draws);
    let expected = f64::from(SCALE).powi(2) * model.expected_energy();
    assert!((mean / expected - 1.0).abs() < 0.1, "{mean} {expected}");
    let prior = GaussianPrior::new(spectrum(), 1.0).unwrap();
    let root = prior.gaussian_root(3, &ImageShape::plane(SIZE[0], SIZE[1])).unwrap().unwrap();
    let same = GaussianModel::new(&operator, &root).unwrap().expected_energy();
    assert!((same / model.expected_energy() - 1.0).abs() < 1e-4);
}

#[test]
fn the_noise_is_found() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(2));
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    for sigma in [SIGMA, 0.1, 0.3] {
        let image = draw(&mut rng);
        let samples = measure(&operator, &image, sigma, &mut rng);
        let found = model.estimate_noise(samples.view()).unwrap();
        println!("sigma {sigma}: found {found}");
        assert!((found / sigma - 1.0).abs() < 0.25, "{found} {sigma}");
        let settings = MmseSettings { iterations: 60, tolerance: 1e-5, sigma: None };
        let estimate = model.mmse(samples.view(), settings).unwrap();
        assert_eq!(estimate.sigma, found);
        assert!(estimate.residual < 1e-4, "{}", estimate.residual);
    }
}

/// No other weight of the prior has a smaller mean square error.
#[test]
fn the_mean_of_the_true_noise_is_the_best() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(5));
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let mut errors = [0.0; 3];
    for _ in 0..8 {
        let image = draw(&mut rng);
        let samples = measure(&operator, &image, SIGMA, &mut rng);
        for (error, factor) in errors.iter_mut().zip([1.0, 0.3, 3.0]) {
            let estimate = model.posterior(SCALE, factor * SIGMA).mean(samples.view(), 80, 1e-5).unwrap();
            *error += energy(&(&estimate.image - &image));
        }
    }
    println!("{errors:?}");
    assert!(errors[0] < errors[1] && errors[0] < errors[2], "{errors:?}");
}

/// Draws of the posterior lie around its mean, and as far from it as the truth does.
#[test]
fn samples_spread_as_the_truth_does() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(3));
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let posterior = model.posterior(SCALE, SIGMA);
    let (mut error, mut spread, mut bias) = (0.0, 0.0, 0.0);
    for _ in 0..6 {
        let image = draw(&mut rng);
        let samples = measure(&operator, &image, SIGMA, &mut rng);
        let mean = posterior.mean(samples.view(), 80, 1e-5).unwrap().image;
        error += energy(&(&mean - &image));
        let draws = 20;
        let mut sum = operator.domain().zeros();
        for _ in 0..draws {
            let sample = posterior.sample(samples.view(), 80, 1e-5, &mut rng).unwrap();
            spread += energy(&(&sample - &mean)) / f64::from(draws);
            sum += &sample;
        }
        bias += energy(&(sum.mapv(|value| value / draws as f32) - &mean));
    }
    println!("error {error}, spread {spread}, bias {bias}");
    assert!((spread / error - 1.0).abs() < 0.15, "{error} {spread}");
    assert!((bias * 20.0 / spread - 1.0).abs() < 0.15, "{bias} {spread}");
}

/// In a normal world the true image is within one deviation of the samples in 68.3 % of the voxels and within two in 95.4 %. Voxels of one
/// image go together, so that the binomial error is that of the mean over images, each of which counts once.
#[test]
fn the_truth_is_within_the_deviation_as_often_as_it_should_be() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(8));
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let posterior = model.posterior(SCALE, SIGMA);
    let (worlds, draws) = (16, 12);
    let mut variance = ArrayD::<f32>::zeros(operator.domain().shape());
    let mut errors = Vec::new();
    for _ in 0..worlds {
        let image = draw(&mut rng);
        let samples = measure(&operator, &image, SIGMA, &mut rng);
        let mean = posterior.mean(samples.view(), 80, 1e-5).unwrap().image;
        for _ in 0..draws {
            let sample = posterior.sample(samples.view(), 80, 1e-5, &mut rng).unwrap();
            // Real and imaginary part have half of it each.
            variance += &(&sample - &mean).mapv(|value| 0.5 * value.norm_sqr() / (worlds * draws) as f32);
        }
        errors.push(image - mean);
    }
    for (bound, nominal) in [(1.0, 0.6827), (2.0, 0.9545)] {
        let inside = |error: &ArrayD<Complex32>| {
            let pairs = error.iter().zip(&variance);
            let within =
                pairs.flat_map(|(error, variance)| [error.re, error.im].map(|e| e.abs() <= bound * variance.sqrt()));
            within.filter(|within| *within).count() as f64 / (2 * error.len()) as f64
        };
        let shares: Vec<f64> = errors.iter().map(inside).collect();
        let mean = shares.iter().sum::<f64>() / f64::from(worlds);
        let square = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / f64::from(worlds - 1);
        let standard_error = (square / f64::from(worlds)).sqrt();
        println!("within {bound}: {mean:.4} +- {standard_error:.4}");
        assert!((mean - nominal).abs() < 3.0 * standard_error && standard_error < 0.01, "{mean} {standard_error}");
    }
}

#[test]
fn the_same_seed_gives_the_same_sample() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(4));
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let samples = measure(&operator, &draw(&mut rng), SIGMA, &mut rng);
    let posterior = model.posterior(SCALE, SIGMA);
    let sample = |seed| posterior.sample(samples.view(), 8, 0.0, &mut Rng::seed_from_u64(seed)).unwrap();
    assert!(sample(1) == sample(1) && sample(1) != sample(2));
}

#[test]
fn what_does_not_fit_is_refused() {
    let weighted = {
        let spiral = SpiralOptions { samples: 30, turns: 2.0, ..SpiralOptions::default() };
        let mut options = MrfOptions::new(Trajectory::spiral(10, &spiral).unwrap(), basis(), 8, 8);
        options.weights = Some(Array2::ones((1, 30)));
        MrfOperator::new(options).unwrap()
    };
    assert!(GaussianModel::of_spectrum(&weighted, &spectrum()).is_err());
    let operator = operator();
    assert!(
        GaussianModel::new(&operator, &GaussianRoot { matrices: ArrayD::zeros(vec![3, 3, 24, 21]), energy_ratio: 1.0 })
            .is_err()
    );
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let zeros = operator.range().zeros();
    assert!(model.mmse(zeros.view(), MmseSettings::default()).is_err());
    let ones = zeros.mapv(|_| Complex32::from(1.0));
    assert!(model.mmse(ones.view(), MmseSettings::new(0.0)).is_err());
}

/// Noise levels of exact draws; few levels lose some of the spread.
const LEVELS: usize = 90;

/// With the normal prior itself as denoiser, samples lie around the exact posterior mean, and as far from it as exact samples do; with
/// fresh noise only, nearer.
#[test]
fn annealed_samples_are_those_of_the_posterior() {
    let (operator, mut rng) = (operator(), Rng::seed_from_u64(7));
    let prior = GaussianPrior::new(spectrum(), SCALE).unwrap();
    let samples = measure(&operator, &draw(&mut rng), SIGMA, &mut rng);
    let model = GaussianModel::of_spectrum(&operator, &spectrum()).unwrap();
    let posterior = model.posterior(SCALE, SIGMA);
    let mean = posterior.mean(samples.view(), 80, 1e-6).unwrap().image;
    let exact = energy(&(posterior.sample(samples.view(), 80, 1e-6, &mut rng).unwrap() - &mean));
    let conditions = Conditions::new();
    let spread = |fresh: f32| {
        let settings = AnnealedPosteriorSettings {
            iterations: LEVELS,
            levels: [20.0, 0.01],
            sigma: Some(SIGMA),
            fresh,
            steps: 40,
            tolerance: 1e-5,
            ..AnnealedPosteriorSettings::default()
        };
        let draws = 6;
        let (mut spread, mut sum) = (0.0, ArrayD::zeros(mean.raw_dim()));
        for seed in 0..draws {
            let sampler =
                AnnealedPosterior::new(&operator, samples.view(), &prior, &conditions, settings, seed).unwrap();
            let drawn = diph_core::run(&sampler, LEVELS, &mut []).unwrap().state.x_hat;
            let difference = &drawn - &mean;
            spread += energy(&difference) / draws as f64;
            sum += &difference;
        }
        (spread, energy(&sum) / (draws * draws) as f64)
    };
    let (own, of_mean) = spread(0.0);
    println!("exact {exact}, own {own}, of the mean {of_mean}");
    assert!((own / exact - 1.0).abs() < 0.15, "{own} {exact}");
    // The mean of six draws has a sixth of their variance.
    assert!(of_mean < 0.25 * own, "{of_mean} {own}");
    assert!(spread(1.0).0 < 0.7 * own);
}

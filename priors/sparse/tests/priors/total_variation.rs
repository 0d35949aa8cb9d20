//! Total variation against a plain twin, and its own promises.

use crate::common::{Image, denoise, narrow, norm, penalty, random_image, relative_distance, widen};
use diph_sparse::{TotalVariation, TotalVariationOptions};
use ndarray::{Array3, ArrayD, Ix3};
use num_complex::{Complex32, Complex64};

fn prior(iterations: usize, tolerance: f32, coefficient_weights: Option<Vec<f32>>) -> TotalVariation {
    TotalVariation::new(TotalVariationOptions { iterations, tolerance, coefficient_weights, ..Default::default() })
        .unwrap()
}

/// Projected gradient on the dual (Chambolle), without acceleration, pixel by pixel in f64.
fn prox_naive(noisy: &Image, weight: f64, coefficient_weights: &[f64], iterations: usize) -> Image {
    let noisy = widen(noisy).into_dimensionality::<Ix3>().unwrap();
    let (coefficients, height, width) = noisy.dim();
    let mut dual = [Array3::<Complex64>::zeros(noisy.dim()), Array3::<Complex64>::zeros(noisy.dim())];
    let primal = |dual: &[Array3<Complex64>; 2]| {
        Array3::from_shape_fn(noisy.dim(), |(k, y, x)| {
            let mut divergence = dual[0][(k, y, x)] + dual[1][(k, y, x)];
            divergence -= if y > 0 { dual[0][(k, y - 1, x)] } else { Complex64::ZERO };
            divergence -= if x > 0 { dual[1][(k, y, x - 1)] } else { Complex64::ZERO };
            noisy[(k, y, x)] + weight * coefficient_weights[k] * divergence
        })
    };
    let largest = coefficient_weights.iter().copied().fold(0.0, f64::max);
    for _ in 0..iterations {
        let image = primal(&dual);
        for y in 0..height {
            for x in 0..width {
                let mut squares = 0.0;
                for k in 0..coefficients {
                    let step = coefficient_weights[k] / (8.0 * weight * largest * largest);
                    if y + 1 < height {
                        dual[0][(k, y, x)] += step * (image[(k, y + 1, x)] - image[(k, y, x)]);
                    }
                    if x + 1 < width {
                        dual[1][(k, y, x)] += step * (image[(k, y, x + 1)] - image[(k, y, x)]);
                    }
                    squares += dual[0][(k, y, x)].norm_sqr() + dual[1][(k, y, x)].norm_sqr();
                }
                let factor = 1.0 / squares.sqrt().max(1.0);
                for k in 0..coefficients {
                    dual[0][(k, y, x)] *= factor;
                    dual[1][(k, y, x)] *= factor;
                }
            }
        }
    }
    narrow(&primal(&dual).into_dyn())
}

#[test]
fn map_agrees_with_the_plain_twin() {
    for (shape, sigma) in [([2, 6, 7], 0.4), ([1, 9, 5], 0.8), ([3, 1, 8], 0.5), ([2, 8, 1], 0.5), ([1, 17, 19], 0.6)] {
        let noisy = random_image(shape, 3);
        let expected = prox_naive(&noisy, f64::from(sigma).powi(2), &vec![1.0; shape[0]], 20_000);
        let error = relative_distance(&denoise(&prior(3000, 1e-4, None), &noisy, sigma), &expected, &noisy);
        assert!(error < 1e-4, "{shape:?}: {error}");
    }
}

#[test]
fn weighted_map_agrees_with_the_plain_twin() {
    let noisy = random_image([3, 8, 9], 4);
    let expected = prox_naive(&noisy, 0.09, &[1.0, 3.0, 0.0], 20_000);
    let weighted = prior(3000, 1e-4, Some(vec![1.0, 3.0, 0.0]));
    let clean = denoise(&weighted, &noisy, 0.3);
    let error = relative_distance(&clean, &expected, &noisy);
    assert!(error < 1e-4, "{error}");
    let untouched = |image: &Image| image.index_axis(ndarray::Axis(0), 2).to_owned();
    assert_eq!(untouched(&clean), untouched(&noisy), "a coefficient of weight 0 is not penalised");
}

#[test]
fn error_bound_holds_after_every_number_of_iterations() {
    let noisy = random_image([2, 20, 21], 5);
    let exact = denoise(&prior(20_000, 0.0, None), &noisy, 0.7);
    for iterations in [1, 2, 5, 10, 50, 200] {
        let mut clean = noisy.clone();
        let report = prior(iterations, 0.0, None).proximal_map(noisy.view(), 0.7, clean.view_mut()).unwrap();
        let error = relative_distance(&clean, &exact, &noisy);
        assert_eq!(report.iterations, iterations);
        assert!(error <= report.error_bound + 1e-6, "{iterations}: {error} > {}", report.error_bound);
    }
}

#[test]
fn tolerance_ends_the_iterations_early() {
    let noisy = random_image([2, 20, 21], 6);
    let mut clean = noisy.clone();
    let report = prior(2000, 1e-2, None).proximal_map(noisy.view(), 0.3, clean.view_mut()).unwrap();
    assert!(report.iterations < 200 && report.error_bound <= 1e-2, "{report:?}");
}

#[test]
fn penalty_of_a_step_is_its_height_times_its_length() {
    let step =
        Array3::from_shape_fn((2, 4, 6), |(_, _, x)| if x < 3 { Complex32::ZERO } else { Complex32::new(3.0, 4.0) });
    let penalty = penalty(&prior(1, 0.0, None), &step.into_dyn());
    assert!((penalty - 4.0 * 5.0 * 2.0_f64.sqrt()).abs() < 1e-12, "{penalty}");
}

#[test]
fn much_weight_leaves_the_mean_and_little_weight_the_input() {
    let noisy = random_image([2, 6, 5], 7);
    let mean = noisy.to_shape((2, 30)).unwrap().mean_axis(ndarray::Axis(1)).unwrap();
    let mean = ArrayD::from_shape_fn(noisy.raw_dim(), |index| mean[index[0]]);
    for sigma in [3.0, 1e15] {
        let error = relative_distance(&denoise(&prior(5000, 1e-5, None), &noisy, sigma), &mean, &noisy);
        assert!(error < 1e-4, "sigma {sigma}: {error}");
    }
    assert_eq!(denoise(&prior(50, 1e-3, None), &noisy, 1e-20), noisy);
}

#[test]
fn extreme_amplitudes_pass() {
    for scale in [1e-38, 1e-30, 1e30, 1e38] {
        let noisy = random_image([1, 7, 8], 8);
        let sigma = 0.5;
        let expected = denoise(&prior(500, 1e-4, None), &noisy, sigma);
        let scaled = noisy.map(|z| z * scale);
        let clean = denoise(&prior(500, 1e-4, None), &scaled, sigma * scale.sqrt()).map(|z| z / scale);
        let error = norm(&(&clean - &expected)) / norm(&noisy);
        assert!(error < 1e-3, "scale {scale}: {error}");
    }
}

#[test]
fn later_calls_do_not_depend_on_earlier_ones() {
    let shared = prior(30, 0.0, None);
    let (large, small) = (random_image([3, 24, 25], 9), random_image([2, 9, 8], 10));
    let expected = denoise(&prior(30, 0.0, None), &small, 0.5);
    denoise(&shared, &large, 0.9);
    assert_eq!(denoise(&shared, &small, 0.5), expected);
    assert_eq!(denoise(&shared, &small, 0.5), expected);
}

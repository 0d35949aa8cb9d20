//! Locally low rank against a plain twin.

use crate::common::{self, Image, denoise, map, narrow, random_image, relative_distance, try_denoise, widen};
use diph_core::Prior;
use diph_sparse::{LocallyLowRank, LocallyLowRankOptions, Shift};
use nalgebra::{DMatrix, SVD};
use ndarray::Array3;
use num_complex::Complex64;

fn prior(block: usize, shift: Shift) -> LocallyLowRank {
    LocallyLowRank::new(LocallyLowRankOptions { block, shift }).unwrap()
}

/// Singular-value decomposition of every block of a grid that starts at the first pixel; and the nuclear norms' sum.
fn prox_naive(noisy: &Image, block: usize, weight: f64) -> (Image, f64) {
    let (k, height, width) = (noisy.shape()[0], noisy.shape()[1], noisy.shape()[2]);
    let (source, mut out, mut penalty) = (widen(noisy), widen(noisy), 0.0);
    for top in (0..height).step_by(block) {
        for left in (0..width).step_by(block) {
            let (rows, columns) = (block.min(height - top), block.min(width - left));
            let pixel = |v: usize| (top + v / columns, left + v % columns);
            let casorati = DMatrix::from_fn(rows * columns, k, |v, c| source[[c, pixel(v).0, pixel(v).1]]);
            let mut svd = SVD::new(casorati, true, true);
            penalty += svd.singular_values.sum();
            svd.singular_values.iter_mut().for_each(|s| *s = (*s - weight).max(0.0));
            let shrunk: DMatrix<Complex64> = svd.recompose().unwrap();
            for v in 0..rows * columns {
                for c in 0..k {
                    out[[c, pixel(v).0, pixel(v).1]] = shrunk[(v, c)];
                }
            }
        }
    }
    (narrow(&out), penalty)
}

#[test]
fn map_and_penalty_agree_with_the_plain_twin() {
    for (shape, block, sigma) in
        [([5, 16, 16], 8, 1.0), ([5, 17, 13], 4, 1.5), ([3, 1, 7], 3, 0.5), ([6, 9, 9], 2, 0.8), ([1, 5, 5], 8, 1.0)]
    {
        let noisy = random_image(shape, 1);
        let (expected, penalty) = prox_naive(&noisy, block, f64::from(sigma).powi(2));
        let prior = prior(block, Shift::None);
        let error = relative_distance(&denoise(&prior, &noisy, sigma), &expected, &noisy);
        assert!(error < 1e-6, "{shape:?}, block {block}: {error}");
        let found = common::penalty(&prior, &noisy);
        assert!((found - penalty).abs() < 1e-6 * penalty, "{shape:?}, block {block}: {found} against {penalty}");
    }
}

#[test]
fn noise_across_a_rank_one_image_is_removed() {
    let pattern = random_image([1, 24, 24], 2);
    let clean = Array3::from_shape_fn((5, 24, 24), |(k, y, x)| pattern[[0, y, x]] * (1.0 + k as f32)).into_dyn();
    let noisy = &clean + &(random_image([5, 24, 24], 3) * num_complex::Complex32::from(0.1));
    let denoised = denoise(&prior(8, Shift::None), &noisy, 0.9);
    let (before, after) = (relative_distance(&noisy, &clean, &clean), relative_distance(&denoised, &clean, &clean));
    assert!(after < 0.8 * before, "{after} against {before}");
}

#[test]
fn random_shifts_follow_the_generator() {
    let noisy = random_image([3, 16, 16], 4);
    let random = prior(4, Shift::Random);
    let with_seed = |seed| try_denoise(&random, noisy.view(), 1.0, seed).unwrap();
    assert_eq!(with_seed(1), with_seed(1));
    assert!((2..10).any(|seed| with_seed(seed) != with_seed(1)), "no other seed gives another grid");
    assert_eq!(map(&random, &noisy, 1.0).1, None);
    assert_eq!(map(&random, &noisy, 0.0).1, None);
    assert_eq!(random.proximal_accuracy(), None);
}

//! Wavelet soft thresholding against a plain twin.

use crate::common::{Image, denoise, map, narrow, norm, random_image, relative_distance, try_denoise};
use diph_core::Prior;
use diph_sparse::{Shift, Wavelet, WaveletFamily, WaveletOptions};
use ndarray::{Array2, Axis, s};
use num_complex::Complex64;

fn prior(family: WaveletFamily, levels: u32, joint: bool, shift: Shift) -> Wavelet {
    Wavelet::new(WaveletOptions { family, levels, joint, shift }).unwrap()
}

/// The orthogonal matrix of one Haar level: means of pairs, then an odd last sample, then differences.
fn haar_level(len: usize) -> Array2<f64> {
    let (half, approximations) = (len / 2, len.div_ceil(2));
    let mut matrix = Array2::zeros((len, len));
    for n in 0..half {
        let tap = 0.5_f64.sqrt();
        matrix[(n, 2 * n)] = tap;
        matrix[(n, 2 * n + 1)] = tap;
        matrix[(approximations + n, 2 * n)] = tap;
        matrix[(approximations + n, 2 * n + 1)] = -tap;
    }
    if approximations > half {
        matrix[(half, len - 1)] = 1.0;
    }
    matrix
}

/// Applies levels of matrices to a real plane; the inverse by their transposes.
fn haar(plane: &mut Array2<f64>, levels: u32, inverse: bool) -> (usize, usize) {
    let mut sizes = vec![plane.dim()];
    for _ in 0..levels {
        let (h, w) = sizes[sizes.len() - 1];
        sizes.push((h.div_ceil(2), w.div_ceil(2)));
    }
    let approximation = sizes.pop().unwrap();
    if inverse {
        sizes.reverse();
    }
    for (h, w) in sizes {
        let (rows, columns) = (haar_level(h), haar_level(w));
        let mut part = plane.slice_mut(s![..h, ..w]);
        let image = part.to_owned();
        let result = if inverse { rows.t().dot(&image).dot(&columns) } else { rows.dot(&image).dot(&columns.t()) };
        part.assign(&result);
    }
    approximation
}

fn prox_naive(noisy: &Image, levels: u32, joint: bool, weight: f64) -> Image {
    let mut planes: Vec<Array2<f64>> = noisy
        .axis_iter(Axis(0))
        .flat_map(|plane| [plane.map(|z| f64::from(z.re)), plane.map(|z| f64::from(z.im))])
        .map(|plane| plane.into_dimensionality().unwrap())
        .collect();
    let mut approximation = (0, 0);
    planes.iter_mut().for_each(|plane| approximation = haar(plane, levels, false));
    let group = if joint { planes.len() } else { 2 };
    for planes in planes.chunks_mut(group) {
        for index in ndarray::indices(planes[0].dim()) {
            if index.0 < approximation.0 && index.1 < approximation.1 {
                continue;
            }
            let norm = planes.iter().map(|plane| plane[index] * plane[index]).sum::<f64>().sqrt();
            planes.iter_mut().for_each(|plane| plane[index] *= (1.0 - weight / norm).max(0.0));
        }
    }
    planes.iter_mut().for_each(|plane| {
        haar(plane, levels, true);
    });
    let value = |k: usize, y: usize, x: usize| Complex64::new(planes[2 * k][(y, x)], planes[2 * k + 1][(y, x)]);
    narrow(&ndarray::ArrayD::from_shape_fn(noisy.shape(), |i| value(i[0], i[1], i[2])))
}

#[test]
fn haar_map_agrees_with_the_plain_twin() {
    for (shape, levels) in [([3, 16, 16], 2), ([2, 13, 7], 3), ([1, 1, 9], 2), ([2, 5, 1], 1), ([1, 30, 23], 4)] {
        for joint in [true, false] {
            let noisy = random_image(shape, 1);
            let expected = prox_naive(&noisy, levels, joint, 0.36);
            let clean = denoise(&prior(WaveletFamily::Haar, levels, joint, Shift::None), &noisy, 0.6);
            let error = relative_distance(&clean, &expected, &noisy);
            assert!(error < 1e-6, "{shape:?}, {levels} levels, joint {joint}: {error}");
        }
    }
}

#[test]
fn much_weight_leaves_the_approximation_band_alone() {
    let constant = random_image([2, 16, 16], 2).map(|_| num_complex::Complex32::new(2.0, -1.0));
    for family in [WaveletFamily::Haar, WaveletFamily::Db2, WaveletFamily::Db4] {
        let clean = denoise(&prior(family, 4, true, Shift::None), &constant, 100.0);
        let error = relative_distance(&clean, &constant, &constant);
        assert!(error < 1e-6, "{family:?}: {error}");
    }
}

#[test]
fn a_spun_grid_reconstructs_and_shrinks() {
    let noisy = random_image([2, 19, 22], 3);
    let spun = prior(WaveletFamily::Db4, 3, true, Shift::Random);
    for seed in 0..20 {
        let almost_equal = try_denoise(&spun, noisy.view(), 1e-4, seed).unwrap();
        assert!(relative_distance(&almost_equal, &noisy, &noisy) < 1e-5, "seed {seed}");
        assert!(norm(&try_denoise(&spun, noisy.view(), 0.8, seed).unwrap()) < norm(&noisy));
    }
    let with_seed = |seed| try_denoise(&spun, noisy.view(), 0.8, seed).unwrap();
    assert_eq!(with_seed(1), with_seed(1));
    assert!((2..10).any(|seed| with_seed(seed) != with_seed(1)), "no other seed gives another grid");
    assert_eq!((map(&spun, &noisy, 0.8).1, map(&spun, &noisy, 0.0).1, spun.proximal_accuracy()), (None, None, None));
}

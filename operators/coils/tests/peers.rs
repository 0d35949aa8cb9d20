//! The same data through BART, in the files that `tests/fixtures/peers/make.sh` makes.

use std::path::Path;

use diph_coils::{Compression, Espirit, Prewhitening};
use diph_formats::ArrayLocation;
use ndarray::{Array2, Array3, Array4, ArrayD, IxDyn, s};
use num_complex::{Complex32, Complex64};

/// An array of BART without its axes of length 1.
fn bart(name: &str) -> ArrayD<Complex32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers");
    let entry = ArrayLocation::of_file(folder.join(format!("bart_coils_{name}.cfl"))).read().unwrap();
    let array = entry.read::<Complex32, IxDyn>("any").unwrap();
    let lengths: Vec<usize> = array.shape().iter().copied().filter(|length| *length > 1).collect();
    array.into_shape_with_order(lengths).unwrap()
}

fn wide(value: &Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}

#[test]
fn espirit_gives_the_maps_of_ecalib() {
    let kspace: Array3<Complex32> = bart("ksp").into_dimensionality().unwrap();
    let expected: Array3<Complex32> = bart("maps").into_dimensionality().unwrap();
    let centre = kspace.slice(s![.., 6..26, 6..26]).map(wide).insert_axis(ndarray::Axis(1));
    let found = Espirit::default().of_calibration(centre.view(), 32, 32).unwrap();
    let energy = |maps: &Array3<Complex32>, y, x| maps.slice(s![.., y, x]).iter().map(Complex32::norm_sqr).sum::<f32>();
    let (mut products, mut one) = (Vec::new(), 0);
    for y in 0..32 {
        for x in 0..32 {
            match (energy(&expected, y, x) > 0.5, energy(&found, y, x) > 0.5) {
                (true, true) => {
                    products.push((0..4).map(|c| found[[c, y, x]] * expected[[c, y, x]].conj()).sum::<Complex32>());
                }
                (false, false) => (),
                _ => one += 1,
            }
        }
    }
    // BART's virtual coil has another phase, the same everywhere.
    let phase = products.iter().sum::<Complex32>();
    let phase = phase / phase.norm();
    let alike = products.iter().filter(|product| (*product - phase).norm() < 0.002).count();
    println!("{} pixels in both, of which {alike} are alike; {one} in one of them", products.len());
    assert!(products.len() > 600 && one < 5, "{} pixels in both, {one} in one of them", products.len());
    // At the border of the object two eigenvalues lie together, and thirty steps of either program do not part them.
    assert!(alike * 100 > products.len() * 98, "{alike} of {} pixels", products.len());
}

#[test]
fn prewhitening_is_that_of_whiten() {
    let noise: Array2<Complex32> = bart("noise").into_dimensionality().unwrap();
    let found = Prewhitening::of_noise(noise.view()).unwrap();
    // BART divides by the number of samples less one, and brings the variance to 1.
    let [matrix, covariance] =
        ["optmat", "covar"].map(|name| bart(name).into_dimensionality::<ndarray::Ix2>().unwrap());
    let variance = found.variance * 40.0 / 39.0;
    for ((row, column), value) in found.matrix.indexed_iter() {
        assert!((value - wide(&matrix[[row, column]]) * variance.sqrt()).norm() < 1e-5, "{row}, {column}");
        let theirs = wide(&covariance[[column, row]]) * 39.0 / 40.0;
        assert!((found.covariance[[row, column]] - theirs).norm() < 1e-5, "{row}, {column}");
    }
}

#[test]
fn virtual_coils_are_those_of_cc() {
    let kspace: Array3<Complex32> = bart("ksp").into_dimensionality().unwrap();
    let expected: Array2<Complex32> = bart("cc").into_dimensionality().unwrap();
    let found = Compression::Coils(4).of(kspace.view()).unwrap();
    for (found, expected) in found.matrix.outer_iter().zip(expected.outer_iter()) {
        let product: Complex64 = found.iter().zip(expected).map(|(a, b)| a * wide(b).conj()).sum();
        let turned: Complex64 = found.iter().zip(expected).map(|(a, b)| a * wide(b)).sum();
        println!("{product} {turned}");
        assert!(product.norm().max(turned.norm()) > 0.9999, "{product}, {turned}");
    }
}

/// Coil images and the centre of k-space calibrate alike.
#[test]
fn images_and_kspace_give_the_same_maps() {
    let kspace: Array3<Complex32> = bart("ksp").into_dimensionality().unwrap();
    let wave = |k: usize, r: usize| {
        Complex64::from_polar(1.0, std::f64::consts::TAU * (k as f64 - 16.0) * (r as f64 - 16.0) / 32.0)
    };
    let waves = Array2::from_shape_fn((32, 32), |(k, r)| wave(k, r));
    let mut images = Array4::zeros((4, 1, 32, 32));
    for (kspace, mut image) in kspace.outer_iter().zip(images.outer_iter_mut()) {
        let values = waves.t().dot(&kspace.map(wide)).dot(&waves);
        image.index_axis_mut(ndarray::Axis(0), 0).assign(&values.map(|v| Complex32::new(v.re as f32, v.im as f32)));
    }
    let espirit = Espirit { calibration: 20, ..Espirit::default() };
    let centre = kspace.slice(s![.., 6..26, 6..26]).map(wide).insert_axis(ndarray::Axis(1));
    let (a, b) = (espirit.of_images(images.view()).unwrap(), espirit.of_calibration(centre.view(), 32, 32).unwrap());
    let largest = a.iter().zip(&b).map(|(a, b)| (a - b).norm()).fold(0.0, f32::max);
    assert!(largest < 1e-3, "{largest}");
}

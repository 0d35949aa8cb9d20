//! Sensitivities of receive coils, (coil, y, x): simulated, or estimated from the data.
//!
//! Sensitivities are normalised: the sum of squares over the coils is 1 wherever they are defined, and 0 elsewhere.

use std::f64::consts::TAU;

use diph_core::{Error, ForwardOperator, Result};
use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;

/// Distance of simulated coils from the centre, in halves of the field of view.
const RING: f64 = 1.5;
/// Steps of the power iteration; neighbouring eigenvalues lie far apart where there is signal.
const STEPS: usize = 30;

/// Sensitivities of `coils` straight conductors on a circle around the image, like the rungs of a birdcage: the
/// transverse field of a conductor at z_c in the complex plane is proportional to 1 / (z - z_c) (Biot and Savart). One
/// coil sees everything alike.
///
/// # Errors
/// [`Error::Parameter`] when there is no coil or no pixel.
pub fn birdcage(coils: usize, height: usize, width: usize) -> Result<Array3<Complex32>> {
    for (count, name) in [(coils, "coils"), (height, "image height"), (width, "image width")] {
        if count == 0 {
            return Err(Error::parameter("birdcage coils", name, "1 or more", count));
        }
    }
    if coils == 1 {
        return Ok(Array3::from_elem((1, height, width), Complex32::from(1.0)));
    }
    // Coordinates from -1 to 1 within the image.
    let place = |r: usize, n: usize| 2.0 * (r as f64 - (n / 2) as f64) / n as f64;
    let field = |coil: usize, z: Complex64| {
        let angle = TAU * coil as f64 / coils as f64;
        Complex64::from_polar(1.0, angle) / (z - Complex64::from_polar(RING, angle))
    };
    let sensitivity = |(coil, y, x): (usize, usize, usize)| {
        let z = Complex64::new(place(x, width), place(y, height));
        let norm = (0..coils).map(|c| field(c, z).norm_sqr()).sum::<f64>().sqrt();
        let value = field(coil, z) / norm;
        Complex32::new(value.re as f32, value.im as f32)
    };
    Ok(Array3::from_shape_fn((coils, height, width), sensitivity))
}

/// Sensitivities out of coil images (coil, coefficient, y, x): in every pixel the strongest eigenvector of the coils'
/// covariance over all coefficients and a neighbourhood of `2 radius + 1` pixels squared (Walsh, Gmitro and Marcellin
/// 2000). Its phase is that of the image of a virtual coil, the strongest combination over the whole image (as in
/// Buehrer et al. 2009), so that the result is smooth and depends on nothing but the images.
///
/// # Errors
/// [`Error::Shape`] when an axis is empty, [`Error::NotFinite`] for NaN or infinity.
pub fn walsh(images: ArrayView4<'_, Complex32>, radius: usize) -> Result<Array3<Complex32>> {
    let (coils, coefficients, height, width) = images.dim();
    if images.is_empty() {
        return Err(Error::Shape {
            operation: "Walsh coil estimate".into(),
            role: "coil images (coil, coefficient, y, x)".into(),
            expected: [coils, coefficients, height, width].map(|n| n.max(1)).to_vec(),
            got: images.shape().to_vec(),
        });
    }
    if let Some(index) = images.iter().position(|value| !value.is_finite()) {
        let (operation, role) = ("Walsh coil estimate".into(), "coil images".into());
        return Err(Error::NotFinite { operation, role, index });
    }
    // Coils last: the inner loops run over pairs of coils.
    let pixels = images.permuted_axes([2, 3, 1, 0]);
    let pixels = pixels.as_standard_layout();
    let rows: Vec<Vec<Covariance>> =
        (0..height).into_par_iter().map(|y| row_covariances(pixels.index_axis(Axis(0), y))).collect();

    let mut global = Covariance::zero(coils);
    rows.iter().flatten().for_each(|covariance| global.add(covariance));
    let reference = global.strongest();

    let near = |i: usize, n: usize| i.saturating_sub(radius)..n.min(i + radius + 1);
    let estimates: Vec<Vec<Complex64>> = (0..height * width)
        .into_par_iter()
        .map(|pixel| {
            let mut covariance = Covariance::zero(coils);
            for row in &rows[near(pixel / width, height)] {
                row[near(pixel % width, width)].iter().for_each(|other| covariance.add(other));
            }
            in_phase(covariance.strongest(), &reference)
        })
        .collect();
    Ok(Array3::from_shape_fn((coils, height, width), |(coil, y, x)| {
        let value = estimates[y * width + x][coil];
        Complex32::new(value.re as f32, value.im as f32)
    }))
}

/// Sensitivities out of k-space (coil, frame, sample): the adjoint of `operator`, an acquisition with one coil, gives
/// the coil images for [`walsh`]. Data weights of the operator are applied.
///
/// # Errors
/// [`Error::Incompatible`] when the operator has more than one coil, [`Error::Shape`] when the k-space does not fit it;
/// otherwise as [`walsh`].
pub fn walsh_from_kspace(
    operator: &dyn ForwardOperator,
    kspace: ArrayView3<'_, Complex32>,
    radius: usize,
) -> Result<Array3<Complex32>> {
    let (domain, range) = (operator.domain().shape(), operator.range().shape());
    let (&[coefficients, height, width], &[1, _, _]) = (&domain[..], &range[..]) else {
        let expected = "an operator from (coefficient, y, x) to (1 coil, frame, sample)";
        let got = format!("{} to {}", operator.domain(), operator.range());
        return Err(Error::incompatible("Walsh coil estimate", expected, got));
    };
    let weights = operator.data_weights()?;
    let mut images = Array4::zeros((kspace.dim().0, coefficients, height, width));
    for (samples, image) in kspace.outer_iter().zip(images.outer_iter_mut()) {
        let mut samples = samples.insert_axis(Axis(0)).into_dyn().as_standard_layout().into_owned();
        operator.range().check("Walsh coil estimate", "k-space of a coil", samples.shape())?;
        if let Some(weights) = &weights {
            samples.zip_mut_with(weights, |sample, weight| *sample *= weight);
        }
        operator.adjoint(samples.view(), image.into_dyn())?;
    }
    walsh(images.view(), radius)
}

/// Hermitian covariance of the coils, row by row.
#[derive(Clone)]
struct Covariance {
    coils: usize,
    values: Vec<Complex64>,
}

impl Covariance {
    fn zero(coils: usize) -> Self {
        Self { coils, values: vec![Complex64::default(); coils * coils] }
    }

    fn add(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
    }

    fn add_signal(&mut self, signal: &[Complex64]) {
        for (row, left) in self.values.chunks_exact_mut(self.coils).zip(signal) {
            row.iter_mut().zip(signal).for_each(|(sum, right)| *sum += left * right.conj());
        }
    }

    /// Eigenvector of the largest eigenvalue, of length 1; zero for no signal.
    fn strongest(&self) -> Vec<Complex64> {
        let diagonal = |coil: usize| self.values[coil * (self.coils + 1)].re;
        // The first of the strongest coils, so that ties do not depend on anything else.
        let brightest = (0..self.coils).rev().max_by(|a, b| diagonal(*a).total_cmp(&diagonal(*b))).unwrap_or(0);
        let mut vector: Vec<Complex64> = self.values.chunks_exact(self.coils).map(|row| row[brightest]).collect();
        for _ in 0..STEPS {
            normalise(&mut vector);
            let product = |row: &[Complex64]| row.iter().zip(&vector).map(|(a, b)| a * b).sum();
            vector = self.values.chunks_exact(self.coils).map(product).collect();
        }
        normalise(&mut vector);
        vector
    }
}

/// Covariance of every pixel of a row (x, coefficient, coil).
fn row_covariances(row: ArrayView3<'_, Complex32>) -> Vec<Covariance> {
    let coils = row.dim().2;
    let covariance = |pixel: ndarray::ArrayView2<'_, Complex32>| {
        let mut sum = Covariance::zero(coils);
        for signal in pixel.outer_iter() {
            let signal: Vec<_> = signal.iter().map(|v| Complex64::new(v.re.into(), v.im.into())).collect();
            sum.add_signal(&signal);
        }
        sum
    };
    row.outer_iter().map(covariance).collect()
}

fn normalise(vector: &mut [Complex64]) {
    let norm = vector.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
}

/// `vector` with the phase that makes its product with `reference` positive.
fn in_phase(mut vector: Vec<Complex64>, reference: &[Complex64]) -> Vec<Complex64> {
    let product: Complex64 = vector.iter().zip(reference).map(|(v, r)| v * r.conj()).sum();
    if product.norm() > 0.0 {
        let phase = product.conj() / product.norm();
        vector.iter_mut().for_each(|value| *value *= phase);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MrfOperator, MrfOptions, Trajectory, density};
    use ndarray::Array2;

    fn disc(height: usize, width: usize) -> Array2<f32> {
        Array2::from_shape_fn((height, width), |(y, x)| {
            let (y, x) = (y as f32 / height as f32 - 0.5, x as f32 / width as f32 - 0.5);
            if y.hypot(x) < 0.4 { 1.0 + x } else { 0.0 }
        })
    }

    /// |<a, b>| over the coils: 1 where two sets of sensitivities agree up to a phase.
    fn agreement(a: &Array3<Complex32>, b: &Array3<Complex32>, y: usize, x: usize) -> f32 {
        (0..a.dim().0).map(|coil| a[[coil, y, x]] * b[[coil, y, x]].conj()).sum::<Complex32>().norm()
    }

    #[test]
    fn birdcage_is_normalised_and_strongest_near_each_coil() {
        let maps = birdcage(4, 33, 40).unwrap();
        for y in 0..33 {
            for x in 0..40 {
                assert!((agreement(&maps, &maps, y, x) - 1.0).abs() < 1e-5);
            }
        }
        assert!(maps[[0, 16, 39]].norm() > 2.0 * maps[[2, 16, 39]].norm());
        assert!(maps[[1, 32, 20]].norm() > 2.0 * maps[[3, 32, 20]].norm());
        assert!(birdcage(0, 4, 4).is_err());
        assert_eq!(birdcage(1, 2, 2).unwrap()[[0, 1, 1]], Complex32::from(1.0));
    }

    #[test]
    fn walsh_finds_the_maps_of_coil_images() {
        let (maps, object) = (birdcage(5, 40, 36).unwrap(), disc(40, 36));
        let images = Array4::from_shape_fn((5, 3, 40, 36), |(c, k, y, x)| {
            maps[[c, y, x]] * object[[y, x]] * Complex32::from_polar(1.0 + k as f32, 0.1 * (k * y) as f32)
        });
        let found = walsh(images.view(), 1).unwrap();
        for y in 12..28 {
            for x in 10..26 {
                let agreement = agreement(&maps, &found, y, x);
                assert!(agreement > 0.999, "{agreement} at {y}, {x}");
            }
        }
        assert_eq!(found[[2, 0, 0]], Complex32::default());
    }

    #[test]
    fn walsh_finds_the_maps_of_kspace() {
        let (maps, object) = (birdcage(4, 32, 32).unwrap(), disc(32, 32));
        let trajectory = Trajectory::golden_angle_radial(80, 64).unwrap();
        let mut options = MrfOptions::new(trajectory, Array2::ones((80, 1)), 32, 32);
        options.weights = Some(density::by_area(&options.trajectory));
        let single = MrfOperator::new(options.clone()).unwrap();
        let multi = MrfOperator::new(MrfOptions { coil_maps: Some(maps.clone()), weights: None, ..options }).unwrap();
        let image = object.mapv(Complex32::from).insert_axis(Axis(0)).into_dyn();
        let mut kspace = Array3::zeros((4, 80, 64));
        multi.forward(image.view(), kspace.view_mut().into_dyn()).unwrap();
        let found = walsh_from_kspace(&single, kspace.view(), 2).unwrap();
        for y in 10..22 {
            for x in 10..22 {
                let agreement = agreement(&maps, &found, y, x);
                assert!(agreement > 0.99, "{agreement} at {y}, {x}");
            }
        }
        assert!(walsh_from_kspace(&multi, kspace.view(), 2).is_err());
        assert!(walsh_from_kspace(&single, kspace.slice(ndarray::s![.., ..40, ..]), 2).is_err());
    }
}

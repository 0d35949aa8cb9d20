//! Sensitivities by Walsh's method.

use diph_core::Result;
use ndarray::{Array3, ArrayView3, ArrayView4, Axis};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;

use crate::coil_images::check_images;
use crate::covariance::{Covariance, in_phase};

/// Sensitivities out of coil images (coil, coefficient, y, x): in every pixel the strongest eigenvector of the coils'
/// covariance over all coefficients and a neighbourhood of `2 radius + 1` pixels squared (Walsh, Gmitro and Marcellin
/// 2000). Its phase is that of the image of a virtual coil, the strongest combination over the whole image (as in
/// Buehrer et al. 2009), so that the result is smooth and depends on nothing but the images.
///
/// # Errors
/// [`Error::Shape`](diph_core::Error::Shape) when an axis is empty, [`Error::NotFinite`](diph_core::Error::NotFinite) for NaN or infinity.
pub fn walsh(images: ArrayView4<'_, Complex32>, radius: usize) -> Result<Array3<Complex32>> {
    let (coils, _, height, width) = images.dim();
    check_images("Walsh coil estimate", &images)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{birdcage, coil_images};
    use diph_core::ForwardOperator;
    use diph_nufft::{MrfOperator, MrfOptions, Trajectory, density};
    use ndarray::{Array2, Array4};

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
        let images = coil_images(&single, kspace.view()).unwrap();
        let found = walsh(images.view(), 2).unwrap();
        for y in 10..22 {
            for x in 10..22 {
                let agreement = agreement(&maps, &found, y, x);
                assert!(agreement > 0.99, "{agreement} at {y}, {x}");
            }
        }
        assert!(coil_images(&multi, kspace.view()).is_err());
        assert!(coil_images(&single, kspace.slice(ndarray::s![.., ..40, ..])).is_err());
    }
}

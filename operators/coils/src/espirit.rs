//! Sensitivities by ESPIRiT.

use std::f64::consts::TAU;

use diph_core::{Error, Result};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView4};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;

use crate::coil_images::check_images;
use crate::covariance::{Covariance, in_phase};

const OPERATION: &str = "ESPIRiT";

/// ESPIRiT (Uecker et al. 2014): neighbourhoods in the centre of k-space lie in a subspace that the sensitivities span.
/// In every pixel, the projection on this subspace is a small matrix over the coils that leaves the sensitivities as they
/// are: its eigenvector of eigenvalue 1. Where there is no signal, all eigenvalues are smaller, and the sensitivities are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Espirit {
    /// Side of the square in the centre of k-space that is calibrated from; a shorter side of the image takes its place.
    pub calibration: usize,
    /// Side of a neighbourhood.
    pub kernel: usize,
    /// Least energy of a direction of the subspace, as a part of the strongest one's.
    pub threshold: f64,
    /// Least eigenvalue of a pixel that has a sensitivity.
    pub crop: f64,
}

impl Default for Espirit {
    /// The choice of the paper's authors in BART: 24, 6, 0.001 and 0.8.
    fn default() -> Self {
        Self { calibration: 24, kernel: 6, threshold: 0.001, crop: 0.8 }
    }
}

impl Espirit {
    /// Sensitivities (coil, y, x) out of coil images (coil, coefficient, y, x), which may alias as long as the centre of
    /// k-space is sampled: for non-Cartesian data those of the adjoint with density compensation. The images of all
    /// coefficients have the same sensitivities and calibrate together.
    ///
    /// The phase is that of a virtual coil, the strongest combination over the whole image.
    ///
    /// # Errors
    /// [`Error::Shape`] when an axis is empty, [`Error::NotFinite`] for NaN or infinity, [`Error::Parameter`] for a
    /// neighbourhood that is empty or larger than the calibration or the image, and thresholds outside of \[0, 1\].
    pub fn of_images(&self, images: ArrayView4<'_, Complex32>) -> Result<Array3<Complex32>> {
        check_images(OPERATION, &images)?;
        let (_, _, height, width) = images.dim();
        self.of_calibration(self.centre(images).view(), height, width)
    }

    /// Sensitivities (coil, y, x) out of the centre of k-space (coil, coefficient, ky, kx), sampled in steps of one cycle
    /// per field of view, with position 0 at the middle N/2 of both axes.
    ///
    /// # Errors
    /// As [`of_images`](Self::of_images).
    pub fn of_calibration(
        &self,
        centre: ArrayView4<'_, Complex64>,
        height: usize,
        width: usize,
    ) -> Result<Array3<Complex32>> {
        let coils = centre.dim().0;
        self.check(&centre)?;
        let relations = self.relations(centre);
        let (rows, columns) = (waves(height, self.kernel), waves(width, self.kernel));
        let reference = covariance(centre).strongest();
        let estimates: Vec<Vec<Vec<Complex64>>> = (0..height)
            .into_par_iter()
            .map(|y| {
                let of_row = relations.of_row(&rows, y);
                let of_pixel = |x| {
                    let (vector, value) = of_row.covariance(&columns, x).strongest_with_value();
                    match value >= self.crop {
                        true => in_phase(vector, &reference),
                        false => vec![Complex64::default(); coils],
                    }
                };
                (0..width).map(of_pixel).collect()
            })
            .collect();
        Ok(Array3::from_shape_fn((coils, height, width), |(coil, y, x)| {
            let value = estimates[y][x][coil];
            Complex32::new(value.re as f32, value.im as f32)
        }))
    }

    fn check(&self, centre: &ArrayView4<'_, Complex64>) -> Result<()> {
        let (coils, coefficients, height, width) = centre.dim();
        let side = height.min(width);
        if coils * coefficients == 0 || !(1..=side).contains(&self.kernel) {
            return Err(Error::parameter(OPERATION, "side of a neighbourhood", format!("1 to {side}"), self.kernel));
        }
        for (name, value) in [("threshold", self.threshold), ("crop", self.crop)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::parameter(OPERATION, name, "0 to 1", value));
            }
        }
        Ok(())
    }

    /// The centre of the k-space of images, (coil, coefficient, ky, kx).
    fn centre(&self, images: ArrayView4<'_, Complex32>) -> Array4<Complex64> {
        let (coils, coefficients, height, width) = images.dim();
        let (rows, columns) = (transform(height, self.calibration), transform(width, self.calibration));
        let mut centre = Array4::zeros((coils, coefficients, rows.nrows(), columns.nrows()));
        for (images, mut centre) in images.outer_iter().zip(centre.outer_iter_mut()) {
            for (image, mut centre) in images.outer_iter().zip(centre.outer_iter_mut()) {
                let image = image.mapv(|value| Complex64::new(value.re.into(), value.im.into()));
                centre.assign(&rows.dot(&image).dot(&columns.t()));
            }
        }
        centre
    }

    /// How every coil follows from every other and from itself.
    fn relations(&self, centre: ArrayView4<'_, Complex64>) -> Relations {
        let (coils, kernel) = (centre.dim().0, self.kernel);
        let projection = self.projection(&neighbourhoods(centre, kernel));
        let side = 2 * kernel - 1;
        let mut values = Array4::zeros((coils, coils, side, side));
        let places: Vec<[usize; 3]> =
            (0..coils * kernel * kernel).map(|at| [at / kernel / kernel, at / kernel % kernel, at % kernel]).collect();
        for (i, &[coil, y, x]) in places.iter().enumerate() {
            for (j, &[other, other_y, other_x]) in places.iter().enumerate() {
                values[[coil, other, other_y + kernel - 1 - y, other_x + kernel - 1 - x]] += projection[(i, j)];
            }
        }
        values.mapv_inplace(|value| value / (kernel * kernel) as f64);
        Relations { values }
    }

    /// The projection on the subspace of neighbourhoods (neighbourhood, coil and place).
    fn projection(&self, neighbourhoods: &Array2<Complex64>) -> DMatrix<Complex64> {
        let size = neighbourhoods.ncols();
        let by_place = neighbourhoods.t().as_standard_layout().into_owned();
        let product = |i: usize, j: usize| -> Complex64 {
            by_place.row(i).iter().zip(by_place.row(j)).map(|(a, b)| a * b.conj()).sum()
        };
        let gram: Vec<Vec<Complex64>> =
            (0..size).into_par_iter().map(|i| (0..=i).map(|j| product(i, j)).collect()).collect();
        let gram = DMatrix::from_fn(size, size, |i, j| if j <= i { gram[i][j] } else { gram[j][i].conj() });
        let eigen = SymmetricEigen::new(gram);
        let strongest = eigen.eigenvalues.max();
        let kept: Vec<usize> =
            (0..size).filter(|at| eigen.eigenvalues[*at] > (self.threshold * strongest).max(0.0)).collect();
        let basis = eigen.eigenvectors.select_columns(&kept);
        &basis * basis.adjoint()
    }
}

/// Rows that transform a side of `length` pixels to its `count` lowest frequencies, (frequency, pixel).
fn transform(length: usize, count: usize) -> Array2<Complex64> {
    let count = count.min(length);
    Array2::from_shape_fn((count, length), |(frequency, pixel)| {
        let (frequency, place) = (frequency as f64 - (count / 2) as f64, pixel as f64 - (length / 2) as f64);
        Complex64::from_polar(1.0, -TAU * frequency * place / length as f64)
    })
}

/// What a shift in k-space by 1 - kernel to kernel - 1 steps does in every pixel, (pixel, shift).
fn waves(length: usize, kernel: usize) -> Array2<Complex64> {
    Array2::from_shape_fn((length, 2 * kernel - 1), |(pixel, shift)| {
        let (shift, place) = (shift as f64 - (kernel as f64 - 1.0), pixel as f64 - (length / 2) as f64);
        Complex64::from_polar(1.0, -TAU * shift * place / length as f64)
    })
}

/// All neighbourhoods of the centre, (coefficient and position, coil and place).
fn neighbourhoods(centre: ArrayView4<'_, Complex64>, kernel: usize) -> Array2<Complex64> {
    let (coils, coefficients, height, width) = centre.dim();
    let (rows, columns) = (height + 1 - kernel, width + 1 - kernel);
    Array2::from_shape_fn((coefficients * rows * columns, coils * kernel * kernel), |(at, place)| {
        let (coefficient, y, x) = (at / columns / rows, at / columns % rows, at % columns);
        let (coil, place_y, place_x) = (place / kernel / kernel, place / kernel % kernel, place % kernel);
        centre[[coil, coefficient, y + place_y, x + place_x]]
    })
}

/// Covariance of the coils over the whole centre.
fn covariance(centre: ArrayView4<'_, Complex64>) -> Covariance {
    let mut sum = Covariance::zero(centre.dim().0);
    for signal in centre.lanes(ndarray::Axis(0)) {
        sum.add_signal(&signal.to_vec());
    }
    sum
}

/// Contributions of coils to coils, shifted in k-space: (coil, other coil, shift in y, shift in x).
struct Relations {
    values: Array4<Complex64>,
}

impl Relations {
    fn of_row(&self, rows: &Array2<Complex64>, y: usize) -> RowRelations {
        let (coils, _, side, _) = self.values.dim();
        let wave = rows.row(y);
        let of_pair = |pair: ArrayView2<'_, Complex64>, shift: usize| -> Complex64 {
            pair.column(shift).iter().zip(wave).map(|(value, wave)| value * wave).sum()
        };
        let values = Array3::from_shape_fn((coils, coils, side), |(coil, other, shift)| {
            of_pair(self.values.slice(ndarray::s![coil, other, .., ..]), shift)
        });
        RowRelations { values }
    }
}

/// Contributions of coils to coils in a row of the image: (coil, other coil, shift in x).
struct RowRelations {
    values: Array3<Complex64>,
}

impl RowRelations {
    fn covariance(&self, columns: &Array2<Complex64>, x: usize) -> Covariance {
        let (coils, _, _) = self.values.dim();
        let wave = columns.row(x);
        let value = |shifts: ndarray::ArrayView1<'_, Complex64>| -> Complex64 {
            shifts.iter().zip(wave).map(|(value, wave)| value * wave).sum()
        };
        let values = self.values.lanes(ndarray::Axis(2)).into_iter().map(value).collect();
        Covariance { coils, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::birdcage;

    #[test]
    fn finds_the_maps_of_coil_images_and_nothing_outside() {
        let maps = birdcage(5, 40, 36).unwrap();
        let object = |y: usize, x: usize| {
            let (y, x) = (y as f32 / 40.0 - 0.5, x as f32 / 36.0 - 0.5);
            if y.hypot(x) < 0.3 { 1.0 + x } else { 0.0 }
        };
        let images = Array4::from_shape_fn((5, 2, 40, 36), |(c, k, y, x)| {
            maps[[c, y, x]] * object(y, x) * Complex32::from_polar(1.0 + k as f32, 0.1 * (k * y) as f32)
        });
        let found = Espirit::default().of_images(images.view()).unwrap();
        for y in 0..40 {
            for x in 0..36 {
                let agreement: Complex32 = (0..5).map(|c| maps[[c, y, x]] * found[[c, y, x]].conj()).sum();
                if object(y, x) > 0.0 {
                    assert!(agreement.norm() > 0.995, "{agreement} at {y}, {x}");
                }
            }
        }
        assert_eq!(found[[2, 0, 0]], Complex32::default());
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let images = Array4::from_elem((2, 1, 8, 8), Complex32::ONE);
        for wrong in [
            Espirit { kernel: 0, ..Espirit::default() },
            Espirit { kernel: 9, ..Espirit::default() },
            Espirit { crop: 1.5, ..Espirit::default() },
            Espirit { threshold: f64::NAN, ..Espirit::default() },
            Espirit { calibration: 0, ..Espirit::default() },
        ] {
            assert!(wrong.of_images(images.view()).is_err(), "{wrong:?}");
        }
        assert!(Espirit::default().of_images(Array4::zeros((0, 1, 8, 8)).view()).is_err());
        assert!(
            Espirit::default().of_images(Array4::zeros((2, 1, 8, 8)).view()).unwrap().iter().all(|v| v.norm() == 0.0)
        );
    }
}

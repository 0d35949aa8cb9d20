//! Few virtual coils of the most energy.

use std::fmt;
use std::str::FromStr;

use diph_core::{Error, Result};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView2, ArrayView3};
use num_complex::{Complex32, Complex64};

const OPERATION: &str = "coil compression";

/// How many virtual coils are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compression {
    /// That many.
    Coils(usize),
    /// As few as hold that part of the energy, above 0 and at most 1.
    Energy(f64),
}

/// Virtual coils (Buehrer et al. 2007): the principal components of the signals of all coils, the strongest first.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualCoils {
    /// (virtual coil, coil), rows of length 1 at right angles, for [`mix`](crate::mix).
    pub matrix: Array2<Complex64>,
    /// The part of the energy that the virtual coils hold.
    pub energy: f64,
}

impl Compression {
    /// The virtual coils of k-space (coil, frame, sample). Noise should be [white](crate::Prewhitening).
    ///
    /// # Errors
    /// [`Error::Parameter`] for no virtual coil, more than there are coils, or a part of the energy outside of (0, 1];
    /// [`Error::NotFinite`] for NaN or infinity, [`Error::Incompatible`] for k-space of zeros only.
    pub fn of(self, kspace: ArrayView3<'_, Complex32>) -> Result<VirtualCoils> {
        let coils = kspace.dim().0;
        match self {
            Self::Coils(count) if !(1..=coils).contains(&count) => {
                return Err(Error::parameter(OPERATION, "virtual coils", format!("1 to {coils}"), count));
            }
            Self::Energy(part) if !(part > 0.0 && part <= 1.0) => {
                return Err(Error::parameter(OPERATION, "energy", "above 0 and at most 1", part));
            }
            Self::Coils(_) | Self::Energy(_) => (),
        }
        if let Some(index) = kspace.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { operation: OPERATION.into(), role: "k-space".into(), index });
        }
        let eigen = SymmetricEigen::new(covariance(kspace));
        let mut order: Vec<usize> = (0..coils).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let total: f64 = eigen.eigenvalues.iter().map(|value| value.max(0.0)).sum();
        if total <= 0.0 {
            return Err(Error::incompatible(OPERATION, "k-space with a signal", "zeros only"));
        }
        let held = |count: usize| order[..count].iter().map(|at| eigen.eigenvalues[*at].max(0.0)).sum::<f64>() / total;
        let count = match self {
            Self::Coils(count) => count,
            Self::Energy(part) => (1..coils).find(|count| held(*count) >= part).unwrap_or(coils),
        };
        let matrix = Array2::from_shape_fn((count, coils), |(virtual_coil, coil)| {
            let vector = eigen.eigenvectors.column(order[virtual_coil]);
            (vector[coil] * phase_of_largest(vector.as_slice()).conj()).conj()
        });
        Ok(VirtualCoils { matrix, energy: held(count).min(1.0) })
    }
}

/// (coil, coil), summed over all samples.
fn covariance(kspace: ArrayView3<'_, Complex32>) -> DMatrix<Complex64> {
    let product = |a: ArrayView2<'_, Complex32>, b: ArrayView2<'_, Complex32>| -> Complex64 {
        let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
        a.iter().zip(&b).map(|(a, b)| wide(a) * wide(b).conj()).sum()
    };
    let coils: Vec<_> = kspace.outer_iter().collect();
    DMatrix::from_fn(coils.len(), coils.len(), |row, column| product(coils[row], coils[column]))
}

/// Phase of the largest entry: eigenvectors leave it open, and results shall not.
fn phase_of_largest(vector: &[Complex64]) -> Complex64 {
    let largest = vector.iter().rev().max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr()));
    largest.filter(|value| value.norm() > 0.0).map_or(Complex64::ONE, |value| value / value.norm())
}

impl FromStr for Compression {
    type Err = String;

    /// A number of coils (`8`), or with a point a part of the energy (`0.99`).
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parsed = match text.contains('.') {
            true => text.parse().ok().filter(|part| *part > 0.0 && *part <= 1.0).map(Self::Energy),
            false => text.parse().ok().filter(|count| *count > 0).map(Self::Coils),
        };
        parsed.ok_or_else(|| {
            format!("expected a number of coils such as 8 or a part of the energy such as 0.99, got `{text}`")
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coils(count) => write!(f, "{count}"),
            Self::Energy(part) => write!(f, "{part:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix;
    use ndarray::Array3;

    /// Four coils, mixtures of two signals.
    fn kspace() -> Array3<Complex32> {
        Array3::from_shape_fn((4, 3, 20), |(coil, frame, sample)| {
            let (at, coil) = ((20 * frame + sample) as f32, coil as f32);
            Complex32::from_polar(1.0 + coil, at) + Complex32::from_polar(0.3 * coil, 2.7 * at + coil)
        })
    }

    #[test]
    fn two_signals_need_two_coils() {
        let kspace = kspace();
        let found = Compression::Energy(0.9999).of(kspace.view()).unwrap();
        assert_eq!(found.matrix.dim(), (2, 4));
        assert!(found.energy > 0.9999);
        let few = mix(found.matrix.view(), kspace.view().into_dyn()).unwrap();
        let energy = |values: &mut dyn Iterator<Item = &Complex32>| values.map(Complex32::norm_sqr).sum::<f32>();
        let (before, after) = (energy(&mut kspace.iter()), energy(&mut few.iter()));
        assert!((after / before - 1.0).abs() < 1e-4, "{after} of {before}");
        assert_eq!(Compression::Coils(3).of(kspace.view()).unwrap().matrix.nrows(), 3);
        assert!(Compression::Coils(5).of(kspace.view()).is_err());
        assert!(Compression::Coils(2).of(Array3::zeros((2, 1, 1)).view()).is_err());
    }

    #[test]
    fn a_point_tells_energy_from_coils() {
        assert_eq!("8".parse(), Ok(Compression::Coils(8)));
        assert_eq!("0.99".parse(), Ok(Compression::Energy(0.99)));
        assert_eq!(Compression::Energy(1.0).to_string().parse(), Ok(Compression::Energy(1.0)));
        for text in ["", "0", "1.5", "0.0", "-1", "x", "NaN"] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
    }
}

//! Rows of the temporal basis by regularised least squares.

use diph_nufft::SpectrumPoint;
use nalgebra::{DMatrix, DVector};
use ndarray::Array2;

use crate::measured_slices::MeasuredSlices;
use crate::{RecoverError, Result};

/// The normal equations of every frame's row of the temporal basis, to which samples are added.
///
/// Columns of a temporal basis have unit length, so that an entry has the variance 1/frames before anything is measured. The
/// fit is the posterior mean under that prior: coefficients that the noise hides are drawn towards zero. Plain least squares
/// would put the noise of the fit into the basis, and images reconstructed with such a basis come out too weak in these coefficients.
pub struct BasisFit {
    /// One a frame: `Re sum of conj(g) g^T` over samples and slices, g the spectra of the coefficients.
    normal: Vec<DMatrix<f64>>,
    /// One a frame: `Re sum of conj(g) y`.
    right: Vec<DVector<f64>>,
}

/// A fitted basis and how well it is determined.
pub struct FittedBasis {
    /// (frame, coefficient).
    pub basis: Array2<f64>,
    /// For every coefficient, the root mean square over frames of the entries' standard errors.
    pub errors: Vec<f64>,
}

impl BasisFit {
    /// A fit that has seen no sample yet.
    pub fn new(measured: &MeasuredSlices) -> Self {
        let (frames, coefficients) = (measured.frames(), measured.coefficients());
        Self {
            normal: vec![DMatrix::zeros(coefficients, coefficients); frames],
            right: vec![DVector::zeros(coefficients); frames],
        }
    }

    /// Adds one sample of one frame with the spectra at its position.
    pub fn add(&mut self, measured: &MeasuredSlices, frame: usize, sample: usize, points: &[SpectrumPoint]) {
        let coefficients = measured.coefficients();
        let (normal, right) = (&mut self.normal[frame], &mut self.right[frame]);
        for (slice, spectra) in points.chunks_exact(coefficients).enumerate() {
            let value = measured.measured(slice, frame, sample);
            for (k, a) in spectra.iter().enumerate() {
                right[k] += f64::from((a.value.conj() * value).re);
                for (l, b) in spectra[..=k].iter().enumerate() {
                    let product = f64::from((a.value.conj() * b.value).re);
                    normal[(k, l)] += product;
                    if l < k {
                        normal[(l, k)] += product;
                    }
                }
            }
        }
    }

    /// Solves for every frame, for noise of this variance per complex sample.
    ///
    /// # Errors
    /// [`RecoverError::Undetermined`] when the equations hold a value that is not finite.
    pub fn solve(&self, noise_variance: f64) -> Result<FittedBasis> {
        let frames = self.normal.len();
        let coefficients = self.right.first().map_or(0, DVector::len);
        let mut basis = Array2::zeros((frames, coefficients));
        let mut variances = vec![0.0; coefficients];
        // A real part carries half of the noise's variance.
        let ridge = frames as f64 * noise_variance / 2.0;
        for (frame, (normal, right)) in self.normal.iter().zip(&self.right).enumerate() {
            let regularised = normal + DMatrix::identity(coefficients, coefficients) * ridge;
            let inverse = regularised.cholesky().map(|factors| factors.inverse()).ok_or_else(undetermined)?;
            let row = &inverse * right;
            for k in 0..coefficients {
                basis[[frame, k]] = row[k];
                variances[k] += inverse[(k, k)] * noise_variance / 2.0;
            }
        }
        let errors = variances.iter().map(|sum| (sum / frames as f64).sqrt()).collect();
        Ok(FittedBasis { basis, errors })
    }
}

fn undetermined() -> RecoverError {
    let reason = "its normal equations are singular, because images are zero or not finite".into();
    RecoverError::Undetermined { step: "fitting the temporal basis", reason }
}

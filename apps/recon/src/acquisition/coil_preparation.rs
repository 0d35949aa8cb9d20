//! What happens to coils before anything is reconstructed.

use diph_coils::{Compression, Prewhitening, VirtualCoils, mix};
use ndarray::{Array2, Array3, ArrayView3};
use num_complex::{Complex32, Complex64};

use crate::{Blame, ReconError};

/// What happens to coils before anything is reconstructed: their noise is made uncorrelated, and fewer virtual coils take their place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoilPreparation {
    /// What makes the noise uncorrelated.
    pub whitening: Option<Prewhitening>,
    /// How many virtual coils are kept.
    pub compression: Option<Compression>,
}

/// The coils of a slice after their preparation.
pub struct PreparedCoils {
    /// K-space (coil, frame, sample).
    pub kspace: Array3<Complex32>,
    /// (new coil, coil): what the sensitivities of the old coils are mixed by.
    pub matrix: Array2<Complex64>,
    /// The part of the energy that virtual coils hold, where there are any.
    pub energy: Option<f64>,
}

impl CoilPreparation {
    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        self.whitening.is_none() && self.compression.is_none()
    }

    /// Prepares the coils of k-space (coil, frame, sample).
    ///
    /// # Errors
    /// Naming the setting `noise` where the noise is of another number of coils, and `coil_compression` where the number of virtual
    /// coils does not fit.
    pub fn apply(&self, kspace: ArrayView3<'_, Complex32>) -> Result<PreparedCoils, ReconError> {
        let coils = kspace.dim().0;
        let mut prepared = PreparedCoils { kspace: kspace.to_owned(), matrix: Array2::eye(coils), energy: None };
        if let Some(whitening) = &self.whitening {
            let noisy = whitening.matrix.nrows();
            if noisy != coils {
                let message = format!("expected noise of {coils} coils as in the k-space, got {noisy}");
                return Err(ReconError::setting("noise", message));
            }
            prepared.mix(&whitening.matrix).setting("noise")?;
        }
        if let Some(compression) = self.compression {
            let VirtualCoils { matrix, energy } = compression.of(prepared.kspace.view()).setting("coil_compression")?;
            prepared.mix(&matrix).setting("coil_compression")?;
            prepared.energy = Some(energy);
        }
        Ok(prepared)
    }
}

impl PreparedCoils {
    fn mix(&mut self, matrix: &Array2<Complex64>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.kspace = mix(matrix.view(), self.kspace.view().into_dyn())?.into_dimensionality()?;
        self.matrix = matrix.dot(&self.matrix);
        Ok(())
    }
}

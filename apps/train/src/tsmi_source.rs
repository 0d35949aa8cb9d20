//! Stored images of a data folder.

use diph_core::{Result, Rng};
use diph_datasets::{DatasetFolder, SliceId};
use ndarray::{Array3, Ix3};
use num_complex::Complex32;
use rand::RngExt;

use crate::ImageSource;
use diph_recon::{Blame, ReconError};

/// Reference TSMIs of a data folder, as they are.
pub struct TsmiSource {
    images: Vec<Array3<Complex32>>,
}

impl TsmiSource {
    /// Reads the reference TSMIs of the slices, all of which must have the shape (coefficient, y, x).
    ///
    /// # Errors
    /// Naming the file, what was expected and what came.
    pub fn read(
        folder: &DatasetFolder,
        slices: &[SliceId],
        cut: usize,
        shape: (usize, usize, usize),
    ) -> Result<Self, ReconError> {
        let read = |id: &SliceId| {
            let path = folder.reference_tsmi_path(*id, cut);
            let image = folder.reference_tsmi(*id, cut).file(&path)?;
            let got = image.shape().to_vec();
            match image.into_dimensionality::<Ix3>() {
                Ok(image) if image.dim() == shape => Ok(image),
                _ => Err(ReconError::input(&path, format!("key `tsmi_ref`: expected {shape:?}, got {got:?}"))),
            }
        };
        Ok(Self { images: slices.iter().map(read).collect::<Result<_, _>>()? })
    }
}

impl ImageSource for TsmiSource {
    fn image(&self, rng: &mut Rng) -> Result<Array3<Complex32>> {
        Ok(self.images[rng.random_range(0..self.images.len())].clone())
    }
}

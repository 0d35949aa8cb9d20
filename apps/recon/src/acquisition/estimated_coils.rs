//! Coil sensitivities of a slice before anything is reconstructed.

use diph_coils::coil_images;
use diph_core::ImageShape;
use diph_datasets::SliceId;
use diph_nufft::{MrfOperator, MrfOptions, Trajectory};
use ndarray::{Array2, Array3};
use num_complex::Complex32;

use super::{AcquisitionSource, CoilEstimate, PreparedCoils};
use crate::{Blame, ReconError};

/// Sensitivities that were estimated from a slice.
pub struct EstimatedCoils {
    /// (coil, y, x)
    pub maps: Array3<Complex32>,
    /// Number of coils before their preparation.
    pub coils: usize,
    /// The part of the energy that virtual coils hold, where there are any.
    pub energy: Option<f64>,
}

impl AcquisitionSource<'_> {
    /// Estimates the sensitivities of a slice from the mean over its frames, for which neither dictionary nor method is needed.
    ///
    /// # Errors
    /// Naming the file or setting to blame; of volumes `image_size`, since sensitivities are estimated for planes.
    pub fn estimate_coils(
        &self,
        id: SliceId,
        image: ImageShape,
        estimate: CoilEstimate,
    ) -> Result<EstimatedCoils, ReconError> {
        if image.is_volume() {
            let message = format!("expected a plane, since sensitivities are estimated for planes only, got {image}");
            return Err(ReconError::setting("image_size", message));
        }
        let [height, width] = image.plane_lengths();
        let kspace = self.from.kspace(id, self.cut)?;
        let (coils, frames, samples) = kspace.dim();
        let (positions, weights) = self.read_trajectory(frames, &image)?;
        if positions.dim().1 != samples {
            let message =
                format!("expected {} samples in a readout as in the trajectory, got {samples}", positions.dim().1);
            return Err(ReconError::input(&self.from.kspace_file(id, self.cut), message));
        }
        let PreparedCoils { kspace, energy, .. } = self.read_coil_preparation()?.apply(kspace.view())?;
        let step = format!("estimating coil sensitivities of {id}");
        let trajectory = Trajectory::from_interleaves(positions.view(), frames).step(&step)?;
        let mean = Array2::from_elem((frames, 1), 1.0 / (frames as f32).sqrt());
        let options = MrfOptions { weights: Some(weights), ..MrfOptions::new(trajectory, mean, height, width) };
        let operator = MrfOperator::new(options).step(&step)?;
        let images = coil_images(&operator, kspace.view()).step(&step)?;
        let maps = estimate.of_images(images.view()).step(&step)?;
        Ok(EstimatedCoils { maps, coils, energy })
    }
}

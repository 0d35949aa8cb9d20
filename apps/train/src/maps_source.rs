//! Maps of a data folder.

use std::sync::Arc;

use diph_core::{Result, Rng};
use diph_datasets::{DatasetFolder, QuantitativeMaps, SliceId};
use ndarray::Array3;
use num_complex::Complex32;
use rand::RngExt;

use crate::{ImageSource, MapSource, MapVariation, SignalModel};
use diph_recon::{Blame, ReconError};

/// Images that the maps of a data folder give.
pub struct MapsSource {
    maps: Vec<QuantitativeMaps>,
    model: Arc<SignalModel>,
    augmentation: Option<MapVariation>,
}

impl MapsSource {
    /// Reads the maps of the slices, all of which must have the size (height, width).
    ///
    /// # Errors
    /// Naming the file, what was expected and what came.
    pub fn read(
        folder: &DatasetFolder,
        slices: &[SliceId],
        size: (usize, usize),
        model: Arc<SignalModel>,
    ) -> Result<Self, ReconError> {
        let mut maps = Vec::with_capacity(slices.len());
        for id in slices {
            let path = folder.maps_path(*id);
            let found = folder.maps(*id).file(&path)?;
            if found.lengths() != [size.0, size.1] {
                let message = format!(
                    "expected maps of {:?} pixels like the first slice, got {:?}",
                    [size.0, size.1],
                    found.lengths()
                );
                return Err(ReconError::input(&path, message));
            }
            // Values that cannot be simulated shall end the run now and not in the middle of it.
            model.tsmi(&found).file(&path)?;
            maps.push(found);
        }
        Ok(Self { maps, model, augmentation: None })
    }

    /// The same source with every slice varied anew each time.
    pub fn varied(self, augmentation: Option<MapVariation>) -> Self {
        Self { augmentation, ..self }
    }
}

impl MapSource for MapsSource {
    fn maps(&self, rng: &mut Rng) -> Result<QuantitativeMaps> {
        Ok(self.maps[rng.random_range(0..self.maps.len())].clone())
    }
}

impl ImageSource for MapsSource {
    fn image(&self, rng: &mut Rng) -> Result<Array3<Complex32>> {
        let maps = &self.maps[rng.random_range(0..self.maps.len())];
        match self.augmentation {
            Some(augmentation) => self.model.tsmi(&augmentation.apply(maps, rng)?),
            None => self.model.tsmi(maps),
        }
    }
}

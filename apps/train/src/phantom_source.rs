//! Procedural brains without end.

use std::ops::Range;
use std::sync::Arc;

use diph_core::{Error, Result, Rng};
use diph_datasets::{BrainPhantom, QuantitativeMaps};
use ndarray::Array3;
use num_complex::Complex32;
use rand::RngExt;

use crate::{ImageSource, MapSource, SignalModel};

/// Slices of [`BrainPhantom`], of random subjects at random heights.
pub struct PhantomSource {
    size: (usize, usize),
    subjects: Range<u64>,
    model: Arc<SignalModel>,
}

impl PhantomSource {
    /// Subjects that training sees. Those below stay unseen: `diph demo` and whoever evaluates take them.
    pub const TRAINING_SUBJECTS: Range<u64> = 1000..1 << 40;

    /// Subjects that validation sees.
    pub const VALIDATION_SUBJECTS: Range<u64> = 900..1000;

    /// Slices of a size (height, width) of these subjects.
    pub fn new(size: (usize, usize), subjects: Range<u64>, model: Arc<SignalModel>) -> Self {
        Self { size, subjects, model }
    }
}

impl MapSource for PhantomSource {
    fn maps(&self, rng: &mut Rng) -> Result<QuantitativeMaps> {
        let (height, width) = self.size;
        let subject = rng.random_range(self.subjects.clone());
        let slice_position = rng.random_range(0.0..=1.0);
        let phantom = BrainPhantom { subject, slice_position, ..BrainPhantom::new(height, width) };
        Ok(phantom.render().map_err(|error| Error::external("brain phantom", error))?.maps)
    }
}

impl ImageSource for PhantomSource {
    fn image(&self, rng: &mut Rng) -> Result<Array3<Complex32>> {
        self.model.tsmi(&self.maps(rng)?)
    }
}

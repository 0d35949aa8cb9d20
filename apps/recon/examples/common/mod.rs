//! A small measurement that the examples reconstruct.

use std::error::Error;
use std::sync::Arc;

use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_core::ForwardOperator;
use diph_datasets::BrainPhantom;
use diph_nufft::{MrfOperator, MrfOptions, SpiralOptions, Trajectory};
use diph_recon::parameter_maps;
use ndarray::ArrayD;
use num_complex::Complex32;

/// The signals of a phantom of 48 x 48 pixels in 60 frames, along one spiral arm each.
pub struct Measurement {
    /// Bloch responses of the sequence.
    pub dictionary: Dictionary,
    /// The acquisition.
    pub operator: Arc<dyn ForwardOperator>,
    /// (coil, frame, sample).
    pub samples: ArrayD<Complex32>,
}

impl Measurement {
    /// Simulates the measurement of a small phantom.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let t1: Vec<f64> = (1..40).map(|i| 0.1 * f64::from(i)).collect();
        let t2: Vec<f64> = (1..40).map(|i| 0.01 * f64::from(i)).collect();
        let sequence = Sequence::deli_cs().truncated(60)?;
        let dictionary = Dictionary::simulate(&sequence, &DictionaryGrid::product(&t1, &t2, &[])?, 3)?;
        let trajectory = Trajectory::spiral(60, &SpiralOptions { samples: 300, ..SpiralOptions::default() })?;
        let options = MrfOptions::new(trajectory, dictionary.basis().to_owned(), 48, 48);
        let operator: Arc<dyn ForwardOperator> = Arc::new(MrfOperator::new(options)?);
        let truth = BrainPhantom::new(48, 48).render()?.maps;
        let image = dictionary.lookup_tsmi(&parameter_maps(&truth))?;
        let mut samples = operator.range().zeros();
        operator.forward(image.view().into_dyn(), samples.view_mut())?;
        Ok(Self { dictionary, operator, samples })
    }
}

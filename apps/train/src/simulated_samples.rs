//! Training samples out of images and an acquisition.

use std::sync::Arc;

use diph_core::{Result, Rng};
use diph_diffusion::{Error, IntensityConfig, SampleSource, TrainingSample};
use diph_recon::ConditionImage;
use ndarray::Array3;
use num_complex::Complex32;
use rand::SeedableRng;

use crate::{Augmentation, centred};
use crate::{ImageSource, Measurement};

/// Keeps these generators apart from those of the trainer, which has the same seed: measurement noise that repeats the
/// noise of the diffusion would teach the network to copy it.
const SEED_OF_DATA: u64 = 0x6d65_6173_7572_6564;

/// The fraction of the golden ratio, whose multiples spread evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Images of one or several sources, each measured afresh. Sample n depends on the seed and n alone.
#[derive(Clone)]
pub struct SimulatedSamples {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Height and width of the samples: images are cut or surrounded by zeros at the end; left as they are where absent.
    pub image_size: Option<usize>,
    /// Where images come from.
    pub parts: Vec<SamplePart>,
    /// Changes of the images.
    pub augmentation: Augmentation,
    /// The condition image, for conditional networks.
    pub condition: Option<ConditionImage>,
    /// What images are divided by; estimated from every measurement where there are no factors.
    pub intensity: IntensityConfig,
}

impl SimulatedSamples {
    fn simulate(&self, number: u64) -> Result<TrainingSample> {
        let mut rng = Rng::seed_from_u64(self.seed ^ SEED_OF_DATA);
        rng.set_stream(number);
        let shares: Vec<f64> = self.parts.iter().map(|part| part.share).collect();
        let SamplePart { images, measurement, .. } = &self.parts[turn(number, &shares)];
        let mut image = images.image(&mut rng)?;
        self.augmentation.apply(&mut image, &mut rng);
        let measured = measurement.measure(&image, &mut rng)?;
        let reference = match self.intensity.reference_factor {
            Some(factor) => factor,
            None => measured.intensity()?,
        };
        let condition = match &self.condition {
            Some(condition) => {
                let factor = self.intensity.condition_factor.unwrap_or(reference);
                Some(measured.condition(condition, factor)?)
            }
            None => None,
        };
        let brightness = self.augmentation.draw_intensity(&mut rng);
        let factor = brightness / reference;
        let sized = |image: Array3<Complex32>| match self.image_size {
            Some(size) => centred(image.view(), size),
            None => image,
        };
        Ok(TrainingSample {
            clean: sized(image).mapv_into(|value| value * factor),
            condition: condition.map(|image| sized(image).mapv_into(|value| value * brightness)),
        })
    }
}

impl SampleSource for SimulatedSamples {
    fn sample(&self, number: u64) -> diph_diffusion::Result<TrainingSample> {
        self.simulate(number).map_err(|error| Error::sample(number, error))
    }
}

/// Which source's turn it is. They alternate in proportion to their shares, so that no stretch of samples misses one.
pub(crate) fn turn(number: u64, shares: &[f64]) -> usize {
    let place = (number as f64 + 0.5) * GOLDEN % 1.0 * shares.iter().sum::<f64>();
    let mut end = 0.0;
    let found = shares.iter().position(|share| {
        end += share;
        place < end
    });
    found.unwrap_or(0)
}

/// One source of images, and how its images are measured.
#[derive(Clone)]
pub struct SamplePart {
    /// How often it is asked, relative to the other sources.
    pub share: f64,
    /// The images.
    pub images: Arc<dyn ImageSource>,
    /// The measurement of images of their size.
    pub measurement: Arc<Measurement>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_take_turns_in_proportion_to_their_shares() {
        let shares = [0.5, 0.2, 0.3];
        let turns: Vec<usize> = (7000..8000).map(|number| turn(number, &shares)).collect();
        for (source, share) in shares.iter().enumerate() {
            let count = turns.iter().filter(|turn| **turn == source).count() as f64;
            assert!((count / 1000.0 - share).abs() < 0.01, "{source}: {count}");
            assert!(turns.windows(10).all(|stretch| stretch.contains(&source)));
        }
        assert_eq!(turn(3, &[1.0]), 0);
    }
}

//! Variety that costs nothing.

use std::f32::consts::TAU;

use diph_core::Rng;
use ndarray::{Array3, Axis};
use num_complex::Complex32;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::measurement::log_uniform;

/// Changes that leave an image plausible. They come before the measurement, except for the intensity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Whether left and right are swapped in every other image. Up and down are not: heads are upright.
    pub flip: bool,
    /// Whether the image is turned by a random phase.
    pub phase: bool,
    /// Largest factor on image and condition; its logarithm is uniform around 0. Reconstructions know the intensity only so well.
    pub intensity: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { flip: true, phase: true, intensity: 1.2 }
    }
}

impl Augmentation {
    /// No change at all.
    pub const NONE: Self = Self { flip: false, phase: false, intensity: 1.0 };

    /// Flips and turns an image (coefficient, y, x).
    pub fn apply(&self, image: &mut Array3<Complex32>, rng: &mut Rng) {
        if self.flip && rng.random() {
            image.invert_axis(Axis(2));
            *image = image.as_standard_layout().into_owned();
        }
        if self.phase {
            let factor = Complex32::from_polar(1.0, rng.random_range(0.0..TAU));
            image.mapv_inplace(|value| value * factor);
        }
    }

    /// Draws a factor on the intensity.
    pub fn draw_intensity(&self, rng: &mut Rng) -> f32 {
        log_uniform([1.0 / self.intensity, self.intensity], rng) as f32
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn flips_every_other_image_and_keeps_magnitudes() {
        let image = Array3::from_shape_fn((2, 3, 4), |(k, y, x)| Complex32::new(1.0 + (k + y) as f32, x as f32));
        let mut rng = Rng::seed_from_u64(5);
        let mut flipped = 0;
        for _ in 0..200 {
            let mut changed = image.clone();
            Augmentation::default().apply(&mut changed, &mut rng);
            let mirrored = (changed[[0, 0, 0]].norm() - image[[0, 0, 3]].norm()).abs() < 1e-5;
            flipped += usize::from(mirrored);
            for ((k, y, x), value) in changed.indexed_iter() {
                let from = if mirrored { 3 - x } else { x };
                assert!((value.norm() - image[[k, y, from]].norm()).abs() < 1e-5);
            }
            assert!(changed.is_standard_layout());
            let intensity = Augmentation::default().draw_intensity(&mut rng);
            assert!((1.0 / 1.2..1.2).contains(&f64::from(intensity)));
        }
        assert!((70..130).contains(&flipped), "{flipped}");
        let mut same = image.clone();
        Augmentation::NONE.apply(&mut same, &mut rng);
        assert_eq!(same, image);
        assert_eq!(Augmentation::NONE.draw_intensity(&mut rng), 1.0);
    }
}

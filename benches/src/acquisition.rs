//! The acquisition of a slice: 200 frames of 920 spiral samples, one coil, density compensation by area.

use std::f32::consts::PI;

use diph_nufft::{Accuracy, MrfOptions, SpiralOptions, Trajectory, density};
use ndarray::Array2;

use crate::{COEFFICIENTS, SIZE};

const FRAMES: usize = 200;

/// The operator's options at the accuracy `eps`, with cosines as the temporal basis.
///
/// # Panics
/// When `eps` is no accuracy.
pub fn options(eps: f64) -> MrfOptions {
    let trajectory = Trajectory::spiral(FRAMES, &SpiralOptions::default()).expect("a valid spiral");
    let basis = Array2::from_shape_fn((FRAMES, COEFFICIENTS), |(t, k)| {
        (PI * k as f32 * (t as f32 + 0.5) / FRAMES as f32).cos() / (FRAMES as f32).sqrt()
    });
    let mut options = MrfOptions::new(trajectory, basis, SIZE, SIZE);
    options.weights = Some(density::by_area(&options.trajectory));
    options.accuracy = Accuracy::new(eps).expect("a valid accuracy");
    options
}

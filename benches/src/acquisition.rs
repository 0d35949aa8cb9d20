//! The acquisition of a slice: 200 frames of 920 spiral samples, one coil, density compensation by area.

use std::f32::consts::PI;

use diph_coils::birdcage;
use diph_nufft::{Accuracy, MrfOptions, SpiralOptions, Trajectory, density};
use ndarray::Array2;

use crate::{COEFFICIENTS, SIZE};

const FRAMES: usize = 200;

/// The operator's options at the accuracy `eps`, with cosines as the temporal basis.
///
/// # Panics
/// When `eps` is no accuracy.
pub fn options(eps: f64) -> MrfOptions {
    sized(eps, SIZE, FRAMES, 1)
}

/// The same for images of another side, another number of frames and `coils` receive coils.
///
/// # Panics
/// When `eps` is no accuracy, or a number is zero.
pub fn sized(eps: f64, side: usize, frames: usize, coils: usize) -> MrfOptions {
    let trajectory = Trajectory::spiral(frames, &SpiralOptions::default()).expect("a valid spiral");
    let basis = Array2::from_shape_fn((frames, COEFFICIENTS), |(t, k)| {
        (PI * k as f32 * (t as f32 + 0.5) / frames as f32).cos() / (frames as f32).sqrt()
    });
    let mut options = MrfOptions::new(trajectory, basis, side, side);
    options.weights = Some(density::by_area(&options.trajectory));
    options.coil_maps = (coils > 1).then(|| birdcage(coils, side, side).expect("valid coils"));
    options.accuracy = Accuracy::new(eps).expect("a valid accuracy");
    options
}

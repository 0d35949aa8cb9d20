//! Trajectory, temporal basis, weights and coils of an MRF acquisition.

use diph_core::FourierScale;
use ndarray::{Array2, Array3};
use num_complex::Complex32;

use crate::{Accuracy, Trajectory};

/// Trajectory, temporal basis, weights and coils that an [`MrfOperator`](crate::MrfOperator) is made of.
#[derive(Clone, Debug)]
pub struct MrfOptions {
    /// Sampling positions in k-space of every frame.
    pub trajectory: Trajectory,
    /// Real temporal basis V, (frame, coefficient).
    pub basis: Array2<f32>,
    /// Image height in pixels.
    pub height: usize,
    /// Image width in pixels.
    pub width: usize,
    /// Data weights w (density compensation), (frame, sample) or (1, sample) for the same in every frame; not
    /// negative. `None`: ones.
    pub weights: Option<Array2<f32>>,
    /// Coil sensitivities (coil, y, x). `None`: one coil that sees everything.
    pub coil_maps: Option<Array3<Complex32>>,
    /// Relative accuracy of the non-uniform Fourier transform.
    pub accuracy: Accuracy,
    /// Convention for the factor in front of the Fourier sum.
    pub normalisation: FourierScale,
}

impl MrfOptions {
    /// An acquisition with one coil that sees everything, no weights, accuracy 1e-4 and unitary normalisation.
    pub fn new(trajectory: Trajectory, basis: Array2<f32>, height: usize, width: usize) -> Self {
        Self {
            trajectory,
            basis,
            height,
            width,
            weights: None,
            coil_maps: None,
            accuracy: Accuracy::default(),
            normalisation: FourierScale::default(),
        }
    }
}

//! The image value that counts as 1.

use super::{ConjugateGradient, Problem};
use crate::{CgSettings, Error, Result};

/// Share of the pixels that lie below the intensity.
const PERCENTILE: f64 = 0.99;

impl Problem {
    /// Estimates the intensity from the measurement: the 99th percentile over pixels of the norm of the adjoint image at its best
    /// scale, in the units of this problem. The percentile rather than the maximum, because a few bright pixels of fat or flow
    /// would rule.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the measurement holds nothing but zeros, and whatever the operator reports.
    pub fn estimate_intensity(&self) -> Result<f32> {
        let settings = CgSettings { max_iterations: 1, ..CgSettings::default() };
        let image = ConjugateGradient {
            operator: self.operator(),
            damping: 0.0,
            right_hand_side: self.adjoint(),
            warm_start: None,
            settings,
        }
        .solve()?
        .state
        .solution;
        let mut energies =
            image.map_axis(ndarray::Axis(0), |voxel| voxel.iter().map(|value| value.norm_sqr()).sum::<f32>());
        let energies = energies.as_slice_mut().unwrap_or_default();
        let index = (energies.len() as f64 * PERCENTILE) as usize;
        let intensity = match energies.len() {
            0 => 0.0,
            n => energies.select_nth_unstable_by(index.min(n - 1), f32::total_cmp).1.sqrt(),
        };
        if intensity.is_finite() && intensity > 0.0 {
            return Ok(intensity);
        }
        Err(Error::parameter(
            "intensity",
            "k-space",
            "a measurement with signal",
            format!("an image of intensity {intensity}"),
        ))
    }
}

//! Sampling positions in k-space, read or made: the spirals of MR fingerprinting.

use std::f64::consts::{PI, TAU};

use diph_core::{Error, Result};
use ndarray::{Array3, ArrayView2, ArrayView3};
use serde::{Deserialize, Serialize};

/// Parameters of [`Trajectory::spiral`](crate::Trajectory::spiral).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpiralOptions {
    /// Samples from the centre to the edge.
    pub samples: usize,
    /// Turns of one readout around the centre.
    pub turns: f64,
    /// Exponent p of the radius `max_radius * u^p`, u from 0 to 1 along the readout: 1 gives the constant pitch of
    /// Archimedes, larger values sample the centre more densely.
    pub density_exponent: f64,
    /// Radius at the end of the readout, in cycles per pixel.
    pub max_radius: f64,
    /// Angle from one frame to the next, in radians.
    pub rotation: f64,
}

impl Default for SpiralOptions {
    /// 920 samples in 6 turns with p = 1.5 up to the edge, rotated by 2 pi 144/377 per frame.
    fn default() -> Self {
        Self { samples: 920, turns: 6.0, density_exponent: 1.5, max_radius: 0.5, rotation: TAU * 144.0 / 377.0 }
    }
}

/// Sampling positions of every frame: (frame, sample, 2) as (ky, kx) in cycles per pixel, in f64.
///
/// Positions lie within [-1/2, 1/2] and are periodic: both ends are the same place.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    frames: usize,
    samples: usize,
    positions: Vec<f64>,
}

impl Trajectory {
    /// A trajectory of the positions (frame, sample, 2), the last axis (ky, kx) in cycles per pixel.
    ///
    /// # Errors
    /// [`Error::Shape`] when an axis is empty or the last is not 2; [`Error::Parameter`] with frame and sample of the
    /// first position that is not finite or lies beyond +-1/2.
    pub fn new(positions: Array3<f64>) -> Result<Self> {
        let (frames, samples, components) = positions.dim();
        if frames == 0 || samples == 0 || components != 2 {
            return Err(Error::Shape {
                operation: "trajectory".into(),
                role: "positions (frame, sample, 2)".into(),
                expected: vec![frames.max(1), samples.max(1), 2],
                got: positions.shape().to_vec(),
            });
        }
        let positions: Vec<f64> = positions.iter().copied().collect();
        match positions.iter().position(|k| !(-0.5..=0.5).contains(k)) {
            Some(index) => Err(beyond(index / 2 / samples, index / 2 % samples, &positions[index / 2 * 2..])),
            None => Ok(Self { frames, samples, positions }),
        }
    }

    /// `frames` frames out of `interleaves` (interleaf, sample, 2): frame t uses interleaf t mod their number.
    ///
    /// # Errors
    /// [`Error::Shape`] when an axis is empty or the last is not 2; [`Error::Parameter`] for a position that is not finite or lies
    /// beyond +-1/2.
    pub fn from_interleaves(interleaves: ArrayView3<'_, f64>, frames: usize) -> Result<Self> {
        let (count, samples, components) = interleaves.dim();
        if count == 0 {
            return Self::new(interleaves.to_owned());
        }
        Self::new(Array3::from_shape_fn((frames, samples, components), |(t, s, c)| interleaves[[t % count, s, c]]))
    }

    /// As [`from_interleaves`](Self::from_interleaves) for positions in one list (interleaf * samples, 2), sample
    /// fastest, as in the `traj` array of the Python code's `traj_dcf.mat`.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when the list does not hold whole interleaves; otherwise as [`Trajectory::new`].
    pub fn from_list(list: ArrayView2<'_, f64>, samples: usize, frames: usize) -> Result<Self> {
        let (rows, components) = list.dim();
        if samples == 0 || !rows.is_multiple_of(samples) {
            let expected = format!("positions of whole interleaves of {samples} samples");
            return Err(Error::incompatible("trajectory", expected, format!("{rows} positions")));
        }
        let interleaves =
            Array3::from_shape_fn((rows / samples, samples, components), |(i, s, c)| list[[i * samples + s, c]]);
        Self::from_interleaves(interleaves.view(), frames)
    }

    /// Diameters through the centre, from -1/2 to just below 1/2 (sample `samples / 2` at the centre), rotated by the
    /// golden angle pi (sqrt(5) - 1) / 2 = 111.25 degrees per frame (Winkelmann et al. 2007).
    ///
    /// # Errors
    /// [`Error::Shape`] when there is no frame or no sample.
    pub fn golden_angle_radial(frames: usize, samples: usize) -> Result<Self> {
        let golden = PI * (5f64.sqrt() - 1.0) / 2.0;
        let centre = (samples / 2) as f64;
        Self::polar(frames, samples, |frame, sample| ((sample as f64 - centre) / samples as f64, frame as f64 * golden))
    }

    /// Spokes from the centre to the edge at 1/2, both included, rotated by the golden angle of the full circle,
    /// pi (3 - sqrt(5)) = 137.5 degrees, per frame.
    ///
    /// # Errors
    /// [`Error::Shape`] when there is no frame or no sample.
    pub fn centre_out_radial(frames: usize, samples: usize) -> Result<Self> {
        let golden = PI * (3.0 - 5f64.sqrt());
        let last = samples.saturating_sub(1).max(1) as f64;
        Self::polar(frames, samples, |frame, sample| (0.5 * sample as f64 / last, frame as f64 * golden))
    }

    /// Variable-density spirals from the centre outwards, rotated frame by frame.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the exponent is not positive, the radius not within (0, 1/2], or another number not
    /// finite; [`Error::Shape`] when there is no frame or no sample.
    pub fn spiral(frames: usize, options: &SpiralOptions) -> Result<Self> {
        let refuse = |name, expected, got| Err(Error::parameter("spiral trajectory", name, expected, got));
        if !(options.density_exponent > 0.0 && options.density_exponent.is_finite()) {
            return refuse("density_exponent", "a positive number", options.density_exponent);
        }
        if !(options.max_radius > 0.0 && options.max_radius <= 0.5) {
            return refuse("max_radius", "a number above 0 and up to 0.5 cycles per pixel", options.max_radius);
        }
        if !options.turns.is_finite() {
            return refuse("turns", "a finite number", options.turns);
        }
        if !options.rotation.is_finite() {
            return refuse("rotation", "a finite angle in radians", options.rotation);
        }
        let last = options.samples.saturating_sub(1).max(1) as f64;
        Self::polar(frames, options.samples, |frame, sample| {
            let u = sample as f64 / last;
            let radius = options.max_radius * u.powf(options.density_exponent);
            (radius, TAU * options.turns * u + frame as f64 * options.rotation)
        })
    }

    /// Positions from radius (negative: the opposite direction) and angle (0 along kx, towards ky).
    fn polar(frames: usize, samples: usize, place: impl Fn(usize, usize) -> (f64, f64)) -> Result<Self> {
        let position = |(frame, sample, component): (usize, usize, usize)| {
            let (radius, angle) = place(frame, sample);
            let direction = if component == 0 { angle.sin() } else { angle.cos() };
            (radius * direction).clamp(-0.5, 0.5)
        };
        Self::new(Array3::from_shape_fn((frames, samples, 2), position))
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Number of samples in a frame.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Number of positions.
    #[allow(clippy::len_without_is_empty, reason = "a trajectory is never empty")]
    pub fn len(&self) -> usize {
        self.frames * self.samples
    }

    /// Position (ky, kx) of a sample in cycles per pixel; `None` outside.
    pub fn position(&self, frame: usize, sample: usize) -> Option<[f64; 2]> {
        if frame >= self.frames || sample >= self.samples {
            return None;
        }
        let start = 2 * (frame * self.samples + sample);
        Some([self.positions[start], self.positions[start + 1]])
    }

    /// All positions, (frame, sample, 2) in C order.
    pub fn as_slice(&self) -> &[f64] {
        &self.positions
    }

    /// The first `frames` frames.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there are not as many, or none is asked for.
    pub fn first_frames(&self, frames: usize) -> Result<Self> {
        if !(1..=self.frames).contains(&frames) {
            return Err(Error::parameter("trajectory", "frames", format!("1 to {}", self.frames), frames));
        }
        let positions = self.positions[..2 * frames * self.samples].to_vec();
        Ok(Self { frames, samples: self.samples, positions })
    }
}

fn beyond(frame: usize, sample: usize, position: &[f64]) -> Error {
    Error::parameter(
        "trajectory",
        format!("position of frame {frame}, sample {sample}"),
        "ky and kx within [-0.5, 0.5] cycles per pixel (divide by the matrix size if they are in cycles per field of \
         view)",
        format!("({}, {})", position[0], position[1]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_beyond_the_edge_are_named() {
        let mut positions = Array3::zeros((3, 4, 2));
        positions[[2, 1, 1]] = 0.6;
        let message = Trajectory::new(positions.clone()).unwrap_err().to_string();
        assert!(message.contains("frame 2, sample 1") && message.contains("(0, 0.6)"), "{message}");
        positions[[2, 1, 1]] = f64::NAN;
        assert!(Trajectory::new(positions.clone()).is_err());
        positions[[2, 1, 1]] = -0.5;
        assert!(Trajectory::new(positions).is_ok());
    }

    #[test]
    fn empty_trajectories_are_refused() {
        assert!(Trajectory::new(Array3::zeros((0, 4, 2))).is_err());
        assert!(Trajectory::new(Array3::zeros((4, 4, 3))).is_err());
        assert!(Trajectory::golden_angle_radial(0, 8).is_err());
        assert!(Trajectory::from_interleaves(Array3::zeros((0, 4, 2)).view(), 3).is_err());
    }

    #[test]
    fn frames_repeat_the_interleaves() {
        let list = ndarray::Array2::from_shape_fn((6, 2), |(i, c)| (2 * i + c) as f64 / 100.0);
        let trajectory = Trajectory::from_list(list.view(), 3, 5).unwrap();
        assert_eq!(trajectory.position(3, 1), Some([0.08, 0.09]));
        assert_eq!(trajectory.position(4, 0), trajectory.position(0, 0));
        assert_eq!(trajectory.position(5, 0), None);
        assert!(Trajectory::from_list(list.view(), 4, 5).is_err());
    }

    #[test]
    fn spirals_run_from_the_centre_to_the_edge() {
        let trajectory = Trajectory::spiral(3, &SpiralOptions::default()).unwrap();
        assert_eq!(trajectory.position(1, 0), Some([0.0, 0.0]));
        let [ky, kx] = trajectory.position(2, 919).unwrap();
        assert!((ky.hypot(kx) - 0.5).abs() < 1e-12);
        assert!(Trajectory::spiral(3, &SpiralOptions { max_radius: 0.7, ..Default::default() }).is_err());
        assert!(Trajectory::spiral(3, &SpiralOptions { density_exponent: 0.0, ..Default::default() }).is_err());
    }
}

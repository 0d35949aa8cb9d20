//! The shape of spiral readouts.

use std::f64::consts::TAU;

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

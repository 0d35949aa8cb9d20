//! A whole run of the Python code.

use diph_core::{AnnealedSettings, CgSettings, DataSettings, PhysicsSettings, Renoising};
use serde::Deserialize;

use crate::RunMetrics;

/// Conjugate gradients of the Python code: its defaults, which the recorded runs have.
const CG: CgSettings =
    CgSettings { max_iterations: 5, relative_tolerance: 1e-5, absolute_tolerance: 0.0, preconditioned: false };

/// Flags and metrics of a whole run.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedRun {
    /// Name of the run in its files, which starts with the name of the network.
    pub tag: String,
    /// lambda on the scale of the Python code.
    pub lmbda: f32,
    /// gamma.
    pub gamma: f32,
    /// Whether gamma is not scaled by mu.
    pub gamma_fixed: bool,
    /// Share of fresh noise.
    pub xi: f32,
    /// Whether the loop matches against the dictionary.
    pub dict_match: bool,
    /// Metrics of every step, noisiest first.
    pub log: Vec<RunMetrics>,
}

impl RecordedRun {
    /// Name of the network: what stands before the first `_` of the tag.
    pub fn network(&self) -> &str {
        network_of(&self.tag)
    }

    /// The settings of Diph's solver. Without matching, the Python code keeps the dual of the physics running.
    pub fn settings(&self) -> AnnealedSettings {
        let Self { gamma, gamma_fixed, xi, .. } = *self;
        AnnealedSettings {
            iterations: self.log.len(),
            data: Some(DataSettings { lambda: self.lmbda, cg: CG }),
            physics: Some(PhysicsSettings { gamma, gamma_fixed, dual_only: !self.dict_match }),
            renoising: Renoising::Blend { xi, sigma_level: None },
        }
    }
}

/// Name of the network of a run.
pub fn network_of(tag: &str) -> &str {
    tag.split('_').next().unwrap_or(tag)
}

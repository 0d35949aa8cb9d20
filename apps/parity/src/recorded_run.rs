//! A whole run of the Python code as it was recorded: flags, noise schedule, and the metrics of every step.

use diph_core::{AnnealedSettings, CgSettings, DataSettings, PhysicsSettings, Renoising};
use serde::Deserialize;

/// Metrics of one step as the Python code logs them; all are fractions.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct RunMetrics {
    /// Index of the step in the schedule; 0 is the last.
    pub i: usize,
    /// NRMSE of the prior's image against the reference TSMI.
    pub nrmse_xtilda: f64,
    /// NRMSE of the image that fits the data.
    pub nrmse_xhat: f64,
    /// NRMSE of the image that fits the physics.
    pub nrmse_zt: f64,
    /// NRMSE of the k-space of `x_hat`, unweighted, against the measurement.
    pub nrmse_kspace_xhat: f64,
    /// Mean absolute percentage error of T1 inside the mask.
    pub mape_t1: f64,
    /// Mean absolute percentage error of T2 inside the mask.
    pub mape_t2: f64,
}

impl RunMetrics {
    /// The metrics by name.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("nrmse_xtilda", self.nrmse_xtilda),
            ("nrmse_xhat", self.nrmse_xhat),
            ("nrmse_zt", self.nrmse_zt),
            ("nrmse_kspace_xhat", self.nrmse_kspace_xhat),
            ("mape_t1", self.mape_t1),
            ("mape_t2", self.mape_t2),
        ]
    }
}

/// Conjugate gradients of the Python code: its defaults, which the recorded runs have.
pub(crate) const CG: CgSettings =
    CgSettings { max_iterations: 5, relative_tolerance: 1e-5, absolute_tolerance: 0.0, preconditioned: Some(false) };

/// Flags and metrics of a whole run.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedRun {
    /// Name of the run in its files, which starts with the name of the network.
    pub tag: String,
    /// lambda on the scale of the Python code.
    pub lmbda: f32,
    /// Weight `gamma` of the physics.
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

/// A respaced noise schedule, least noisy first.
#[derive(Debug, Deserialize)]
pub struct RecordedSchedule {
    /// Timesteps of the schedule that the network was trained with.
    pub timestep_map: Vec<usize>,
    /// Cumulative product of `1 - beta`, one for each timestep.
    pub alphas_cumprod: Vec<f64>,
    /// Variance of `q(x_{t-1} | x_t, x_0)`.
    pub posterior_variance: Vec<f64>,
}

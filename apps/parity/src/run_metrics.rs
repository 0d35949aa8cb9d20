//! Metrics of one step of a run.

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

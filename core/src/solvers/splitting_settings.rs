//! Settings of proximal splitting.

use serde::{Deserialize, Serialize};

use super::{CgSettings, Renoising};
use crate::{Error, Result};

/// Settings of [`ProximalSplitting`](super::ProximalSplitting). The names are those of MRF-DiPh (arXiv 2506.23311).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplittingSettings {
    /// Steps; in an annealed run, those of the noise schedule.
    pub iterations: usize,
    /// Regularisation weight: the prior's pull is `mu_t = lambda / sigma_t^2` in an annealed run.
    pub lambda: f32,
    /// Pull `mu` towards the prior's image in an un-annealed run, where sigma^2 = lambda / penalty.
    pub penalty: f32,
    /// Pull towards the projector's image, as a share of `mu` unless `gamma_fixed`.
    pub gamma: f32,
    /// Takes `gamma` as it is instead of as a share of `mu`.
    pub gamma_fixed: bool,
    /// How an annealed run returns to noise after a step.
    pub renoising: Renoising,
    /// Share of fresh noise in the renoising `blend` of an annealed run, 0..=1.
    pub xi: f32,
    /// Runs every step of an annealed run at this index of the schedule.
    pub sigma_level: Option<usize>,
    /// Whether the data step is done; without it the prior's image takes its place.
    pub proximal: bool,
    /// Keeps the dual of an absent projector running, as the authors' Python code does. For comparison with it only.
    pub reference_mode: bool,
    /// Conjugate gradients of the data step.
    pub cg: CgSettings,
    /// Ends an un-annealed run when an iterate changes by less than this share of its norm; 0 never does.
    pub tolerance: f32,
}

impl Default for SplittingSettings {
    fn default() -> Self {
        Self {
            iterations: 1,
            lambda: 1e-2,
            penalty: 1.0,
            gamma: 1e-2,
            gamma_fixed: false,
            renoising: Renoising::Blend,
            xi: 1.0,
            sigma_level: None,
            proximal: true,
            reference_mode: false,
            cg: CgSettings::default(),
            tolerance: 0.0,
        }
    }
}

impl SplittingSettings {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        self.cg.check()?;
        if self.iterations == 0 {
            return Err(Error::parameter("proximal splitting", "iterations", "at least 1", 0));
        }
        let fail = |name, expected, value: f32| Err(Error::parameter("proximal splitting", name, expected, value));
        for (name, value) in [("lambda", self.lambda), ("gamma", self.gamma), ("tolerance", self.tolerance)] {
            if !(value.is_finite() && value >= 0.0) {
                return fail(name, "a number of at least 0", value);
            }
        }
        if !(self.penalty.is_finite() && self.penalty > 0.0) {
            return fail("penalty", "a positive number", self.penalty);
        }
        if !(0.0..=1.0).contains(&self.xi) {
            return fail("xi", "a number from 0 to 1", self.xi);
        }
        if self.renoising == Renoising::DdpmPosterior && self.xi != 1.0 {
            return fail("xi", "1 with the renoising `ddpm-posterior`, which has its own share of noise", self.xi);
        }
        Ok(())
    }

    /// Fails on a setting that says something about another kind of run, so that none is passed over in silence.
    /// `annealed` tells whether there is a noise schedule, `physics_dual` whether a projector or its dual takes part.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub(super) fn check_used(&self, annealed: bool, physics_dual: bool) -> Result<()> {
        let plain = Self::default();
        let only_annealed = "its default: the run is not annealed, as there is no prior with a noise schedule";
        let only_plain = "its default: it has no meaning in an annealed run";
        let level = self.sigma_level.map_or("none".into(), |level| level.to_string());
        let unused = [
            (!annealed && self.xi != plain.xi, "xi", only_annealed, self.xi.to_string()),
            (!annealed && self.sigma_level.is_some(), "sigma_level", only_annealed, level.clone()),
            (!annealed && self.renoising != plain.renoising, "renoising", only_annealed, "ddpm-posterior".into()),
            (annealed && self.penalty != plain.penalty, "penalty", only_plain, self.penalty.to_string()),
            (annealed && self.tolerance != plain.tolerance, "tolerance", only_plain, self.tolerance.to_string()),
            (
                self.renoising == Renoising::DdpmPosterior && self.sigma_level.is_some(),
                "sigma_level",
                "none with the renoising `ddpm-posterior`, which steps from level to level",
                level,
            ),
            (
                self.gamma_fixed && !physics_dual,
                "gamma_fixed",
                "false: there is no projector in the loop that gamma would weigh",
                "true".into(),
            ),
        ];
        match unused.into_iter().find(|(unused, ..)| *unused) {
            Some((_, name, expected, got)) => Err(Error::parameter("proximal splitting", name, expected, got)),
            None => Ok(()),
        }
    }
}

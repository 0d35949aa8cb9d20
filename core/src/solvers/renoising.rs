//! How an annealed step returns to noise.

use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How a step of an annealed run goes from its image without noise to the noisy iterate `x_(t-1)` of the next level.
///
/// In both ways `x_(t-1)` is a weighted sum of the clean image, `x_t` and fresh noise; the last step is the clean image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Renoising {
    /// Noise of the next level: a share `xi` of fresh noise, the rest as estimated from the iterate,
    /// `sqrt(abar') z + sqrt(1 - abar') (sqrt(xi) e + sqrt(1 - xi) e_hat)` with `e_hat = (x_t - sqrt(abar) z) / sqrt(1 - abar)`
    /// (DiffPIR, Zhu et al. 2023, equation 15, with variances shared instead of amplitudes; `xi` 0 is DDIM).
    Blend {
        /// Share of fresh noise, 0..=1.
        #[serde(default = "all")]
        xi: f32,
        /// Runs every step at this index of the noise schedule instead of going from level to level.
        #[serde(default)]
        sigma_level: Option<usize>,
    },
    /// A draw from `q(x_{t-1} | x_t, x_0)`, the ancestral step of a diffusion model (DDPM, Ho et al. 2020, equation 7),
    /// with the posterior's own variance (`fixed small`).
    DdpmPosterior,
}

fn all() -> f32 {
    1.0
}

impl Default for Renoising {
    fn default() -> Self {
        Self::Blend { xi: 1.0, sigma_level: None }
    }
}

impl Renoising {
    /// Fails on numbers that make no sense in a schedule of this many levels.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub(super) fn check(&self, solver: &str, levels: usize) -> Result<()> {
        let Self::Blend { xi, sigma_level } = *self else {
            return Ok(());
        };
        if !(0.0..=1.0).contains(&xi) {
            return Err(Error::parameter(solver, "xi", "a number from 0 to 1", xi));
        }
        match sigma_level.filter(|level| *level >= levels) {
            Some(level) => Err(Error::parameter(solver, "sigma_level", format!("an index below {levels}"), level)),
            None => Ok(()),
        }
    }

    /// The index of the schedule at which every step runs, where there is one.
    pub(super) fn fixed_level(&self) -> Option<usize> {
        match self {
            Self::Blend { sigma_level, .. } => *sigma_level,
            Self::DdpmPosterior => None,
        }
    }

    /// `x_t` of level `abar` becomes that of level `next_abar`.
    pub(super) fn apply(
        &self,
        [abar, next_abar]: [f64; 2],
        x_t: &mut ArrayD<Complex32>,
        clean: &ArrayD<Complex32>,
        noise: &ArrayD<Complex32>,
    ) {
        let [clean_weight, iterate_weight, noise_weight] = match self {
            Self::Blend { xi, .. } => blend_weights(abar, next_abar, (*xi).into()),
            Self::DdpmPosterior => posterior_weights(abar, next_abar),
        }
        .map(|weight| weight as f32);
        ndarray::Zip::from(x_t).and(clean).and(noise).for_each(|x_t, clean, fresh| {
            *x_t = clean * clean_weight + *x_t * iterate_weight + fresh * noise_weight;
        });
    }
}

/// Weights of clean image, `x_t` and fresh noise.
fn blend_weights(abar: f64, next_abar: f64, xi: f64) -> [f64; 3] {
    let estimated = ((1.0 - next_abar) * (1.0 - xi) / (1.0 - abar)).sqrt();
    [next_abar.sqrt() - abar.sqrt() * estimated, estimated, ((1.0 - next_abar) * xi).sqrt()]
}

/// The same of `q(x_{t-1} | x_t, x_0)` between two levels of a respaced schedule.
fn posterior_weights(abar: f64, next_abar: f64) -> [f64; 3] {
    let alpha = abar / next_abar;
    let beta = 1.0 - alpha;
    let clean = beta * next_abar.sqrt() / (1.0 - abar);
    let iterate = (1.0 - next_abar) * alpha.sqrt() / (1.0 - abar);
    [clean, iterate, (beta * (1.0 - next_abar) / (1.0 - abar)).sqrt()]
}

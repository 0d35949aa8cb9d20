//! How an annealed step returns to noise.

use serde::{Deserialize, Serialize};

/// How a step of an annealed run goes from its image without noise to the noisy iterate of the next level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renoising {
    /// Noise of the next level: a share `xi` of fresh noise, the rest as estimated from the iterate (DiffPIR, Zhu et al.
    /// 2023, equation 15, with variances shared instead of amplitudes; `xi` 0 is DDIM).
    #[default]
    Blend,
    /// A draw from `q(x_{t-1} | x_t, x_0)`, the ancestral step of a diffusion model (DDPM, Ho et al. 2020, equation 7),
    /// with the posterior's own variance (`fixed small`). The last step is the mean, which is x_0.
    DdpmPosterior,
}

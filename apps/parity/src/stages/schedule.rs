//! Noise schedules.

use diph_diffusion::Respacing;

use crate::relative_error::worst;
use crate::{Comparison, Reference, Stage};
use diph_recon::{Blame, ReconError};

/// Double precision, products of a thousand factors.
const EXACT: f64 = 1e-13;

/// The respaced noise schedules of every network.
pub struct Schedule;

impl Stage for Schedule {
    fn name(&self) -> String {
        "noise schedule".into()
    }

    fn files(&self) -> Vec<String> {
        vec!["meta.json".into()]
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let meta = reference.folder.meta()?;
        let mut comparisons = Vec::new();
        for (network, model) in &meta.unets {
            for (name, theirs) in &meta.schedules {
                let steps = theirs.timestep_map.len();
                for (key, length) in [
                    ("alphas_cumprod", theirs.alphas_cumprod.len()),
                    ("posterior_variance", theirs.posterior_variance.len()),
                ] {
                    reference.folder.check_shape("meta.json", &format!("{name}.{key}"), &[steps], &[length])?;
                }
                let respacing = Respacing::Sections(vec![steps]);
                let diffusion = model.config().diffusion.respaced(&respacing).step(name)?;
                let ours = diffusion.steps();
                let others = ours.iter().zip(&theirs.timestep_map).filter(|(ours, theirs)| ours.timestep != **theirs);
                let abar =
                    ours.iter().zip(&theirs.alphas_cumprod).map(|(ours, theirs)| (ours.abar / theirs - 1.0).abs());
                let variance = ours.iter().zip(&theirs.posterior_variance);
                let variance = variance.map(|(ours, theirs)| (ours.posterior_variance - theirs).abs());
                let label = |what: &str| format!("{network}, {name}: {what}");
                comparisons.extend([
                    Comparison::count(label("timesteps that differ"), others.count(), 0),
                    Comparison::error(label("abar"), worst(abar), EXACT),
                    Comparison::error(label("posterior variance"), worst(variance), EXACT),
                ]);
            }
        }
        if comparisons.is_empty() {
            let message = "expected a network below `unets` and a schedule, such as `schedule30`; found none";
            return Err(ReconError::input(&reference.folder.path("meta.json")?, message));
        }
        Ok(comparisons)
    }
}

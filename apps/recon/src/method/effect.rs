//! Settings that the rest of a method makes meaningless.

use diph_core::SplittingSettings;

use super::{Method, Solver};
use crate::config::{ConfigError, Override};

const SPLITTING: &str = "solver.proximal-splitting";
const NO_PRIOR: &str = "there is no prior that it would weigh";
const NO_DATA: &str = "the data take no part in the steps (`proximal` is false)";

impl Method {
    /// Fails on an override of a setting that this method does not look at, so that none is passed over in silence.
    /// Settings of a method file are not judged: a method may be written for several switches. `annealed` tells whether the
    /// prior has a noise schedule.
    ///
    /// # Errors
    /// [`ConfigError::NoEffect`].
    pub fn check_overrides(&self, overrides: &[Override], annealed: bool) -> Result<(), ConfigError> {
        for (key, reason) in self.without_effect(annealed) {
            if let Some(change) = overrides.iter().find(|change| change.sets(&key)) {
                return Err(ConfigError::NoEffect { key: change.key(), origin: self.name.clone(), reason });
            }
        }
        Ok(())
    }

    /// Dotted keys that have no effect, and why. What the solver itself refuses is left to it.
    fn without_effect(&self, annealed: bool) -> Vec<(String, &'static str)> {
        let mut unused = Vec::new();
        if let Solver::ProximalSplitting(settings) = &self.solver {
            let of_solver = self.unused_by_splitting(settings, annealed);
            unused.extend(of_solver.map(|(key, reason)| (format!("{SPLITTING}.{key}"), reason)));
            if !settings.proximal {
                unused.push(("scale".into(), NO_DATA));
            }
        }
        let use_condition = self.prior.as_ref().and_then(|prior| prior.options.get("use_condition"));
        match (&self.prior, use_condition.and_then(serde_json::Value::as_bool)) {
            (None, _) => unused.push(("condition".into(), "there is no prior that it could be shown")),
            (_, Some(false)) => unused.push(("condition".into(), "the prior's option `use_condition` is false")),
            _ => (),
        }
        unused
    }

    fn unused_by_splitting(
        &self,
        settings: &SplittingSettings,
        annealed: bool,
    ) -> impl Iterator<Item = (&'static str, &'static str)> {
        let (has_prior, proximal) = (self.prior.is_some(), settings.proximal);
        let has_physics = self.physics_in_loop || settings.reference_mode;
        [
            (!has_prior, "lambda", NO_PRIOR),
            (!has_prior, "penalty", NO_PRIOR),
            // In a step without data nothing is left but denoising and projecting, in which a common factor of all weights
            // cancels. Un-annealed, lambda is the noise level that the prior is told.
            (!proximal && annealed, "lambda", NO_DATA),
            (!proximal, "gamma", NO_DATA),
            (!proximal, "cg", NO_DATA),
            (!has_physics, "gamma", "there is no projector in the loop (`physics_in_loop` is false)"),
            (self.physics_in_loop, "reference_mode", "it is about runs without a projector in the loop"),
            (!proximal && !self.physics_in_loop, "reference_mode", NO_DATA),
        ]
        .into_iter()
        .filter_map(|(unused, key, reason)| unused.then_some((key, reason)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &str, annealed: bool, changes: &[&str]) -> Option<String> {
        let changes: Vec<Override> = changes.iter().map(|change| change.parse().unwrap()).collect();
        let method = Method::read(method, &changes).unwrap();
        method.check_overrides(&changes, annealed).err().map(|error| error.to_string())
    }

    #[test]
    fn overrides_without_effect_are_named_with_their_reason() {
        let splitting = |setting: &str| format!("{SPLITTING}.{setting}");
        for (method, annealed, setting, said) in [
            ("ddpm", true, splitting("lambda=0.1"), "the data take no part"),
            ("ddpm", true, splitting("gamma=0.1"), "the data take no part"),
            ("ddpm", true, splitting("cg.max_iterations=3"), "the data take no part"),
            ("ddpm", true, "scale=reference".into(), "the data take no part"),
            ("lsq", false, splitting("lambda=0.1"), "no prior that it would weigh"),
            ("lsq", false, splitting("penalty=2"), "no prior that it would weigh"),
            ("lsq", false, splitting("gamma=2"), "no projector in the loop"),
            ("lsq", false, "condition=adjoint".into(), "no prior that it could be shown"),
            ("mrf-diph-conditional", true, splitting("reference_mode=true"), "without a projector"),
            ("mrf-diph-unconditional", true, "condition=adjoint".into(), "`use_condition` is false"),
        ] {
            let error = refused(method, annealed, &[&setting]).unwrap_or_else(|| panic!("{method} takes {setting}"));
            assert!(
                error.starts_with(setting.split('=').next().unwrap()) && error.contains(method) && error.contains(said),
                "{error}"
            );
        }
        let switches = [splitting("proximal=false"), splitting("lambda=0.1")];
        assert!(refused("mrf-diph-conditional", true, &[&switches[0]]).is_none(), "the file may hold a lambda");
        assert!(refused("mrf-diph-conditional", true, &[&switches[0], &switches[1]]).is_some());
    }

    #[test]
    fn overrides_with_effect_pass() {
        for (method, annealed, setting) in [
            ("mrf-diph-conditional", true, "solver.proximal-splitting.lambda=0.1"),
            ("mrf-diph-conditional", true, "solver.proximal-splitting.gamma=0.1"),
            ("lsq", false, "solver.proximal-splitting.cg.max_iterations=3"),
            ("lsq", false, "scale=normalised"),
            ("ddpm", true, "condition=adjoint"),
            ("ddpm", true, "weights=density-compensation"),
            ("lrtv", false, "solver.fista.lambda=0.1"),
        ] {
            assert_eq!(refused(method, annealed, &[setting]), None);
        }
    }
}

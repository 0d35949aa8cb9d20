//! Settings that the rest of a method makes meaningless.

use super::Method;
use crate::config::{ConfigError, Override};

impl Method {
    /// Fails on an override of a setting that this method does not look at, so that none is passed over in silence.
    /// Settings of a method file are not judged: a method may be written for several switches.
    ///
    /// # Errors
    /// [`ConfigError::NoEffect`].
    pub fn check_overrides(&self, overrides: &[Override]) -> Result<(), ConfigError> {
        for (key, reason) in self.without_effect() {
            if let Some(change) = overrides.iter().find(|change| change.sets(key)) {
                return Err(ConfigError::NoEffect { key: change.key(), origin: self.name.clone(), reason });
            }
        }
        Ok(())
    }

    /// Dotted keys that have no effect, and why. Most combinations without meaning cannot be written down, because a part of a
    /// solver that is left out takes its settings with it; these remain.
    fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let mut unused = self.solver.without_effect();
        let use_condition = self.prior.as_ref().and_then(|prior| prior.options.get("use_condition"));
        match (&self.prior, use_condition.and_then(serde_json::Value::as_bool)) {
            (None, _) => unused.push(("condition", "there is no prior that it could be shown")),
            (_, Some(false)) => unused.push(("condition", "the prior's option `use_condition` is false")),
            _ => (),
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &str, changes: &[&str]) -> Option<String> {
        let changes: Vec<Override> = changes.iter().map(|change| change.parse().unwrap()).collect();
        let method = Method::read(method, &changes).unwrap();
        method.check_overrides(&changes).err().map(|error| error.to_string())
    }

    #[test]
    fn overrides_without_effect_are_named_with_their_reason() {
        for (method, setting, said) in [
            ("ddpm", "scale=reference", "the data take no part"),
            ("ddpm", "solver.annealed.physics.gamma=0.1", "the data take no part"),
            ("lsq", "condition=adjoint", "no prior that it could be shown"),
            ("mrf-diph-unconditional", "condition=adjoint", "`use_condition` is false"),
        ] {
            let error = refused(method, &[setting]).unwrap_or_else(|| panic!("{method} takes {setting}"));
            assert!(
                error.starts_with(setting.split('=').next().unwrap()) && error.contains(method) && error.contains(said),
                "{error}"
            );
        }
        let switches = ["solver.annealed.data=null", "scale=reference"];
        assert!(refused("mrf-diph-conditional", &switches[..1]).is_none(), "the file may hold a scale");
        assert!(refused("mrf-diph-conditional", &switches).is_some());
    }

    #[test]
    fn overrides_with_effect_pass() {
        for (method, setting) in [
            ("mrf-diph-conditional", "solver.annealed.data.lambda=0.1"),
            ("mrf-diph-conditional", "solver.annealed.physics.gamma=0.1"),
            ("mrf-diph-conditional", "solver.annealed.physics.dual_only=true"),
            ("lsq", "solver.least-squares.iterations=3"),
            ("lsq", "scale=normalised"),
            ("ddpm", "condition=adjoint"),
            ("ddpm", "weights=density-compensation"),
            ("ddpm", "solver.annealed.data.lambda=0.1"),
            ("lrtv", "solver.fista.lambda=0.1"),
        ] {
            assert_eq!(refused(method, &[setting]), None);
        }
    }

    #[test]
    fn settings_of_what_a_solver_lacks_are_unknown() {
        for (method, setting) in [
            ("lsq", "solver.least-squares.lambda=0.1"),
            ("lrtv", "solver.fista.gamma=0.1"),
            ("ddpm", "solver.annealed.data.cg.max_iterations=3"),
            ("ddpm", "solver.annealed.renoising.blend.xi=0.5"),
            ("mrf-diph-conditional", "solver.annealed.penalty=2"),
        ] {
            assert!(Method::read(method, &[setting.parse().unwrap()]).is_err(), "{method} takes {setting}");
        }
    }
}

//! Methods by name or from files.

use std::path::Path;

use serde_json::Value;

use super::{BUILT_IN, Method};
use crate::config::{ConfigError, Override, load, parse_json, read_json};

impl Method {
    /// The built-in method of that name, or the method in that file, with overrides on top.
    ///
    /// # Errors
    /// When the file cannot be read, or a key or value makes no sense; the error names file and key.
    pub fn read(name_or_file: &str, overrides: &[Override]) -> Result<Self, ConfigError> {
        let mut base = match BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            Some((name, text)) => parse_json(text, name)?,
            None => read_json(Path::new(name_or_file))?,
        };
        drop_options(&mut base, overrides);
        load(base, name_or_file, overrides)
    }
}

/// Keys under which a method names its parts.
const PARTS: [&str; 5] = ["operator", "prior", "projector", "estimator", "refinement"];

/// A part that an override replaces by naming another, as in `prior.id=lab.my-denoiser`, takes its options with it: another part knows
/// others. What overrides set of the new part's options stays.
fn drop_options(base: &mut Value, overrides: &[Override]) {
    for part in PARTS {
        let key = format!("{part}.id");
        let id = overrides.iter().rev().find_map(|change| change.value_at(&key));
        let old = base.get_mut(part).and_then(Value::as_object_mut);
        if let (Some(id), Some(old)) = (id, old)
            && old.get("id") != Some(id)
        {
            old.remove("options");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prior_options(changes: &[&str]) -> Value {
        let changes: Vec<Override> = changes.iter().map(|change| change.parse().unwrap()).collect();
        Value::Object(Method::read("mrf-diph-unconditional", &changes).unwrap().prior.unwrap().options)
    }

    #[test]
    fn another_part_begins_without_the_options_of_the_old_one() {
        let own = prior_options(&[]);
        assert_ne!(own, json!({}), "the built-in method sets options");
        assert_eq!(prior_options(&["prior.id=lab.x"]), json!({}));
        assert_eq!(prior_options(&["prior.options.strength=2", "prior.id=lab.x"]), json!({ "strength": 2 }));
        assert_eq!(prior_options(&["prior.id=lab.x", "prior.options.strength=2"]), json!({ "strength": 2 }));
        assert_eq!(prior_options(&["prior.id=diph.diffusion"]), own, "the same part");
    }
}

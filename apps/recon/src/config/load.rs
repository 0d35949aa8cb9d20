//! From JSON to typed settings.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ConfigError, Origin, Override};

/// Lays the overrides over the base, in order, and types the result; keys that `T` does not read are refused.
///
/// `origin` is the file or the name of the base; errors name it, or the override that is to blame, with the key. The
/// effective configuration is what `T` serialises to.
///
/// # Errors
/// A [`ConfigError`] with the key to blame.
pub fn load<T: DeserializeOwned>(mut base: Value, origin: &str, overrides: &[Override]) -> Result<T, ConfigError> {
    for change in overrides {
        change.apply(&mut base, origin)?;
    }
    let last = |is_meant: &dyn Fn(&&Override) -> bool| overrides.iter().rev().find(is_meant);
    // The last override wins, so it is the one to blame; or the one that has made what is incomplete.
    let blamed = |key: &str| match last(&|change| change.covers(key)).or(last(&|change| change.is_below(key))) {
        Some(change) => Origin::Override(change.to_string()),
        None => Origin::Base(origin.to_owned()),
    };
    let mut unknown = None;
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(base, &mut track);
    let typed = serde_ignored::deserialize(tracked, |key| {
        unknown.get_or_insert_with(|| key.to_string());
    });
    let typed = typed.map_err(|error: serde_json::Error| {
        let key = track.path().to_string();
        ConfigError::Invalid { origin: blamed(&key), key, message: error.to_string() }
    })?;
    match unknown {
        None => Ok(typed),
        Some(key) => Err(ConfigError::UnknownKey { origin: blamed(&key), key }),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        steps: usize,
        #[serde(default)]
        prior: Prior,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Prior {
        #[serde(default)]
        lambda: f32,
    }

    fn loaded(base: Value, overrides: &[&str]) -> Result<Settings, ConfigError> {
        let overrides: Result<Vec<Override>, _> = overrides.iter().map(|text| text.parse()).collect();
        load(base, "lrtv.json", &overrides?)
    }

    fn message(base: Value, overrides: &[&str]) -> String {
        loaded(base, overrides).unwrap_err().to_string()
    }

    #[test]
    fn later_overrides_win_and_the_effective_configuration_reads_back() {
        let settings = loaded(json!({ "steps": 5 }), &["prior.lambda=0.5", "steps=7", "steps=9"]).unwrap();
        assert_eq!(settings, Settings { steps: 9, prior: Prior { lambda: 0.5 } });
        assert_eq!(loaded(serde_json::to_value(&settings).unwrap(), &[]).unwrap(), settings);
    }

    #[test]
    fn errors_name_the_file_and_the_key() {
        assert_eq!(message(json!({ "steps": 5, "pace": 1 }), &[]), "lrtv.json: unknown key `pace`");
        let refused = message(json!({ "steps": 5, "prior": { "lamda": 1 } }), &[]);
        assert!(refused.starts_with("lrtv.json: prior.lamda: unknown field `lamda`"), "{refused}");
        let wrong = message(json!({ "steps": "many" }), &[]);
        assert!(wrong.starts_with("lrtv.json: steps: invalid type: string \"many\", expected usize"), "{wrong}");
        assert!(message(json!({}), &[]).contains("missing field `steps`"));
    }

    #[test]
    fn errors_name_the_override() {
        let error = loaded(json!({ "steps": 5 }), &["steps=many"]).unwrap_err();
        assert!(error.to_string().starts_with("steps=\"many\": steps: invalid type"), "{error}");
        assert!(error.is_of_override());
        let error = loaded(json!({ "steps": 5 }), &["pace.x=1"]).unwrap_err();
        assert_eq!(error.to_string(), "pace.x=1: unknown key `pace`");
        let error = loaded(json!({ "steps": 5 }), &["pace=1"]).unwrap_err();
        assert_eq!(error.to_string(), "pace=1: unknown key `pace`");
        let error = loaded(json!({}), &["prior.lambda=1"]).unwrap_err();
        assert_eq!(error.to_string(), "lrtv.json: .: missing field `steps`");
        let error = loaded(json!({ "steps": 5, "prior": null }), &["prior.sigma=1"]).unwrap_err();
        assert!(error.to_string().starts_with("prior.sigma=1: prior.sigma: unknown field"), "{error}");
    }
}

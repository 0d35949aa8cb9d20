//! From JSON to typed settings.

use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

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
    if let Some((key, number)) = beyond_single(&base, "") {
        let message = format!("expected a number within single precision, at most {:e}, got {number}", f32::MAX);
        return Err(ConfigError::Invalid { origin: blamed(&key), key, message });
    }
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

/// The first number, with its key, that would become an infinity in single precision: such a setting means nothing, and could not be
/// written down again.
fn beyond_single<'a>(value: &'a Value, key: &str) -> Option<(String, &'a Number)> {
    let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Number(number) => {
            let is_beyond = number.as_f64().is_some_and(|number| (number as f32).is_infinite());
            is_beyond.then(|| (key.to_owned(), number))
        }
        Value::Array(values) => {
            values.iter().enumerate().find_map(|(index, value)| beyond_single(value, &below(&index.to_string())))
        }
        Value::Object(entries) => entries.iter().find_map(|(name, value)| beyond_single(value, &below(name))),
        _ => None,
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
    fn numbers_beyond_single_precision_are_refused() {
        let error = message(json!({ "steps": 5, "prior": { "lambda": 4.4e120 } }), &[]);
        assert!(error.starts_with("lrtv.json: prior.lambda: expected a number within single precision"), "{error}");
        let error = message(json!({ "steps": 5 }), &["prior.lambda=-1e39"]);
        assert!(error.starts_with("prior.lambda=-1e39: prior.lambda: expected a number within"), "{error}");
        assert_eq!(loaded(json!({ "steps": 5 }), &["prior.lambda=3e38"]).unwrap().prior.lambda, 3e38);
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

//! Changes of a configuration, key by key.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::ConfigError;

/// One change of a configuration: a value at a dotted key. As text it is `a.b=c`, where `c` is parsed as JSON where it is JSON and
/// taken as a string otherwise.
///
/// Numbers in the key are indices where the configuration holds a list. Keys that are missing on the way are created;
/// whether anything reads them is found out when the configuration is typed.
///
/// ```
/// use diph_recon::config::Override;
/// let change: Override = "solver.fista.lambda=0.02".parse()?;
/// let mut config = serde_json::json!({ "solver": { "fista": { "lambda": 0.01 } } });
/// change.apply(&mut config, "lrtv")?;
/// assert_eq!(config["solver"]["fista"]["lambda"], 0.02);
/// # Ok::<(), diph_recon::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    path: Vec<String>,
    value: Value,
}

impl Override {
    /// The value at a dotted key, for example `data.cut`.
    pub fn new(key: &str, value: impl Into<Value>) -> Self {
        Self { path: key.split('.').map(str::to_owned).collect(), value: value.into() }
    }

    /// Changes a configuration; `origin` is its file or name, for messages.
    ///
    /// # Errors
    /// [`ConfigError::BelowScalar`] and [`ConfigError::NoSuchElement`] when there is no place for the key.
    pub fn apply(&self, config: &mut Value, origin: &str) -> Result<(), ConfigError> {
        let mut place = config;
        for (depth, key) in self.path.iter().enumerate() {
            // Nothing is there yet: `null` stands for a part that is left out.
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = match place {
                Value::Object(map) => map.entry(key.clone()).or_insert(Value::Null),
                Value::Array(list) => {
                    let length = list.len();
                    let element = key.parse().ok().and_then(|index: usize| list.get_mut(index));
                    element.ok_or_else(|| self.no_such_element(depth, length, origin))?
                }
                other => return Err(self.below_scalar(depth, other, origin)),
            };
        }
        *place = self.value.clone();
        Ok(())
    }

    /// The value that this override puts at exactly this dotted key.
    pub fn value_at(&self, key: &str) -> Option<&Value> {
        (self.key() == key).then_some(&self.value)
    }

    /// Whether this override set what stands at a dotted key.
    pub(super) fn covers(&self, key: &str) -> bool {
        let own = self.key();
        key == own || key.strip_prefix(&own).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Whether this override set something below a dotted key.
    pub(super) fn is_below(&self, key: &str) -> bool {
        self.key().strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Whether this override says what stands at a dotted key, itself or as part of an object.
    pub fn sets(&self, key: &str) -> bool {
        let wanted: Vec<&str> = key.split('.').collect();
        let shared = self.path.len().min(wanted.len());
        let is_on_the_way = self.path[..shared].iter().zip(&wanted).all(|(own, wanted)| own == wanted);
        let value = wanted[shared..].iter().try_fold(&self.value, |value, key| value.get(key));
        is_on_the_way && value.is_some()
    }

    /// The dotted key.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    fn parent(&self, depth: usize) -> String {
        if depth == 0 { ".".into() } else { self.path[..depth].join(".") }
    }

    fn no_such_element(&self, depth: usize, length: usize, origin: &str) -> ConfigError {
        let (index, origin) = (self.path[depth].clone(), origin.into());
        ConfigError::NoSuchElement { key: self.key(), parent: self.parent(depth), index, length, origin }
    }

    fn below_scalar(&self, depth: usize, found: &Value, origin: &str) -> ConfigError {
        let found = match found {
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            _ => "a string",
        };
        ConfigError::BelowScalar { key: self.key(), parent: self.parent(depth), found, origin: origin.into() }
    }
}

impl FromStr for Override {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let malformed = || ConfigError::NotAnOverride { text: text.into() };
        let (key, value) = text.split_once('=').ok_or_else(malformed)?;
        let path: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(malformed());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        Ok(Self { path, value })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.key(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(mut config: Value, change: &str) -> Result<Value, String> {
        let change: Override = change.parse().map_err(|error: ConfigError| error.to_string())?;
        change.apply(&mut config, "base.json").map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn values_are_json_or_strings() {
        assert_eq!(applied(json!({ "a": 1 }), "a=[1, 2.5]"), Ok(json!({ "a": [1, 2.5] })));
        assert_eq!(applied(json!({ "a": 1 }), "a=plain words"), Ok(json!({ "a": "plain words" })));
        assert_eq!(applied(json!({ "a": 1 }), "a=x=y"), Ok(json!({ "a": "x=y" })));
        assert_eq!(applied(json!({ "a": 1 }), "a=null"), Ok(json!({ "a": null })));
        assert_eq!(applied(json!({ "a": 1 }), "a="), Ok(json!({ "a": "" })));
    }

    #[test]
    fn keys_reach_into_objects_and_lists_and_are_created() {
        assert_eq!(applied(json!({ "a": { "b": 1, "c": 2 } }), "a.b=3"), Ok(json!({ "a": { "b": 3, "c": 2 } })));
        assert_eq!(applied(json!({ "a": [{ "b": 1 }, 2] }), "a.0.b=3"), Ok(json!({ "a": [{ "b": 3 }, 2] })));
        assert_eq!(applied(json!({ "a": null }), "a.b.c=3"), Ok(json!({ "a": { "b": { "c": 3 } } })));
    }

    #[test]
    fn what_is_set_is_known() {
        let sets = |text: &str, key: &str| text.parse::<Override>().unwrap().sets(key);
        assert!(sets("solver.fista.lambda=1", "solver.fista.lambda") && sets("a.cg.tol=1", "a.cg"));
        assert!(sets("solver={\"fista\":{\"lambda\":null}}", "solver.fista.lambda"));
        for text in ["solver.fista=7", "solver={\"fista\":{\"tolerance\":1}}", "solver.fista.lamb=1", "lambda=1"] {
            assert!(!sets(text, "solver.fista.lambda"), "{text}");
        }
    }

    #[test]
    fn there_must_be_a_place() {
        assert_eq!(
            applied(json!({ "a": { "b": 7 } }), "a.b.c=1"),
            Err("a.b.c: `a.b` is a number in base.json, so nothing can be set below it".into())
        );
        assert_eq!(
            applied(json!({ "a": [1, 2] }), "a.2=1"),
            Err("a.2: `a` in base.json is a list of 2; expected an index from 0, got `2`".into())
        );
        for text in ["a", "=1", "a..b=1", ""] {
            assert!(applied(json!({}), text).unwrap_err().contains("expected KEY=VALUE"), "{text}");
        }
    }
}

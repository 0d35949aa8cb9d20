//! Options from JSON.

use diph_core::{Error, Result};
use serde::de::DeserializeOwned;

/// Options of a component from JSON; errors name the option that is to blame.
pub(crate) fn parse<T: DeserializeOwned>(component: &str, json: &str) -> Result<T> {
    let failed = |message: String| Error::external(format!("{component}: create"), message);
    // By way of a value, because positions in a text that the user never saw would not help.
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|error| failed(format!("options are no JSON: {error}")))?;
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string().as_str() {
        "." => failed(format!("options: {}", error.inner())),
        path => failed(format!("option `{path}`: {}", error.inner())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        #[expect(dead_code, reason = "only the errors are looked at")]
        factor: f32,
    }

    #[test]
    fn errors_name_the_option() {
        let error = |json| parse::<Options>("example.gain", json).unwrap_err().to_string();
        assert_eq!(
            error(r#"{"factor": "a"}"#),
            "example.gain: create: option `factor`: invalid type: string \"a\", expected f32"
        );
        assert_eq!(
            error(r#"{"faktor": 1}"#),
            "example.gain: create: option `faktor`: unknown field `faktor`, expected `factor`"
        );
        assert_eq!(error("{}"), "example.gain: create: options: missing field `factor`");
        assert!(error("{").starts_with("example.gain: create: options are no JSON"));
    }
}

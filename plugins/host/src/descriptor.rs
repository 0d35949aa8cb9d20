//! What a plugin says about one of its components.

use diph_plugin_abi::{self as abi, Str, copy_sized};
use serde::{Deserialize, Serialize};

use crate::{Example, Kind, Requirements};

/// A component of a plugin, readable without creating it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Descriptor {
    /// Unique ID, for example `diph.total-variation`.
    pub id: String,
    /// Name of the component for people.
    pub name: String,
    /// Version that the plugin states of itself.
    pub version: String,
    /// Kind of the instances that it creates.
    pub kind: Kind,
    /// What the component does, in one line.
    pub summary: String,
    /// JSON schema of the options.
    pub options_schema: serde_json::Value,
    /// From which a checker makes a small instance.
    pub example: Example,
    /// What it needs of an acquisition.
    pub requirements: Requirements,
}

impl Descriptor {
    /// Reads a descriptor; an error says which part is wrong and how.
    ///
    /// # Safety
    /// `pointer` is null or points to a descriptor as the header describes it.
    pub(crate) unsafe fn read(pointer: *const abi::Descriptor) -> Result<Self, (String, String)> {
        // SAFETY: by the caller's promise; null is checked inside.
        let raw = unsafe { copy_sized(pointer) }.map_err(|error| ("descriptor".into(), error.to_string()))?;
        let text = |field: &str, text: Str| {
            // SAFETY: static text by the header's promise.
            let text = unsafe { text.as_str() };
            let text = text.ok_or_else(|| (format!("descriptor: {field}"), "expected UTF-8 text".to_owned()))?;
            // They are printed as they are, and a terminal obeys some of these characters.
            match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                Some(c) => Err((format!("descriptor: {field}"), format!("expected printable text, got {c:?} in it"))),
                None => Ok(text.to_owned()),
            }
        };
        let id = text("id", raw.id)?;
        check_id(&id).map_err(|reason| ("descriptor: id".to_owned(), reason))?;
        let json =
            |field: &str, error: serde_json::Error| (format!("descriptor of `{id}`: {field}"), error.to_string());
        let schema = text("options_schema", raw.options_schema)?;
        let options_schema = serde_json::from_str(&schema).map_err(|error| json("options_schema", error))?;
        check_schema(&options_schema).map_err(|reason| (format!("descriptor of `{id}`: options_schema"), reason))?;
        let example = serde_json::from_str(&text("example", raw.example)?).map_err(|error| json("example", error))?;
        let requirements = Requirements::read(&text("requirements", raw.requirements)?)
            .map_err(|reason| (format!("descriptor of `{id}`: requirements"), reason))?;
        Ok(Self {
            name: text("name", raw.name)?,
            version: text("version", raw.version)?,
            kind: Kind::from_id(&text("kind", raw.kind)?),
            summary: text("summary", raw.summary)?,
            options_schema,
            example,
            requirements,
            id,
        })
    }
}

/// Whether a text can be the ID of a component. An ID stands in method files, in tables and in the names of options: small letters,
/// digits, `-`, `_` and at least one dot between the name of a laboratory or project and that of the component.
///
/// # Errors
/// What was expected, and what came.
pub fn check_id(id: &str) -> Result<(), String> {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    match id.contains('.') && id.split('.').all(is_word) {
        true => Ok(()),
        false => {
            Err(format!("expected small letters, digits, `-` and `_` around dots, such as `lab.my-prior`, got {id:?}"))
        }
    }
}

/// Options are an object, so that is what their schema describes.
fn check_schema(schema: &serde_json::Value) -> Result<(), String> {
    match schema.get("type").and_then(serde_json::Value::as_str) {
        Some("object") => Ok(()),
        _ => Err(format!("expected a JSON schema with \"type\": \"object\", got {schema}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_words_around_dots() {
        for id in ["diph.mrf-nufft", "lab.x", "my_lab.prior.v2"] {
            assert_eq!(check_id(id), Ok(()));
        }
        for id in ["", "lab", "Bad Id!", "lab.", ".x", "lab..x", "lab.X", "lab/x.y"] {
            assert!(check_id(id).unwrap_err().contains("such as `lab.my-prior`"), "{id}");
        }
    }

    #[test]
    fn schemas_describe_objects() {
        assert_eq!(check_schema(&json!({ "type": "object", "properties": {} })), Ok(()));
        for schema in [json!({}), json!(42), json!({ "type": 17 }), json!("object")] {
            assert!(check_schema(&schema).is_err(), "{schema}");
        }
    }
}

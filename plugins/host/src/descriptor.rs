//! What a plugin says about one of its components.

use diph_plugin_abi::{self as abi, Str, copy_sized};
use serde::Serialize;

use crate::{Example, Kind, Requirements};

/// A component of a plugin, readable without creating it.
#[derive(Clone, Debug, Serialize)]
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
            text.map(str::to_owned).ok_or_else(|| (format!("descriptor: {field}"), "expected UTF-8 text".into()))
        };
        let id = text("id", raw.id)?;
        if id.is_empty() {
            return Err(("descriptor: id".into(), "expected a name, got an empty text".into()));
        }
        let json =
            |field: &str, error: serde_json::Error| (format!("descriptor of `{id}`: {field}"), error.to_string());
        let schema = text("options_schema", raw.options_schema)?;
        let options_schema = serde_json::from_str(&schema).map_err(|error| json("options_schema", error))?;
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

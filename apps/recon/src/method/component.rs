//! A part of a method.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A part that comes out of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// ID under which a plugin offers the part, for example `diph.mrf-nufft`.
    pub id: String,
    /// Its options; `diph plugin info` shows their schema.
    #[serde(default)]
    pub options: Map<String, Value>,
}

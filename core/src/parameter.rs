//! A quantity that the physics depends on.

use serde::{Deserialize, Serialize};

/// A quantity that the physics depends on, voxel by voxel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name, for example `T1`.
    pub name: String,
    /// Unit, for example `s`; empty for a pure number.
    pub unit: String,
}

//! Kinds of components.

use std::fmt;

use diph_plugin_abi as abi;
use serde::{Deserialize, Serialize};

/// Kind of the instances that a component creates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// Instances are a [`ForwardOperator`](diph_core::ForwardOperator).
    ForwardOperator,
    /// Instances are a [`Prior`](diph_core::Prior).
    Prior,
    /// Instances are a [`PhysicsProjector`](diph_core::PhysicsProjector).
    PhysicsProjector,
    /// Instances are an [`Estimator`](diph_core::Estimator).
    Estimator,
    /// Something that this host does not know: listed, but it cannot be created.
    Unknown(String),
}

impl Kind {
    pub(crate) fn from_id(id: &str) -> Self {
        match id {
            abi::KIND_FORWARD_OPERATOR => Self::ForwardOperator,
            abi::KIND_PRIOR => Self::Prior,
            abi::KIND_PHYSICS_PROJECTOR => Self::PhysicsProjector,
            abi::KIND_ESTIMATOR => Self::Estimator,
            other => Self::Unknown(other.into()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForwardOperator => f.write_str("operator"),
            Self::Prior => f.write_str("prior"),
            Self::PhysicsProjector => f.write_str("projector"),
            Self::Estimator => f.write_str("estimator"),
            Self::Unknown(id) => f.write_str(id),
        }
    }
}

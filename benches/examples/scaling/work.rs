//! What is measured.

use serde::{Deserialize, Serialize};

use crate::axis::Axis;

/// A part of Diph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// The acquisition operator.
    Operator,
    /// Matching of a slice.
    Matching,
    /// Simulation of a dictionary.
    Dictionary,
    /// A forward pass of the shipped network.
    Network,
}

impl Work {
    pub const ALL: [Self; 4] = [Self::Operator, Self::Matching, Self::Dictionary, Self::Network];

    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "acquisition operator",
            Self::Matching => "matching",
            Self::Dictionary => "dictionary",
            Self::Network => "network",
        }
    }

    pub fn depends_on(self, axis: Axis) -> bool {
        match axis {
            Axis::Threads => true,
            Axis::Size => self != Self::Dictionary,
            Axis::Frames => matches!(self, Self::Operator | Self::Dictionary),
            Axis::Coils => self == Self::Operator,
            Axis::Atoms => matches!(self, Self::Matching | Self::Dictionary),
        }
    }
}

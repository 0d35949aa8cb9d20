//! What a comparison measures.

use serde::Serialize;

/// What a [`Comparison`](super::Comparison) measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// `||ours - theirs|| / ||theirs||`, or the like.
    RelativeError,
    /// A number of things that differ.
    Count,
}

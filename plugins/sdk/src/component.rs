//! What a plugin offers.

use diph_core::Result;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Arrays, Host};

/// One operator, prior or projector that a plugin can create, with what a user may know before it is created.
pub trait Component {
    /// Unique ID in dotted lower case: `example.gain`.
    const ID: &'static str;
    /// Name for people.
    const NAME: &'static str;
    /// What it does, in one line.
    const SUMMARY: &'static str;
    /// JSON from which a checker makes a small instance:
    /// `{"options": {..}, "arrays": {"name": {"shape": [..], "dtype": "f32", "low": .., "high": ..}}, "image": [..]}`.
    /// Arrays are drawn uniformly from [low, high), with `"step"` in multiples of it above low; `image` is the shape to try
    /// a prior or projector on. `"conditions"` are condition images for a prior that wants them, described like arrays, of
    /// `"dtype": "c64"`.
    const EXAMPLE: &'static str;

    /// The options. Derive with `#[serde(deny_unknown_fields)]`, so that a misspelt option is refused; the doc
    /// comments of the fields become the schema's descriptions.
    type Options: DeserializeOwned + JsonSchema;
    /// What [`create`](Self::create) gives: a `ForwardOperator`, `Prior` or `PhysicsProjector`.
    type Instance: 'static;

    /// Creates an instance from options and named arrays. Arrays are borrowed for the call.
    ///
    /// # Errors
    /// Naming the option or the array that does not do.
    fn create(options: Self::Options, arrays: &Arrays<'_>, host: &Host) -> Result<Self::Instance>;
}

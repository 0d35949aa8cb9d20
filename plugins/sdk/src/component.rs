//! What a plugin offers.

use std::time::Duration;

use diph_core::{MemoryEstimate, Result, SpatialAxes};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Acquisition, Host};

/// One operator, prior, projector or estimator that a plugin can create, with what a user may know before it is created.
pub trait Component {
    /// Unique ID in dotted lower case: `example.gain`.
    const ID: &'static str;
    /// Name of the component for people.
    const NAME: &'static str;
    /// What it does, in one line.
    const SUMMARY: &'static str;
    /// What it needs of the acquisition. By default nothing, and images of two spatial axes.
    const REQUIRES: Requirements = Requirements::NONE;
    /// JSON from which a checker makes a small instance:
    /// `{"options": {..}, "facts": {"image": [..]}, "arrays": {"name": {"shape": [..], "dtype": "f32", "low": .., "high": ..}},
    /// "image": [..]}`.
    /// Arrays are drawn uniformly from [low, high), with `"step"` in multiples of it above low; `image` is the shape to try
    /// a prior, projector or estimator on. `"conditions"` are condition images for a prior that wants them, described like
    /// arrays, of `"dtype": "c64"`.
    const EXAMPLE: &'static str;

    /// The options, which are the user's alone. Derive with `#[serde(deny_unknown_fields)]`, so that a misspelt option is
    /// refused; the doc comments of the fields become the schema's descriptions.
    type Options: DeserializeOwned + JsonSchema;
    /// What [`create`](Self::create) gives: a `ForwardOperator`, `Prior`, `PhysicsProjector` or `Estimator`.
    type Instance: 'static;

    /// Creates an instance from options and acquisition, which is borrowed for the call. rayon's global pool has the number
    /// of threads that the host grants.
    ///
    /// # Errors
    /// Any [`Error`](diph_core::Error) that names the option, array or fact that does not do.
    fn create(options: Self::Options, acquisition: &Acquisition<'_>, host: &Host) -> Result<Self::Instance>;

    /// Memory that an instance needs beside the images of its callers, from shapes alone; `None` where it is not known.
    ///
    /// # Errors
    /// Any [`Error`](diph_core::Error) that names the option, array or fact that does not do.
    fn memory(_options: Self::Options, _shapes: &Acquisition<'_>, _uses: Uses) -> Result<Option<MemoryEstimate>> {
        Ok(None)
    }

    /// About how long `calls` calls of an instance take on this machine, from shapes alone; `None` where it is not known. A
    /// user is told before a long run, so that a guess within a factor of two does.
    ///
    /// # Errors
    /// Any [`Error`](diph_core::Error) that names the option, array or fact that does not do.
    fn time(_options: Self::Options, _shapes: &Acquisition<'_>, _calls: u64) -> Result<Option<Duration>> {
        Ok(None)
    }
}

/// What a [`Component`] needs of the acquisition, by the names of the table in `diph_plugin.h`.
///
/// The host refuses to create a component that lacks something of `arrays` or `facts`, and says so; it need not give what
/// is not declared.
#[derive(Clone, Copy, Debug)]
pub struct Requirements {
    /// Arrays without which it cannot be created.
    pub arrays: &'static [&'static str],
    /// Arrays that it uses where they are there.
    pub optional_arrays: &'static [&'static str],
    /// Facts without which it cannot be created.
    pub facts: &'static [&'static str],
    /// Facts that it uses where they are known.
    pub optional_facts: &'static [&'static str],
    /// Which images it takes; of a prior, what [`Prior::spatial_axes`](diph_core::Prior::spatial_axes) says.
    pub spatial_axes: SpatialAxes,
}

impl Requirements {
    /// Needs nothing, takes images of two spatial axes.
    pub const NONE: Self =
        Self { arrays: &[], optional_arrays: &[], facts: &[], optional_facts: &[], spatial_axes: SpatialAxes::Two };

    /// The requirements as the JSON text that the header describes.
    pub(crate) fn json(&self) -> String {
        let spatial_axes: &[u32] = match self.spatial_axes {
            SpatialAxes::Two => &[2],
            SpatialAxes::Three => &[3],
            SpatialAxes::Either => &[2, 3],
        };
        serde_json::json!({
            "arrays": self.arrays,
            "optional_arrays": self.optional_arrays,
            "facts": self.facts,
            "optional_facts": self.optional_facts,
            "spatial_axes": spatial_axes,
        })
        .to_string()
    }
}

/// What the host is going to do with an instance, where that matters for memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Calls `normal` of an operator.
    pub normal: bool,
}

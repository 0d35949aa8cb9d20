//! One line of a plugin's table of components, and options from JSON.

use std::time::Duration;

use diph_core::{Error, Estimator, ForwardOperator, MemoryEstimate, PhysicsProjector, Prior, Result};
use diph_plugin_abi::{self as abi, Descriptor, Instance, Str};
use schemars::schema_for;
use serde::de::DeserializeOwned;

use crate::estimator_shim::EstimatorShim;
use crate::failure::Failure;
use crate::operator_shim::OperatorShim;
use crate::prior_shim::PriorShim;
use crate::projector_shim::ProjectorShim;
use crate::{Acquisition, Component, Host, Requirements, Uses};

type Create = fn(options: &str, acquisition: &Acquisition<'_>, host: &Host) -> Result<Instance, Failure>;
type Memory = fn(options: &str, shapes: &Acquisition<'_>, uses: Uses) -> diph_core::Result<Option<MemoryEstimate>>;
type Time = fn(options: &str, shapes: &Acquisition<'_>, calls: u64) -> diph_core::Result<Option<Duration>>;

/// One component in the table of a plugin; [`plugin!`](crate::plugin) writes it.
pub struct Registration {
    pub(crate) id: &'static str,
    kind: &'static str,
    name: &'static str,
    summary: &'static str,
    example: &'static str,
    requirements: Requirements,
    schema: fn() -> String,
    pub(crate) create: Create,
    pub(crate) memory: Memory,
    pub(crate) time: Time,
}

impl Registration {
    /// A component that creates a [`ForwardOperator`].
    pub const fn operator<T: Component<Instance: ForwardOperator>>() -> Self {
        Self::new::<T>(abi::KIND_FORWARD_OPERATOR, |options, acquisition, host| {
            Ok(OperatorShim::instance(create::<T>(options, acquisition, host)?))
        })
    }

    /// A component that creates a [`Prior`].
    pub const fn prior<T: Component<Instance: Prior>>() -> Self {
        Self::new::<T>(abi::KIND_PRIOR, |options, acquisition, host| {
            let prior = create::<T>(options, acquisition, host)?;
            let (declared, own) = (T::REQUIRES.spatial_axes, prior.spatial_axes());
            if declared != own {
                let expected = format!("a prior of {declared} spatial axes, as its requirements say");
                return Err(Error::incompatible(T::ID, expected, own).into());
            }
            Ok(PriorShim::instance(prior))
        })
    }

    /// A component that creates a [`PhysicsProjector`].
    pub const fn projector<T: Component<Instance: PhysicsProjector>>() -> Self {
        Self::new::<T>(abi::KIND_PHYSICS_PROJECTOR, |options, acquisition, host| {
            Ok(ProjectorShim::instance(create::<T>(options, acquisition, host)?))
        })
    }

    /// A component that creates an [`Estimator`].
    pub const fn estimator<T: Component<Instance: Estimator>>() -> Self {
        Self::new::<T>(abi::KIND_ESTIMATOR, |options, acquisition, host| {
            Ok(EstimatorShim::instance(create::<T>(options, acquisition, host)?))
        })
    }

    const fn new<T: Component>(kind: &'static str, create: Create) -> Self {
        Self {
            id: T::ID,
            kind,
            name: T::NAME,
            summary: T::SUMMARY,
            example: T::EXAMPLE,
            requirements: T::REQUIRES,
            schema: || schema_for!(T::Options).to_value().to_string(),
            create,
            memory: |options, shapes, uses| T::memory(parse(T::ID, options)?, shapes, uses),
            time: |options, shapes, calls| T::time(parse(T::ID, options)?, shapes, calls),
        }
    }

    /// The descriptor. Schema and requirements are leaked, since descriptors live until the process ends.
    pub(crate) fn descriptor(&self, version: &'static str) -> Descriptor {
        Descriptor {
            id: Str::new(self.id),
            name: Str::new(self.name),
            version: Str::new(version),
            kind: Str::new(self.kind),
            summary: Str::new(self.summary),
            options_schema: Str::new(String::leak((self.schema)())),
            example: Str::new(self.example),
            requirements: Str::new(String::leak(self.requirements.json())),
            ..Descriptor::default()
        }
    }
}

fn create<T: Component>(options: &str, acquisition: &Acquisition<'_>, host: &Host) -> Result<T::Instance, Failure> {
    Ok(T::create(parse(T::ID, options)?, acquisition, host)?)
}

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

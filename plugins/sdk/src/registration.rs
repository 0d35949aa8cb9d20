//! One line of a plugin's table of components.

use diph_core::{ForwardOperator, PhysicsProjector, Prior};
use diph_plugin_abi::{self as abi, Descriptor, Instance, Str};
use schemars::schema_for;

use crate::failure::Failure;
use crate::operator_shim::OperatorShim;
use crate::options::parse;
use crate::prior_shim::PriorShim;
use crate::projector_shim::ProjectorShim;
use crate::{Arrays, Component, Host};

/// One component in the table of a plugin; [`export_plugin!`](crate::export_plugin) writes it.
pub struct Registration {
    pub(crate) id: &'static str,
    kind: &'static str,
    name: &'static str,
    summary: &'static str,
    example: &'static str,
    schema: fn() -> String,
    pub(crate) create: fn(options: &str, arrays: &Arrays<'_>, host: &Host) -> Result<Instance, Failure>,
}

impl Registration {
    /// A component that creates a [`ForwardOperator`].
    pub const fn operator<T: Component<Instance: ForwardOperator>>() -> Self {
        Self::new::<T>(abi::KIND_FORWARD_OPERATOR, |options, arrays, host| {
            Ok(OperatorShim::instance(create::<T>(options, arrays, host)?))
        })
    }

    /// A component that creates a [`Prior`].
    pub const fn prior<T: Component<Instance: Prior>>() -> Self {
        Self::new::<T>(abi::KIND_PRIOR, |options, arrays, host| {
            Ok(PriorShim::instance(create::<T>(options, arrays, host)?))
        })
    }

    /// A component that creates a [`PhysicsProjector`].
    pub const fn projector<T: Component<Instance: PhysicsProjector>>() -> Self {
        Self::new::<T>(abi::KIND_PHYSICS_PROJECTOR, |options, arrays, host| {
            Ok(ProjectorShim::instance(create::<T>(options, arrays, host)?))
        })
    }

    const fn new<T: Component>(
        kind: &'static str,
        create: fn(&str, &Arrays<'_>, &Host) -> Result<Instance, Failure>,
    ) -> Self {
        Self {
            id: T::ID,
            kind,
            name: T::NAME,
            summary: T::SUMMARY,
            example: T::EXAMPLE,
            schema: || schema_for!(T::Options).to_value().to_string(),
            create,
        }
    }

    /// The descriptor. The schema is leaked, since descriptors live until the process ends.
    pub(crate) fn descriptor(&self, version: &'static str) -> Descriptor {
        Descriptor {
            id: Str::new(self.id),
            name: Str::new(self.name),
            version: Str::new(version),
            kind: Str::new(self.kind),
            summary: Str::new(self.summary),
            options_schema: Str::new(String::leak((self.schema)())),
            example: Str::new(self.example),
            ..Descriptor::default()
        }
    }
}

fn create<T: Component>(options: &str, arrays: &Arrays<'_>, host: &Host) -> Result<T::Instance, Failure> {
    Ok(T::create(parse(T::ID, options)?, arrays, host)?)
}

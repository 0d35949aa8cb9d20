//! How parts are created: in this process, or in that of a worker.

use std::collections::BTreeSet;
use std::sync::Arc;

use diph_core::{Error, Estimator, ForwardOperator, PhysicsProjector, PlaneWise, Prior, Result};
use diph_plugin_abi::{self as abi, Str};

use crate::call::call;
use crate::host_side::HostSide;
use crate::instance::Instance;
#[cfg(unix)]
use crate::isolation::RemotePart;
use crate::library::Door;
use crate::registry::image_for;
use crate::{
    Acquisition, Component, Descriptor, Kind, PluginEstimator, PluginInstance, PluginOperator, PluginPrior,
    PluginProjector, Registry, Requirements,
};

/// What was created, and where.
enum Made {
    Here(Instance),
    #[cfg(unix)]
    Elsewhere(Box<RemotePart>),
}

impl Registry {
    /// Creates the operator `id`. `options` is a JSON object with the user's options; of `acquisition` the plugin gets what
    /// it declares, and copies what it needs.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such component, [`Error::Incompatible`] when it is of another kind or does not
    /// take the image, [`Error::External`] when something that it needs is missing, or the plugin refuses; the message names
    /// plugin, option, array or fact.
    pub fn create_operator(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<Box<dyn ForwardOperator>> {
        match self.make(id, &Kind::ForwardOperator, options, acquisition)? {
            // SAFETY: the kind was checked.
            Made::Here(instance) => Ok(Box::new(unsafe { PluginOperator::new(instance) }?)),
            #[cfg(unix)]
            Made::Elsewhere(part) => part.operator(),
        }
    }

    /// Creates the prior `id`; otherwise as [`create_operator`](Self::create_operator). Where the acquisition's image is a
    /// volume, and the prior takes planes, it runs over the planes of the volume.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator).
    pub fn create_prior(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<Box<dyn Prior>> {
        match self.make(id, &Kind::Prior, options, acquisition)? {
            Made::Here(instance) => fitted_prior(instance, acquisition),
            // The worker has fitted it.
            #[cfg(unix)]
            Made::Elsewhere(part) => part.prior(),
        }
    }

    /// Creates the projector `id`; otherwise as [`create_operator`](Self::create_operator).
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator).
    pub fn create_projector(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<Box<dyn PhysicsProjector>> {
        match self.make(id, &Kind::PhysicsProjector, options, acquisition)? {
            // SAFETY: the kind was checked.
            Made::Here(instance) => Ok(Box::new(unsafe { PluginProjector::new(instance) }?)),
            #[cfg(unix)]
            Made::Elsewhere(part) => part.projector(),
        }
    }

    /// Creates the estimator `id`; otherwise as [`create_operator`](Self::create_operator).
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator).
    pub fn create_estimator(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<Box<dyn Estimator>> {
        match self.make(id, &Kind::Estimator, options, acquisition)? {
            // SAFETY: the kind was checked.
            Made::Here(instance) => Ok(Box::new(unsafe { PluginEstimator::new(instance) }?)),
            #[cfg(unix)]
            Made::Elsewhere(part) => part.estimator(),
        }
    }

    /// Creates the component `id`, whatever its kind, in this process.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), and [`Error::Incompatible`] for a kind that this host does not know, or a library
    /// that is [isolated](Self::isolated).
    pub fn create(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<PluginInstance> {
        let kind = &self.find(id)?.descriptor.kind;
        if let Kind::Unknown(kind) = kind {
            return Err(Error::incompatible("plugins", "a kind that this host knows", kind));
        }
        let instance = self.instantiate(id, kind, options, acquisition)?;
        // SAFETY: the instance is of the kind that its descriptor states.
        unsafe {
            Ok(match kind {
                Kind::ForwardOperator => PluginInstance::Operator(PluginOperator::new(instance)?),
                Kind::PhysicsProjector => PluginInstance::Projector(PluginProjector::new(instance)?),
                Kind::Estimator => PluginInstance::Estimator(PluginEstimator::new(instance)?),
                Kind::Prior | Kind::Unknown(_) => PluginInstance::Prior(fitted_prior(instance, acquisition)?),
            })
        }
    }

    /// Fails where an acquisition lacks something that the component needs, and where the component does not take its image.
    /// Priors and projectors of planes take the planes of a volume.
    pub(crate) fn check(&self, descriptor: &Descriptor, acquisition: &Acquisition<'_>) -> Result<()> {
        let Descriptor { id, kind, requirements, .. } = descriptor;
        requirements.check(kind, id, acquisition)?;
        let takes_whole_images = matches!(kind, Kind::ForwardOperator | Kind::Estimator);
        let Some(image) = acquisition.facts.image.filter(|_| takes_whole_images) else { return Ok(()) };
        let takes_it = |requirements: &Requirements| requirements.spatial_axes.accept(&image);
        if takes_it(requirements) {
            return Ok(());
        }
        let others = self.components().map(|component| component.descriptor);
        let others = others.filter(|other| other.kind == *kind && takes_it(&other.requirements));
        let ids: BTreeSet<&str> = others.map(|other| other.id.as_str()).collect();
        let advice = match ids.is_empty() {
            true => format!("no {kind} here takes it"),
            false => format!("take another {kind}: {}", ids.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let expected = format!("an image of {} spatial axes", requirements.spatial_axes);
        Err(Error::incompatible(format!("{kind} `{id}`"), expected, format!("one of {image}; {advice}")))
    }

    /// An instance, here or in the process of a worker.
    fn make(&self, id: &str, kind: &Kind, options: &serde_json::Value, acquisition: &Acquisition<'_>) -> Result<Made> {
        #[cfg(unix)]
        {
            let Component { descriptor, library, .. } = self.of_kind(id, kind)?;
            if let Door::Isolated(worker) = &library.door {
                self.check(descriptor, acquisition)?;
                let label = format!("plugin `{id}` ({})", library.file_name());
                let uses = |name: &str| descriptor.requirements.uses_array(name);
                return RemotePart::create(worker, label, id, options, acquisition, uses)
                    .map(|part| Made::Elsewhere(Box::new(part)));
            }
        }
        self.instantiate(id, kind, options, acquisition).map(Made::Here)
    }

    fn of_kind(&self, id: &str, kind: &Kind) -> Result<Component<'_>> {
        let component = self.find(id)?;
        match component.descriptor.kind == *kind {
            true => Ok(component),
            false => {
                let got = format!("{}, which is `{id}`", component.descriptor.kind);
                Err(Error::incompatible("plugins", kind, got))
            }
        }
    }

    pub(crate) fn instantiate(
        &self,
        id: &str,
        kind: &Kind,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<Instance> {
        let Component { descriptor, library, .. } = self.of_kind(id, kind)?;
        let requirements = &descriptor.requirements;
        self.check(descriptor, acquisition)?;
        let label = format!("plugin `{id}` ({})", library.file_name());
        let factory = match &library.door {
            Door::Own(factories) => &factories.factory,
            #[cfg(unix)]
            Door::Isolated(_) => {
                return Err(Error::incompatible(label, "a library in this process", "one in a process of its own"));
            }
        };
        let create = factory.create.ok_or_else(|| crate::call::null(&label, "create"))?;
        let host = HostSide::new(Arc::clone(&self.services), id);
        let arrays = acquisition.raw(image_for(descriptor, acquisition), |name| requirements.uses_array(name));
        let json = options.to_string();
        let mut raw = abi::Instance::default();
        let instance = &raw mut raw;
        // SAFETY: everything lives through the call, and the host as long as the instance.
        call(&label, "create", |error| unsafe {
            create(host.raw(), Str::new(id), Str::new(&json), arrays.pointer(), instance, error)
        })?;
        // SAFETY: filled by the successful call above.
        unsafe { Instance::new(id, label, requirements.spatial_axes, raw, host) }
    }
}

/// A prior in the form that takes the acquisition's image.
fn fitted_prior(instance: Instance, acquisition: &Acquisition<'_>) -> Result<Box<dyn Prior>> {
    // SAFETY: the caller has checked the kind.
    let prior = Box::new(unsafe { PluginPrior::new(instance) }?);
    match &acquisition.facts.image {
        Some(image) => PlaneWise::fitted(prior, image),
        None => Ok(prior),
    }
}

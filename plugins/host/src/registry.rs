//! All components that were found.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diph_core::{Error, ForwardOperator, ImageShape, MemoryEstimate, PlaneWise, Prior, Result, SpatialAxes};
use diph_plugin_abi::{self as abi, Str};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::call::{call, call_optional};
use crate::host_side::HostSide;
use crate::inspect::exports_entry;
use crate::instance::Instance;
use crate::library::digest;
use crate::projector::folded;
use crate::search_path::libraries_in;
use crate::trust::check_trust;
use crate::{
    Acquisition, Descriptor, Example, HostServices, Kind, Library, LoadError, Origin, PluginEstimator, PluginInstance,
    PluginLock, PluginOperator, PluginPrior, PluginProjector, Provenance, Requirements, SearchPath,
};

/// A component with the library that offers it.
#[derive(Clone, Copy)]
pub struct Component<'a> {
    /// What the plugin says about it.
    pub descriptor: &'a Descriptor,
    /// The library that offers it.
    pub library: &'a Library,
    /// The library found earlier that offers the same ID and is used instead.
    pub shadowed_by: Option<&'a Library>,
}

/// All plugins that were found, and the way to create instances from them.
pub struct Registry {
    services: Arc<HostServices>,
    libraries: Vec<Library>,
    failures: Vec<LoadError>,
    allows_untrusted: bool,
    lock: Option<PluginLock>,
}

impl Registry {
    /// Makes a registry without plugins, whose plugins will use these services.
    pub fn new(services: HostServices) -> Self {
        let (libraries, failures) = (Vec::new(), Vec::new());
        Self { services: Arc::new(services), libraries, failures, allows_untrusted: false, lock: None }
    }

    /// Opens also libraries that others could have written or changed, see [`LoadError::Untrusted`].
    #[must_use]
    pub fn allowing_untrusted(mut self, allows: bool) -> Self {
        self.allows_untrusted = allows;
        self
    }

    /// Opens only libraries that are in the lock, unchanged; of others no code runs.
    #[must_use]
    pub fn locked(mut self, lock: PluginLock) -> Self {
        self.lock = Some(lock);
        self
    }

    /// Opens every plugin in the directories of `path`, in order; within a directory by name, shorter first.
    ///
    /// A file is taken for a plugin when its extension is that of shared libraries and its table of exported symbols has
    /// `diph_plugin_entry`, which is read from the file: libraries of another sort (cargo leaves procedural macros beside
    /// its results) are passed over in silence and none of their code runs. A plugin that cannot be used, and a library that
    /// is not whole, goes to [`failures`](Self::failures). Directories that do not exist are passed over.
    pub fn scan(&mut self, path: &SearchPath) {
        for error in path.refused() {
            if let LoadError::RelativeDirectory { path } = error {
                self.failures.push(LoadError::RelativeDirectory { path: path.clone() });
            }
        }
        for (origin, directory) in path.directories() {
            for file in libraries_in(directory) {
                self.scan_file(&file, origin);
            }
        }
    }

    fn scan_file(&mut self, file: &Path, origin: Origin) {
        match exports_entry(file) {
            Ok(false) => {}
            Ok(true) => {
                if let Err(error) = self.load(file, origin) {
                    self.failures.push(error);
                }
            }
            Err(error) => self.failures.push(error),
        }
    }

    /// Adds a plugin that is linked into the program. Every library that offers the same IDs, opened before or after, wins
    /// over it.
    ///
    /// # Errors
    /// [`LoadError`] when it is no usable plugin.
    pub fn register_static(&mut self, entry: &'static abi::Entry) -> Result<&Library, LoadError> {
        self.libraries.push(Library::built_in(entry)?);
        Ok(&self.libraries[self.libraries.len() - 1])
    }

    /// Opens the library `file` and adds its components to the registry.
    ///
    /// # Errors
    /// [`LoadError`] when it is no usable plugin.
    pub fn open(&mut self, file: &Path) -> Result<&Library, LoadError> {
        self.load(file, Origin::File)
    }

    fn load(&mut self, file: &Path, origin: Origin) -> Result<&Library, LoadError> {
        let path = file.canonicalize().map_err(|source| LoadError::Read { path: file.into(), source })?;
        let known = self.libraries.iter().position(|library| library.path() == Some(&path));
        let index = match known {
            Some(index) => index,
            None => {
                if !self.allows_untrusted {
                    check_trust(&path)?;
                }
                if let Some(lock) = &self.lock {
                    let read = |source| LoadError::Read { path: path.clone(), source };
                    lock.check(&path, &digest(&path).map_err(read)?)?;
                }
                // Plugins of the program stay behind all libraries.
                let end = self.libraries.partition_point(|library| library.origin() != Origin::BuiltIn);
                self.libraries.insert(end, Library::open(&path, origin)?);
                end
            }
        };
        Ok(&self.libraries[index])
    }

    /// The opened libraries in the order of the search, and after them the plugins of the program.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// Plugins that were found but cannot be used.
    pub fn failures(&self) -> &[LoadError] {
        &self.failures
    }

    /// All components in the order of the search, those included that are shadowed by an earlier one of the same ID.
    pub fn components(&self) -> impl Iterator<Item = Component<'_>> {
        self.libraries.iter().enumerate().flat_map(move |(index, library)| {
            library.descriptors().iter().map(move |descriptor| {
                let offers = |other: &&Library| other.descriptors().iter().any(|d| d.id == descriptor.id);
                Component { descriptor, library, shadowed_by: self.libraries[..index].iter().find(offers) }
            })
        })
    }

    /// The component `id` of the first library that offers it.
    ///
    /// # Errors
    /// [`Error::Parameter`] listing the IDs that exist.
    pub fn find(&self, id: &str) -> Result<Component<'_>> {
        self.components().find(|component| component.descriptor.id == id).ok_or_else(|| {
            let mut ids: Vec<&str> = self.components().map(|component| component.descriptor.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            let expected = if ids.is_empty() { "a plugin, of which none was found".into() } else { ids.join(" | ") };
            Error::parameter("plugins", "id", expected, id)
        })
    }

    /// Where the component `id` comes from.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such component, [`Error::External`] when its file cannot be read any more.
    pub fn provenance(&self, id: &str) -> Result<Provenance> {
        let component = self.find(id)?;
        let sha256 = component.library.sha256().map_err(|error| Error::external("plugins", error))?;
        Ok(Provenance {
            id: id.into(),
            version: component.descriptor.version.clone(),
            path: component.library.path().map(Into::into),
            sha256: sha256.map(Into::into),
            origin: component.library.origin(),
        })
    }

    /// Memory that an instance of `id` with these options would need beside its callers' images; `None` where the plugin
    /// does not say. Of `acquisition` only shapes and facts count, so that arrays may be
    /// [announced](crate::ArrayData::Announced).
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such component, [`Error::External`] when something that it needs is missing, or
    /// the plugin refuses; the message names plugin, option, array or fact.
    pub fn memory_estimate(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
        uses_normal: bool,
    ) -> Result<Option<MemoryEstimate>> {
        let Component { descriptor, library, .. } = self.find(id)?;
        let Some(estimate) = library.memory_estimate.and_then(|factory| factory.estimate) else { return Ok(None) };
        self.check(descriptor, acquisition)?;
        let label = format!("plugin `{id}` ({})", library.file_name());
        let arrays =
            acquisition.raw(image_for(descriptor, acquisition), |name| descriptor.requirements.uses_array(name));
        let json = options.to_string();
        let uses = if uses_normal { abi::MemoryEstimate::USES_NORMAL } else { 0 };
        let mut parts = MemoryEstimate::default();
        let sink = abi::MemorySink {
            struct_size: size_of::<abi::MemorySink>() as u64,
            context: (&raw mut parts).cast(),
            kept: Some(add_kept),
            temporary: Some(add_temporary),
        };
        // SAFETY: everything lives through the call, and `parts` is reached through the sink alone.
        let known = call_optional(&label, "memory estimate", |error| unsafe {
            estimate(Str::new(id), Str::new(&json), arrays.pointer(), uses, &raw const sink, error)
        })?;
        Ok(known.then_some(parts))
    }

    /// About how long `calls` calls of an instance of `id` with these options would take on this machine; `None` where the
    /// plugin does not say. Of `acquisition` only shapes and facts count. A component of two spatial axes is called once for
    /// each plane of a volume.
    ///
    /// # Errors
    /// As [`memory_estimate`](Self::memory_estimate).
    pub fn time_estimate(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
        calls: u64,
    ) -> Result<Option<Duration>> {
        let Component { descriptor, library, .. } = self.find(id)?;
        let Some(estimate) = library.time_estimate.and_then(|factory| factory.estimate) else { return Ok(None) };
        self.check(descriptor, acquisition)?;
        let label = format!("plugin `{id}` ({})", library.file_name());
        let host = HostSide::new(Arc::clone(&self.services), id);
        let arrays =
            acquisition.raw(image_for(descriptor, acquisition), |name| descriptor.requirements.uses_array(name));
        let json = options.to_string();
        let planes = match (&acquisition.facts.image, descriptor.requirements.spatial_axes) {
            (Some(image), SpatialAxes::Two) => image.depth() as u64,
            _ => 1,
        };
        let (calls, mut seconds) = (calls.saturating_mul(planes), 0.0);
        let written = &raw mut seconds;
        // SAFETY: everything lives through the call.
        let known = call_optional(&label, "time estimate", |error| unsafe {
            estimate(host.raw(), Str::new(id), Str::new(&json), arrays.pointer(), calls, written, error)
        })?;
        if !known {
            return Ok(None);
        }
        let duration = Duration::try_from_secs_f64(seconds);
        duration
            .map(Some)
            .map_err(|_| Error::external(label, format!("time estimate: expected seconds, got {seconds}")))
    }

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
    ) -> Result<PluginOperator> {
        let instance = self.instantiate(id, &Kind::ForwardOperator, options, acquisition)?;
        // SAFETY: the kind was checked.
        unsafe { PluginOperator::new(instance) }
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
        let instance = self.instantiate(id, &Kind::Prior, options, acquisition)?;
        // SAFETY: the kind was checked.
        let prior = Box::new(unsafe { PluginPrior::new(instance) }?);
        match &acquisition.facts.image {
            Some(image) => PlaneWise::fitted(prior, image),
            None => Ok(prior),
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
    ) -> Result<PluginProjector> {
        let instance = self.instantiate(id, &Kind::PhysicsProjector, options, acquisition)?;
        // SAFETY: the kind was checked.
        unsafe { PluginProjector::new(instance) }
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
    ) -> Result<PluginEstimator> {
        let instance = self.instantiate(id, &Kind::Estimator, options, acquisition)?;
        // SAFETY: the kind was checked.
        unsafe { PluginEstimator::new(instance) }
    }

    /// Creates the component `id`, whatever its kind.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), and [`Error::Incompatible`] for a kind that this host does not know.
    pub fn create(
        &self,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<PluginInstance> {
        Ok(match &self.find(id)?.descriptor.kind {
            Kind::ForwardOperator => PluginInstance::Operator(self.create_operator(id, options, acquisition)?),
            Kind::Prior => PluginInstance::Prior(self.create_prior(id, options, acquisition)?),
            Kind::PhysicsProjector => PluginInstance::Projector(self.create_projector(id, options, acquisition)?),
            Kind::Estimator => PluginInstance::Estimator(self.create_estimator(id, options, acquisition)?),
            Kind::Unknown(kind) => return Err(Error::incompatible("plugins", "a kind that this host knows", kind)),
        })
    }

    /// Creates the small instance that the component's descriptor describes, with arrays drawn from `seed`. The arrays are
    /// overwritten afterwards: a component copies what it needs.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), or when the description is of no use.
    pub fn create_example(&self, id: &str, seed: u64) -> Result<(PluginInstance, &Example)> {
        let example = &self.find(id)?.descriptor.example;
        let mut arrays = example.draw(seed)?;
        let instance = self.create(id, &example.options, &arrays)?;
        arrays.poison();
        Ok((instance, example))
    }

    /// Whether the component refuses an option that nobody knows, as it must.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such component, or its example is of no use.
    pub fn refuses_unknown_option(&self, id: &str, seed: u64) -> Result<bool> {
        let example = &self.find(id)?.descriptor.example;
        let mut options = example.options.clone();
        if let Some(options) = options.as_object_mut() {
            options.insert("an-option-that-nobody-knows".into(), serde_json::Value::Null);
        }
        Ok(self.create(id, &options, &example.draw(seed)?).is_err())
    }

    /// How far the operator `id` with data weights w is from `sqrt(w) A`, with A the same operator without them and `sqrt(w)` what
    /// its extension tells: `|A_w x - sqrt(w) A x| / |A_w x|` for an image of ones. `None` for a component that is no operator or
    /// whose example has no array `weights`.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), and [`Error::Incompatible`] when the operator takes weights and does not
    /// tell their roots.
    pub fn weights_error(&self, id: &str, seed: u64) -> Result<Option<f64>> {
        let descriptor = self.find(id)?.descriptor;
        let example = &descriptor.example;
        if descriptor.kind != Kind::ForwardOperator || !example.arrays.contains_key("weights") {
            return Ok(None);
        }
        let arrays = example.draw(seed)?;
        let weighted = self.create_operator(id, &example.options, &arrays)?;
        let plain = self.create_operator(id, &example.options, &arrays.without("weights"))?;
        let Some(roots) = weighted.data_weights()? else {
            let expected = "the roots of its data weights by the extension `data-weights`";
            return Err(Error::incompatible(format!("operator `{id}`"), expected, "none"));
        };
        let image = weighted.domain().zeros().mapv(|_: Complex32| Complex32::ONE);
        let (mut with, mut without) = (weighted.range().zeros(), plain.range().zeros());
        weighted.forward(image.view(), with.view_mut())?;
        plain.forward(image.view(), without.view_mut())?;
        without.zip_mut_with(&roots, |sample, root| *sample *= root);
        let norm = |samples: &ArrayD<Complex32>| samples.iter().map(|s| f64::from(s.norm_sqr())).sum::<f64>().sqrt();
        Ok(Some(norm(&(&with - &without)) / norm(&with).max(f64::MIN_POSITIVE)))
    }

    /// Fails where an acquisition lacks something that the component needs, and where the component does not take its image.
    /// Priors and projectors of planes take the planes of a volume.
    fn check(&self, descriptor: &Descriptor, acquisition: &Acquisition<'_>) -> Result<()> {
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

    fn instantiate(
        &self,
        id: &str,
        kind: &Kind,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
    ) -> Result<Instance> {
        let Component { descriptor, library, .. } = self.find(id)?;
        if descriptor.kind != *kind {
            return Err(Error::incompatible("plugins", kind, format!("{}, which is `{id}`", descriptor.kind)));
        }
        let requirements = &descriptor.requirements;
        self.check(descriptor, acquisition)?;
        let label = format!("plugin `{id}` ({})", library.file_name());
        let create = library.factory.create.ok_or_else(|| crate::call::null(&label, "create"))?;
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

/// The image in the form in which a component is called for it: a prior of two axes runs over planes, and a projector works
/// place by place.
fn image_for(descriptor: &Descriptor, acquisition: &Acquisition<'_>) -> Option<ImageShape> {
    let (image, axes) = (acquisition.facts.image?, descriptor.requirements.spatial_axes);
    let [height, width] = image.plane_lengths();
    Some(match (&descriptor.kind, axes) {
        (Kind::Prior, SpatialAxes::Two) => ImageShape::plane(height, width),
        (Kind::PhysicsProjector, axes) => folded(axes, &image),
        _ => image,
    })
}

/// # Safety
/// `context` is the estimate of the running call.
unsafe fn add(context: *mut c_void, name: Str, with: impl FnOnce(MemoryEstimate, &str) -> MemoryEstimate) {
    // SAFETY: by the caller's promise; the name is borrowed for the call.
    let (parts, name) = unsafe { (&mut *context.cast::<MemoryEstimate>(), name.as_str().unwrap_or("(not UTF-8)")) };
    *parts = with(std::mem::take(parts), name);
}

unsafe extern "C" fn add_kept(context: *mut c_void, name: Str, bytes: u64) {
    // SAFETY: the plugin keeps the header's rules.
    unsafe { add(context, name, |parts, name| parts.kept(name, bytes)) }
}

unsafe extern "C" fn add_temporary(context: *mut c_void, name: Str, bytes: u64) {
    // SAFETY: the plugin keeps the header's rules.
    unsafe { add(context, name, |parts, name| parts.temporary(name, bytes)) }
}

//! All components that were found.

use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diph_core::{Error, ImageShape, MemoryEstimate, Result, SpatialAxes};
use diph_plugin_abi::{self as abi, Str};

use crate::call::call_optional;
use crate::host_side::HostSide;
use crate::inspect::exports_entry;
#[cfg(unix)]
use crate::isolation::{Creation, Isolation, Worker};
use crate::library::{Door, digest};
use crate::projector::folded;
use crate::search_path::libraries_in;
use crate::trust::check_trust;
use crate::{
    Acquisition, Descriptor, HostServices, Kind, Library, LoadError, Origin, PluginLock, Provenance, SearchPath,
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
    pub(crate) services: Arc<HostServices>,
    libraries: Vec<Library>,
    failures: Vec<LoadError>,
    allows_untrusted: bool,
    lock: Option<PluginLock>,
    #[cfg(unix)]
    isolation: Option<Arc<Isolation>>,
}

impl Registry {
    /// Makes a registry without plugins, whose plugins will use these services.
    pub fn new(services: HostServices) -> Self {
        Self {
            services: Arc::new(services),
            libraries: Vec::new(),
            failures: Vec::new(),
            allows_untrusted: false,
            lock: None,
            #[cfg(unix)]
            isolation: None,
        }
    }

    /// Has every library opened by a process of its own, from now on: a plugin that dies, hangs or answers nonsense fails one call,
    /// and the next one finds a new process. What parts compute is the same.
    #[cfg(unix)]
    #[must_use]
    pub fn isolated(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(Arc::new(isolation));
        self
    }

    /// Whether libraries are opened by processes of their own, so that work can go on after one has died.
    pub fn isolates(&self) -> bool {
        #[cfg(unix)]
        return self.isolation.is_some();
        #[cfg(not(unix))]
        false
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
                self.libraries.insert(end, self.open_library(&path, origin)?);
                end
            }
        };
        Ok(&self.libraries[index])
    }

    fn open_library(&self, path: &Path, origin: Origin) -> Result<Library, LoadError> {
        #[cfg(unix)]
        if let Some(isolation) = &self.isolation {
            let worker = Worker::new(path, Arc::clone(isolation), Arc::clone(&self.services));
            return Library::isolate(path, origin, worker);
        }
        Library::open(path, origin)
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
        let label = format!("plugin `{id}` ({})", library.file_name());
        let factories = match &library.door {
            Door::Own(factories) => factories,
            #[cfg(unix)]
            Door::Isolated(worker) => {
                self.check(descriptor, acquisition)?;
                return worker.memory(&label, creation(descriptor, options, acquisition), uses_normal);
            }
        };
        let Some(estimate) = factories.memory_estimate.and_then(|factory| factory.estimate) else { return Ok(None) };
        self.check(descriptor, acquisition)?;
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
        let label = format!("plugin `{id}` ({})", library.file_name());
        let factories = match &library.door {
            Door::Own(factories) => factories,
            #[cfg(unix)]
            Door::Isolated(worker) => {
                self.check(descriptor, acquisition)?;
                let seconds = worker.seconds(&label, creation(descriptor, options, acquisition), calls)?;
                return seconds.map(|seconds| duration(&label, seconds)).transpose();
            }
        };
        let Some(estimate) = factories.time_estimate.and_then(|factory| factory.estimate) else { return Ok(None) };
        self.check(descriptor, acquisition)?;
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
        known.then(|| duration(&label, seconds)).transpose()
    }
}

/// What a worker creates a part from.
#[cfg(unix)]
fn creation(descriptor: &Descriptor, options: &serde_json::Value, acquisition: &Acquisition<'_>) -> Creation {
    Creation::new(&descriptor.id, options, acquisition, |name| descriptor.requirements.uses_array(name))
}

fn duration(label: &str, seconds: f64) -> Result<Duration> {
    let duration = Duration::try_from_secs_f64(seconds);
    duration.map_err(|_| Error::external(label, format!("time estimate: expected seconds, got {seconds}")))
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

/// The image in the form in which a component is called for it: a prior of two axes runs over planes, and a projector works
/// place by place.
pub(crate) fn image_for(descriptor: &Descriptor, acquisition: &Acquisition<'_>) -> Option<ImageShape> {
    let (image, axes) = (acquisition.facts.image?, descriptor.requirements.spatial_axes);
    let [height, width] = image.plane_lengths();
    Some(match (&descriptor.kind, axes) {
        (Kind::Prior, SpatialAxes::Two) => ImageShape::plane(height, width),
        (Kind::PhysicsProjector, axes) => folded(axes, &image),
        _ => image,
    })
}

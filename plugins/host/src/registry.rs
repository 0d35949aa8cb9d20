//! All components that were found.

use std::env::consts::DLL_EXTENSION;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diph_core::{Error, Result};
use diph_plugin_abi::{self as abi, Str};

use crate::call::call;
use crate::host_side::HostSide;
use crate::inspect::exports_entry;
use crate::instance::Instance;
use crate::tensors::{Input, named};
use crate::{
    Descriptor, Example, HostServices, Kind, Library, LoadError, NamedArray, Origin, PluginInstance, PluginOperator,
    PluginPrior, PluginProjector, Provenance, SearchPath,
};

/// A component with the library that offers it.
#[derive(Clone, Copy)]
pub struct Component<'a> {
    /// What the plugin says about it.
    pub descriptor: &'a Descriptor,
    /// Where it comes from.
    pub library: &'a Library,
    /// The library found earlier that offers the same ID and is used instead.
    pub shadowed_by: Option<&'a Library>,
}

/// All plugins that were found, and the way to create instances from them.
pub struct Registry {
    services: Arc<HostServices>,
    libraries: Vec<Library>,
    failures: Vec<LoadError>,
}

impl Registry {
    /// A registry without plugins.
    pub fn new(services: HostServices) -> Self {
        Self { services: Arc::new(services), libraries: Vec::new(), failures: Vec::new() }
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

    /// Opens the library `file`.
    ///
    /// # Errors
    /// [`LoadError`] when it is no usable plugin.
    pub fn open(&mut self, file: &Path) -> Result<&Library, LoadError> {
        self.load(file, Origin::File)
    }

    fn load(&mut self, file: &Path, origin: Origin) -> Result<&Library, LoadError> {
        let path = file.canonicalize().map_err(|source| LoadError::Read { path: file.into(), source })?;
        let known = self.libraries.iter().position(|library| library.path() == path);
        let index = match known {
            Some(index) => index,
            None => {
                self.libraries.push(Library::open(&path, origin)?);
                self.libraries.len() - 1
            }
        };
        Ok(&self.libraries[index])
    }

    /// The opened libraries, in the order of the search.
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

    /// Which file the component `id` comes from.
    ///
    /// # Errors
    /// When there is no such component, or its file cannot be read any more.
    pub fn provenance(&self, id: &str) -> Result<Provenance> {
        let component = self.find(id)?;
        let sha256 = component.library.sha256().map_err(|error| Error::external("plugins", error))?;
        Ok(Provenance {
            id: id.into(),
            version: component.descriptor.version.clone(),
            path: component.library.path().into(),
            sha256: sha256.into(),
            origin: component.library.origin(),
        })
    }

    /// Creates the operator `id`. `options` is a JSON object; `arrays` are copied by the plugin as far as it needs them.
    ///
    /// # Errors
    /// When there is no such operator, or the plugin refuses; the message names plugin, option or array.
    pub fn create_operator(
        &self,
        id: &str,
        options: &serde_json::Value,
        arrays: &[NamedArray],
    ) -> Result<PluginOperator> {
        let instance = self.instantiate(id, &Kind::ForwardOperator, options, arrays)?;
        // SAFETY: the kind was checked.
        unsafe { PluginOperator::new(instance) }
    }

    /// Creates the prior `id`; otherwise as [`create_operator`](Self::create_operator).
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator).
    pub fn create_prior(&self, id: &str, options: &serde_json::Value, arrays: &[NamedArray]) -> Result<PluginPrior> {
        let instance = self.instantiate(id, &Kind::Prior, options, arrays)?;
        // SAFETY: the kind was checked.
        unsafe { PluginPrior::new(instance) }
    }

    /// Creates the projector `id`; otherwise as [`create_operator`](Self::create_operator).
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator).
    pub fn create_projector(
        &self,
        id: &str,
        options: &serde_json::Value,
        arrays: &[NamedArray],
    ) -> Result<PluginProjector> {
        let instance = self.instantiate(id, &Kind::PhysicsProjector, options, arrays)?;
        // SAFETY: the kind was checked.
        unsafe { PluginProjector::new(instance) }
    }

    /// Creates the component `id`, whatever its kind.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator).
    pub fn create(&self, id: &str, options: &serde_json::Value, arrays: &[NamedArray]) -> Result<PluginInstance> {
        Ok(match &self.find(id)?.descriptor.kind {
            Kind::ForwardOperator => PluginInstance::Operator(self.create_operator(id, options, arrays)?),
            Kind::Prior => PluginInstance::Prior(self.create_prior(id, options, arrays)?),
            Kind::PhysicsProjector => PluginInstance::Projector(self.create_projector(id, options, arrays)?),
            Kind::Unknown(kind) => return Err(Error::incompatible("plugins", "a kind that this host knows", kind)),
        })
    }

    /// Creates the small instance that the component's descriptor describes, with arrays drawn from `seed`.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), or when the description is of no use.
    pub fn create_example(&self, id: &str, seed: u64) -> Result<(PluginInstance, &Example)> {
        let example = &self.find(id)?.descriptor.example;
        Ok((self.create(id, &example.options, &example.draw(seed)?)?, example))
    }

    /// Whether the component refuses an option that nobody knows, as it must.
    ///
    /// # Errors
    /// When there is no such component, or its example is of no use.
    pub fn refuses_unknown_option(&self, id: &str, seed: u64) -> Result<bool> {
        let example = &self.find(id)?.descriptor.example;
        let mut options = example.options.clone();
        if let Some(options) = options.as_object_mut() {
            options.insert("an-option-that-nobody-knows".into(), serde_json::Value::Null);
        }
        Ok(self.create(id, &options, &example.draw(seed)?).is_err())
    }

    fn instantiate(
        &self,
        id: &str,
        kind: &Kind,
        options: &serde_json::Value,
        arrays: &[NamedArray],
    ) -> Result<Instance> {
        let Component { descriptor, library, .. } = self.find(id)?;
        if descriptor.kind != *kind {
            return Err(Error::incompatible("plugins", kind, format!("{}, which is `{id}`", descriptor.kind)));
        }
        let label = format!("plugin `{id}` ({})", library.file_name());
        let create = library.factory.create.ok_or_else(|| crate::call::null(&label, "create"))?;
        let host = HostSide::new(Arc::clone(&self.services), id);
        let inputs: Vec<Input<'_>> = arrays.iter().map(|array| Input::array(&array.data)).collect();
        let tensors = named(arrays, &inputs);
        let json = options.to_string();
        let mut raw = abi::Instance::default();
        let instance = &raw mut raw;
        // SAFETY: everything lives through the call, and the host as long as the instance.
        call(&label, "create", |error| unsafe {
            let (id, json) = (Str::new(id), Str::new(&json));
            create(host.raw(), id, json, tensors.as_ptr(), tensors.len() as u64, instance, error)
        })?;
        // SAFETY: filled by the successful call above.
        unsafe { Instance::new(id, label, raw, host) }
    }
}

/// Shared libraries in a directory by stem, so that `libdiph_x` comes before its stale copy `libdiph_x-0123456789abcdef`.
fn libraries_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == DLL_EXTENSION))
        .collect();
    files.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    files
}

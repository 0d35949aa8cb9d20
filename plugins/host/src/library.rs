//! An opened plugin.

use std::fmt;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::Arc;
use std::sync::OnceLock;

use diph_plugin_abi::{self as abi, ABI_MAJOR, ENTRY_SYMBOL, Entry, Factory, Status, Str, copy_sized};
use sha2::{Digest, Sha256};

use crate::call::run;
use crate::inspect::exports_entry;
#[cfg(unix)]
use crate::isolation::Worker;
use crate::trace::enter;
use crate::{Descriptor, LoadError, Origin};

/// Stands for the file of a plugin that has none.
const BUILT_IN: &str = "built in";

/// An opened plugin with its components: a shared library, never unloaded, or a part that is linked into the program.
pub struct Library {
    source: Source,
    origin: Origin,
    abi_minor: u32,
    descriptors: Vec<Descriptor>,
    pub(crate) door: Door,
}

/// How its functions are reached.
pub(crate) enum Door {
    /// In this process.
    Own(Factories),
    /// Through a process of its own.
    #[cfg(unix)]
    Isolated(Arc<Worker>),
}

enum Source {
    File { path: PathBuf, sha256: OnceLock<String> },
    Program,
}

impl Library {
    /// Opens a library and reads its descriptors.
    pub(crate) fn open(path: &Path, origin: Origin) -> Result<Self, LoadError> {
        let path = path.canonicalize().map_err(|source| LoadError::Read { path: path.into(), source })?;
        if !exports_entry(&path)? {
            return Err(LoadError::MissingSymbol { path });
        }
        let entry = {
            let _running = enter(&format!("plugin {}", path.display()), "its constructors");
            entry_of(&path)?
        };
        let text = path.to_string_lossy().into_owned();
        let source = Source::File { path: path.clone(), sha256: OnceLock::new() };
        Self::start(&path, &text, &entry, source, origin)
    }

    /// Has a library opened by a process of its own. No code of it runs in this one.
    #[cfg(unix)]
    pub(crate) fn isolate(path: &Path, origin: Origin, worker: Worker) -> Result<Self, LoadError> {
        let isolated = |error: diph_core::Error| LoadError::Isolated { path: path.into(), message: error.to_string() };
        let (abi_minor, descriptors) = worker.describe().map_err(isolated)?;
        let source = Source::File { path: path.into(), sha256: OnceLock::new() };
        Ok(Self { source, origin, abi_minor, descriptors, door: Door::Isolated(Arc::new(worker)) })
    }

    /// A plugin that is linked into the program.
    pub(crate) fn built_in(entry: &'static Entry) -> Result<Self, LoadError> {
        let path = Path::new(BUILT_IN);
        if entry.abi_major != ABI_MAJOR {
            return Err(LoadError::AbiVersion { path: path.into(), expected: ABI_MAJOR, got: entry.abi_major });
        }
        Self::start(path, "", entry, Source::Program, Origin::BuiltIn)
    }

    /// `path` stands in errors, `init_path` is what the plugin is told.
    fn start(path: &Path, init_path: &str, entry: &Entry, source: Source, origin: Origin) -> Result<Self, LoadError> {
        let label = format!("plugin {}", path.display());
        {
            let _running = enter(&label, "init");
            initialise(path, init_path, entry)?;
        }
        let _running = enter(&label, "get_factory and the descriptors");
        let factories = factories_of(path, entry)?;
        let descriptors = descriptors_of(path, &factories.factory)?;
        Ok(Self { source, origin, abi_minor: entry.abi_minor, descriptors, door: Door::Own(factories) })
    }

    /// The file, absolute and without symbolic links; `None` for a plugin that is linked into the program.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File { path, .. } => Some(path),
            Source::Program => None,
        }
    }

    /// By which rule it was found.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Version of the interface that it was built for, (major, minor).
    pub fn abi_version(&self) -> (u32, u32) {
        (ABI_MAJOR, self.abi_minor)
    }

    /// The components that the library offers.
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    /// SHA-256 of the file in hexadecimal, for provenance; read at the first call. `None` for a plugin that is linked into
    /// the program.
    ///
    /// # Errors
    /// [`LoadError::Read`] when the file cannot be read any more.
    pub fn sha256(&self) -> Result<Option<&str>, LoadError> {
        let Source::File { path, sha256 } = &self.source else { return Ok(None) };
        if let Some(digest) = sha256.get() {
            return Ok(Some(digest));
        }
        let digest = digest(path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
        Ok(Some(sha256.get_or_init(|| digest)))
    }

    /// The file's name, for errors.
    pub(crate) fn file_name(&self) -> String {
        match self.path() {
            Some(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            None => BUILT_IN.into(),
        }
    }
}

/// The file, or `built in`.
impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str(BUILT_IN),
        }
    }
}

/// SHA-256 of a file in hexadecimal.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    io::copy(&mut file, &mut HashWriter(&mut hasher))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the library for good and reads its entry.
fn entry_of(path: &Path) -> Result<Entry, LoadError> {
    let failed = |error: libloading::Error| {
        // The loader's own words, such as `undefined symbol: ..`, are in the source.
        let words = std::error::Error::source(&error).map(ToString::to_string);
        LoadError::Open { path: path.into(), reason: words.unwrap_or_else(|| error.to_string()) }
    };
    let library = ManuallyDrop::new(open_library(path).map_err(failed)?);
    // SAFETY: a data symbol is read as its address.
    let symbol = unsafe { library.get::<*const Entry>(ENTRY_SYMBOL) };
    let pointer = *symbol.map_err(|_| LoadError::MissingSymbol { path: path.into() })?;
    let malformed = |reason: String| LoadError::Malformed { path: path.into(), part: ENTRY_SYMBOL.into(), reason };
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(malformed("a null or misaligned pointer".into()));
    }
    // SAFETY: neither null nor misaligned; the first field keeps its place in every major version.
    let major = unsafe { pointer.cast::<u32>().read() };
    if major != ABI_MAJOR {
        return Err(LoadError::AbiVersion { path: path.into(), expected: ABI_MAJOR, got: major });
    }
    // SAFETY: a struct of our major version by the header's promise.
    unsafe { copy_sized(pointer) }.map_err(|error| malformed(error.to_string()))
}

#[cfg(unix)]
fn open_library(path: &Path) -> Result<libloading::os::unix::Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: the file is whole and says that it is a Diph plugin; its constructors are trusted like the rest of it.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
}

#[cfg(windows)]
fn open_library(path: &Path) -> Result<libloading::os::windows::Library, libloading::Error> {
    // SAFETY: the file is whole and says that it is a Diph plugin; its constructors are trusted like the rest of it.
    unsafe { libloading::os::windows::Library::new(path) }
}

fn initialise(path: &Path, init_path: &str, entry: &Entry) -> Result<(), LoadError> {
    let Some(init) = entry.init else { return Ok(()) };
    // SAFETY: text and buffer live through the call; a registry is filled by one thread.
    match run(|error| unsafe { init(Str::new(init_path), error) }) {
        (Status::OK, _) => Ok(()),
        (status, message) if message.is_empty() => {
            Err(LoadError::Init { path: path.into(), message: format!("status {}, without a message", status.0) })
        }
        (_, message) => Err(LoadError::Init { path: path.into(), message }),
    }
}

/// The factory, and the estimates that may stand beside it.
pub(crate) struct Factories {
    pub(crate) factory: Factory,
    pub(crate) memory_estimate: Option<abi::MemoryEstimate>,
    pub(crate) time_estimate: Option<abi::TimeEstimate>,
}

fn factories_of(path: &Path, entry: &Entry) -> Result<Factories, LoadError> {
    let malformed = |part: &str, reason: String| LoadError::Malformed { path: path.into(), part: part.into(), reason };
    let get_factory = entry.get_factory.ok_or_else(|| malformed("get_factory", "a null pointer".into()))?;
    // SAFETY: the plugin keeps the header's rules; null is checked inside.
    let factory = unsafe { copy_sized(get_factory(Str::new(abi::FACTORY)).cast::<Factory>()) };
    let factory = factory.map_err(|error| malformed("factory", error.to_string()))?;
    // SAFETY: as above; null means that there is none.
    let memory = unsafe { copy_sized(get_factory(Str::new(abi::MEMORY_ESTIMATE)).cast::<abi::MemoryEstimate>()) };
    // SAFETY: as above.
    let time = unsafe { copy_sized(get_factory(Str::new(abi::TIME_ESTIMATE)).cast::<abi::TimeEstimate>()) };
    Ok(Factories { factory, memory_estimate: memory.ok(), time_estimate: time.ok() })
}

fn descriptors_of(path: &Path, factory: &Factory) -> Result<Vec<Descriptor>, LoadError> {
    const MOST_COMPONENTS: u64 = 1024;
    let malformed = |part: String, reason: String| LoadError::Malformed { path: path.into(), part, reason };
    let null = |part: &str| malformed(part.into(), "a null pointer".into());
    let count = factory.count.ok_or_else(|| null("factory.count"))?;
    let descriptor = factory.descriptor.ok_or_else(|| null("factory.descriptor"))?;
    factory.create.ok_or_else(|| null("factory.create"))?;
    // SAFETY: the plugin keeps the header's rules.
    let count = unsafe { count() };
    if count > MOST_COMPONENTS {
        return Err(malformed("factory.count".into(), format!("expected at most {MOST_COMPONENTS}, got {count}")));
    }
    // SAFETY: the plugin keeps the header's rules.
    let read = |index| unsafe { Descriptor::read(descriptor(index)) };
    (0..count).map(|index| read(index).map_err(|(part, reason)| malformed(part, reason))).collect()
}

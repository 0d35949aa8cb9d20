//! Which libraries may be opened, byte for byte.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Library, LoadError, Origin};

/// The libraries of others that somebody has looked at and wants to be opened from then on, and no others.
///
/// Serialised it is the file `plugins.lock`. A library is known by its hash, so that it may be moved; the path says in which folder it
/// was, and tells a changed library from a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginLock {
    /// The libraries, in the order of the search.
    pub libraries: Vec<LockedLibrary>,
}

/// A library of a [`PluginLock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedLibrary {
    /// Where it was, absolute and without symbolic links.
    pub path: PathBuf,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    /// What it offers.
    pub components: Vec<LockedComponent>,
}

/// A component of a [`LockedLibrary`], for people: the hash of the library covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedComponent {
    /// ID of the component.
    pub id: String,
    /// Version that the plugin states of itself.
    pub version: String,
}

impl PluginLock {
    /// Locks the libraries as they are now; those that are linked into the program are left out.
    ///
    /// # Errors
    /// [`LoadError::Read`] when one cannot be read any more.
    pub fn of(libraries: &[Library]) -> Result<Self, LoadError> {
        let foreign = libraries.iter().filter(|library| library.origin() != Origin::BuiltIn);
        let lock = |library: &Library| {
            let components = library.descriptors().iter();
            let component = |d: &crate::Descriptor| LockedComponent { id: d.id.clone(), version: d.version.clone() };
            Ok(LockedLibrary {
                path: library.path().map_or_else(PathBuf::new, Path::to_owned),
                sha256: library.sha256()?.unwrap_or_default().to_owned(),
                components: components.map(component).collect(),
            })
        };
        Ok(Self { libraries: foreign.map(lock).collect::<Result<_, _>>()? })
    }

    /// Fails on a library that is not in the lock, or is not what it was. Its code does not run.
    pub(crate) fn check(&self, path: &Path, sha256: &str) -> Result<(), LoadError> {
        if self.libraries.iter().any(|locked| locked.sha256 == sha256) {
            return Ok(());
        }
        let (path, got) = (path.to_owned(), sha256.to_owned());
        match self.libraries.iter().find(|locked| locked.path == path) {
            Some(locked) => Err(LoadError::Changed { path, expected: locked.sha256.clone(), got }),
            None => Err(LoadError::NotLocked { path, got }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_and_not_the_place() {
        let locked =
            |path: &str, sha256: &str| LockedLibrary { path: path.into(), sha256: sha256.into(), components: vec![] };
        let lock = PluginLock { libraries: vec![locked("/a/x.so", "11"), locked("/a/y.so", "22")] };
        lock.check(Path::new("/a/x.so"), "11").unwrap();
        lock.check(Path::new("/elsewhere/z.so"), "22").unwrap();
        let changed = lock.check(Path::new("/a/x.so"), "33").unwrap_err().to_string();
        assert!(changed.contains("/a/x.so") && changed.contains("11") && changed.contains("33"), "{changed}");
        let unknown = lock.check(Path::new("/a/z.so"), "33").unwrap_err().to_string();
        assert!(unknown.contains("/a/z.so") && unknown.contains("not in the lock"), "{unknown}");
        let text = serde_json::to_string(&lock).unwrap();
        assert_eq!(serde_json::from_str::<PluginLock>(&text).unwrap(), lock);
    }
}

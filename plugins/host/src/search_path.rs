//! Directories in which plugins are looked for.

use std::env;
use std::env::consts::DLL_EXTENSION;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{LoadError, Origin};

/// Directories in the order in which they are searched; the first library that offers an ID wins.
///
/// Never the current directory: a plugin is code that runs, and must not come along with a data set.
#[derive(Debug, Default)]
pub struct SearchPath {
    directories: Vec<(Origin, PathBuf)>,
    refused: Vec<LoadError>,
}

impl SearchPath {
    /// Makes a search path without any directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// `directories` (`--plugin-dir`, which may be relative, since the user names them), those of `DIPH_PLUGIN_PATH`,
    /// `../lib/diph/plugins` from the directory of the executable, and `diph/plugins` in the user's data directory. Not the
    /// directory of the executable itself: build tools leave stale libraries there.
    pub fn standard(directories: &[PathBuf]) -> Self {
        let mut path = Self::new();
        for directory in directories {
            path = path.directory(Origin::Argument, directory);
        }
        path = path.environment(&env::var_os("DIPH_PLUGIN_PATH").unwrap_or_default());
        let executable = env::current_exe().and_then(|file| file.canonicalize());
        if let Some(prefix) = executable.as_deref().ok().and_then(Path::parent).and_then(Path::parent) {
            path = path.directory(Origin::Installation, prefix.join("lib").join("diph").join("plugins"));
        }
        match dirs::data_dir() {
            Some(data) => path.directory(Origin::UserData, data.join("diph").join("plugins")),
            None => path,
        }
    }

    /// Adds a directory at the end.
    #[must_use]
    pub fn directory(mut self, origin: Origin, directory: impl Into<PathBuf>) -> Self {
        self.directories.push((origin, directory.into()));
        self
    }

    /// Adds the directories of a list in the form of `PATH`. Relative ones are refused.
    #[must_use]
    pub fn environment(mut self, list: &OsStr) -> Self {
        for path in env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
            if path.is_absolute() {
                self.directories.push((Origin::Environment, path));
            } else {
                self.refused.push(LoadError::RelativeDirectory { path });
            }
        }
        self
    }

    /// The directories in order, whether they exist or not.
    pub fn directories(&self) -> impl Iterator<Item = (Origin, &Path)> {
        self.directories.iter().map(|(origin, path)| (*origin, path.as_path()))
    }

    /// Whether a directory holds a file with the name of a shared library, which would be opened.
    pub fn has_libraries(&self) -> bool {
        self.directories.iter().any(|(_, directory)| !libraries_in(directory).is_empty())
    }

    /// Directories that were refused, with the reason.
    pub fn refused(&self) -> &[LoadError] {
        &self.refused
    }
}

/// Shared libraries in a directory by stem, so that `libx` comes before `libx-0123456789abcdef`.
pub(crate) fn libraries_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == DLL_EXTENSION))
        // Hidden files are what editors and file systems leave behind.
        .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
        .collect();
    files.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_directories_of_the_environment_are_refused() {
        let list = env::join_paths(["/opt/diph", "", "plugins", "."]).unwrap();
        let path = SearchPath::new().environment(&list);
        let absolute: Vec<_> = path.directories().collect();
        assert_eq!(absolute, [(Origin::Environment, Path::new("/opt/diph"))]);
        assert_eq!(path.refused().len(), 2);
    }

    #[test]
    fn the_executables_own_directory_is_not_searched() {
        let path = SearchPath::standard(&["named".into()]);
        let executable = env::current_exe().unwrap().canonicalize().unwrap();
        let own = executable.parent().unwrap();
        assert!(path.directories().all(|(_, directory)| directory != own && directory != own.join("deps")));
        let installed = path.directories().find(|(origin, _)| *origin == Origin::Installation).unwrap().1;
        assert_eq!(installed, own.parent().unwrap().join("lib/diph/plugins"));
        assert_eq!(path.directories().next().unwrap(), (Origin::Argument, Path::new("named")));
    }
}

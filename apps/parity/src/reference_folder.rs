//! A folder of recorded outputs.

use std::fs;
use std::path::{Path, PathBuf};

use diph_datasets::from_channels;
use diph_formats::{Element, NpzFile};
use ndarray::{Array, ArrayD, Dimension, Ix3, Ix4};
use num_complex::Complex32;

use crate::Meta;
use diph_recon::{Blame, ReconError};

/// A folder of recorded outputs of the Python code. Files are asked for by name, in which one `*` may stand for anything.
pub struct ReferenceFolder {
    root: PathBuf,
    /// Names of all files, sorted.
    names: Vec<String>,
}

impl ReferenceFolder {
    /// The files of a folder.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn open(root: &Path) -> Result<Self, ReconError> {
        let entries = fs::read_dir(root).file(root)?;
        let names = entries.map(|entry| Ok(entry.file(root)?.file_name().to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect::<Result<_, ReconError>>()?;
        names.sort();
        Ok(Self { root: root.to_owned(), names })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Names that fit a pattern, sorted, each with what `*` stands for.
    pub fn matching<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.names.iter().filter_map(move |name| match pattern.split_once('*') {
            Some((before, after)) => Some((name.as_str(), name.strip_prefix(before)?.strip_suffix(after)?)),
            None => (name == pattern).then_some((name.as_str(), "")),
        })
    }

    /// Whether a file fits the pattern.
    pub fn contains(&self, pattern: &str) -> bool {
        self.matching(pattern).next().is_some()
    }

    /// The file that fits the pattern.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn path(&self, pattern: &str) -> Result<PathBuf, ReconError> {
        let mut found = self.matching(pattern);
        match (found.next(), found.next()) {
            (Some((name, _)), None) => Ok(self.root.join(name)),
            (Some((first, _)), Some((second, _))) => {
                let message = format!("expected one file of that name, found {first} and {second}");
                Err(ReconError::input(&self.root.join(pattern), message))
            }
            (None, _) => Err(ReconError::input(&self.root.join(pattern), "no such file")),
        }
    }

    /// An array of an `.npz` file; `axes` names its axes in errors.
    ///
    /// # Errors
    /// Naming the file, the key, what was expected and what came.
    pub fn array<T: Element, D: Dimension>(
        &self,
        file: &str,
        key: &str,
        axes: &str,
    ) -> Result<Array<T, D>, ReconError> {
        let path = self.path(file)?;
        NpzFile::open(&path).and_then(|mut npz| npz.array(key, axes)).file(&path)
    }

    /// A single real number.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn number(&self, file: &str, key: &str) -> Result<f64, ReconError> {
        Ok(self.array::<f64, ndarray::Ix0>(file, key, "scalar")?.into_scalar())
    }

    /// A complex image (coefficient, y, x) of any size.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn image(&self, file: &str, key: &str) -> Result<ArrayD<Complex32>, ReconError> {
        Ok(self.array::<Complex32, Ix3>(file, key, "(coefficient, y, x)")?.into_dyn())
    }

    /// A complex array of three axes and these lengths.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn complex(&self, file: &str, key: &str, shape: &[usize]) -> Result<ArrayD<Complex32>, ReconError> {
        let array = self.array::<Complex32, Ix3>(file, key, &format!("{shape:?}"))?;
        self.check_shape(file, key, shape, array.shape())?;
        Ok(array.into_dyn())
    }

    /// An image (coefficient, y, x) of these lengths that is stored as the real channels re_0, im_0, re_1, ...
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn channels(&self, file: &str, key: &str, shape: &[usize]) -> Result<ArrayD<Complex32>, ReconError> {
        let channels = self.array::<f32, Ix3>(file, key, "(re_0 im_0 re_1 .., y, x)")?;
        let image = from_channels(channels.view()).into_dyn();
        self.check_shape(file, key, shape, image.shape())?;
        Ok(image)
    }

    /// A stack (entry, channel, y, x) of such images, which may carry a batch axis of length 1 after the first.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn channel_stack(&self, file: &str, key: &str, shape: &[usize]) -> Result<Vec<ArrayD<Complex32>>, ReconError> {
        let mut stack = self.array::<f32, ndarray::IxDyn>(file, key, "(entry, channel, y, x)")?;
        if stack.ndim() == 5 && stack.shape()[1] == 1 {
            stack = stack.index_axis_move(ndarray::Axis(1), 0);
        }
        let got = stack.shape().to_vec();
        let stack = stack
            .into_dimensionality::<Ix4>()
            .map_err(|_| self.unexpected(file, key, "real (entry, channel, y, x)", &got))?;
        let images: Vec<ArrayD<Complex32>> =
            stack.outer_iter().map(|channels| from_channels(channels).into_dyn()).collect();
        if let Some(first) = images.first() {
            self.check_shape(file, key, shape, first.shape())?;
        }
        Ok(images)
    }

    /// `meta.json`.
    ///
    /// # Errors
    /// Naming the key that cannot be used.
    pub fn meta(&self) -> Result<Meta, ReconError> {
        Meta::read(&self.path("meta.json")?)
    }

    /// Fails when an array has other lengths than it should.
    ///
    /// # Errors
    /// [`ReconError::File`] that names file and key.
    pub fn check_shape(&self, file: &str, key: &str, expected: &[usize], got: &[usize]) -> Result<(), ReconError> {
        if expected == got { Ok(()) } else { Err(self.unexpected(file, key, &format!("{expected:?}"), got)) }
    }

    fn unexpected(&self, file: &str, key: &str, expected: &str, got: &[usize]) -> ReconError {
        let path = self.path(file).unwrap_or_else(|_| self.root.join(file));
        ReconError::input(&path, format!("key `{key}`: expected {expected}, got {got:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, ReferenceFolder) {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(directory.path().join(file), "no archive").unwrap();
        }
        let folder = ReferenceFolder::open(directory.path()).unwrap();
        (directory, folder)
    }

    #[test]
    fn a_star_stands_for_anything() {
        let (directory, folder) = folder(&["ksp_vol0_slice5_cut3.npz", "steps_a.npz", "steps_b.npz"]);
        assert_eq!(folder.path("ksp_*.npz").unwrap(), directory.path().join("ksp_vol0_slice5_cut3.npz"));
        assert_eq!(folder.matching("steps_*.npz").map(|(_, tag)| tag).collect::<Vec<_>>(), ["a", "b"]);
        let error = folder.path("steps_*.npz").unwrap_err().to_string();
        assert!(error.contains("steps_a.npz and steps_b.npz"), "{error}");
        assert!(!folder.contains("meta.json") && folder.path("meta.json").is_err());
        let error = folder.image("ksp_*.npz", "y").unwrap_err().to_string();
        assert!(error.contains("ksp_vol0_slice5_cut3.npz: not a valid .npz file"), "{error}");
    }
}

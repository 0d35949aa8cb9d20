//! An array as a file, in the format that its name asks for.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::cfl::encode_cfl;
use crate::numpy::encode_npy;
use crate::{AnyArray, CflFile, Element, Error, NpzWriter, Result};

impl AnyArray {
    /// The files that hold the array, with their bytes: one of `.npy`, one of `.npz` with the array under the name `key`, or BART's
    /// pair of `.cfl` and `.hdr`, in which everything is complex.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for another extension, and for what BART's format cannot hold: truth values, texts, more than 16 axes.
    pub fn to_files(&self, path: &Path, key: &str) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let is_named = |ending: &str| path.extension().is_some_and(|there| there.eq_ignore_ascii_case(ending));
        if is_named("npy") {
            return Ok(vec![(path.into(), self.npy())]);
        }
        if is_named("npz") {
            let bytes = self.npz(key).to_bytes().map_err(|source| Error::Write { path: path.into(), source })?;
            return Ok(vec![(path.into(), bytes)]);
        }
        let unsupported =
            |found: String, advice: &str| Error::Unsupported { path: path.into(), found, advice: advice.into() };
        if !is_named("cfl") && !is_named("hdr") {
            let found = format!("an array in a file that ends in .{}", path.extension().unwrap_or_default().display());
            return Err(unsupported(found, "name a file that ends in .npy, .npz or .cfl"));
        }
        let complex: ArrayD<Complex32> = Complex32::convert(self.clone())
            .map_err(|array| unsupported(format!("{array} as an array of BART"), "write an .npy file"))?;
        let (header, values) = encode_cfl(complex.view())
            .ok_or_else(|| unsupported(format!("{self} as an array of BART"), "BART has 16 dimensions; reshape it"))?;
        let [header_path, values_path] = CflFile::files(path);
        // The header comes last, so that a pair is there completely or cannot be read.
        Ok(vec![(values_path, values), (header_path, header)])
    }

    fn npy(&self) -> Vec<u8> {
        match self {
            Self::Bool(array) => encode_npy(array.view()),
            Self::Int(array) => encode_npy(array.view()),
            Self::UInt(array) => encode_npy(array.view()),
            Self::F32(array) => encode_npy(array.view()),
            Self::F64(array) => encode_npy(array.view()),
            Self::Complex32(array) => encode_npy(array.view()),
            Self::Complex64(array) => encode_npy(array.view()),
            Self::Text(array) => encode_npy(array.view()),
        }
    }

    fn npz(&self, key: &str) -> NpzWriter {
        let archive = NpzWriter::new();
        match self {
            Self::Bool(array) => archive.with(key, array.view()),
            Self::Int(array) => archive.with(key, array.view()),
            Self::UInt(array) => archive.with(key, array.view()),
            Self::F32(array) => archive.with(key, array.view()),
            Self::F64(array) => archive.with(key, array.view()),
            Self::Complex32(array) => archive.with(key, array.view()),
            Self::Complex64(array) => archive.with(key, array.view()),
            Self::Text(array) => archive.with(key, array.view()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArrayLocation;
    use ndarray::Array3;

    #[test]
    fn every_format_gives_the_array_back() {
        let folder = tempfile::tempdir().unwrap();
        let array = Array3::from_shape_fn((2, 1, 3), |(z, _, x)| Complex32::new(z as f32, x as f32));
        let array = AnyArray::Complex32(array.into_dyn());
        for name in ["a.npy", "a.npz", "a.cfl", "b.hdr"] {
            let path = folder.path().join(name);
            for (file, bytes) in array.to_files(&path, "k").unwrap() {
                std::fs::write(file, bytes).unwrap();
            }
            assert_eq!(ArrayLocation::of_file(path).read().unwrap().array, array, "{name}");
        }
        assert!(array.to_files(Path::new("a.csv"), "k").unwrap_err().to_string().contains("ends in .csv"));
        let mask = AnyArray::Bool(ndarray::arr1(&[true]).into_dyn());
        assert!(
            mask.to_files(Path::new("m.cfl"), "k").unwrap_err().to_string().contains("bool [1] as an array of BART")
        );
    }
}

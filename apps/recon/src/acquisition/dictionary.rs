//! Dictionaries on disk and in memory.

use std::path::Path;

use diph_bloch::Dictionary;
use diph_datasets::DictionaryFile;

use crate::{Blame, ReconError};

/// Reads a dictionary file and keeps the first `coefficients`.
///
/// # Errors
/// Naming the file, the key and what was expected.
pub fn read_dictionary(path: &Path, coefficients: usize) -> Result<Dictionary, ReconError> {
    let file = DictionaryFile::read(path).file(path)?;
    let single = |value: f64| value as f32;
    let (lut, d, v, norms) =
        (file.lut.mapv(single), file.d.mapv(single), file.v.mapv(single), file.norm_d.mapv(single));
    Dictionary::from_compressed(lut.view(), d.view(), v.view(), norms.view(), coefficients).file(path)
}

/// A dictionary as it is on disk.
pub fn dictionary_file(dictionary: &Dictionary) -> DictionaryFile {
    DictionaryFile {
        parameters: dictionary.parameters().to_vec(),
        lut: dictionary.lut().mapv(f64::from),
        d: dictionary.atoms().mapv(f64::from),
        v: dictionary.basis().mapv(f64::from),
        norm_d: dictionary.norms().mapv(f64::from),
    }
}

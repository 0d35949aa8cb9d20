//! An `.npz` archive to write.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ndarray::{ArrayView, Dimension};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::npy::{self, NpyElement};
use crate::{Result, write_atomically};

/// From this size on a member needs the 64-bit form of the archive.
const LARGE: usize = u32::MAX as usize;

/// Collects arrays and writes them as `.npz`, stored like `numpy.savez` or deflated like `numpy.savez_compressed`.
///
/// The same arrays always give the same bytes: no time of day is written.
#[derive(Default)]
pub struct NpzWriter {
    members: Vec<(String, Vec<u8>)>,
    compressed: bool,
}

impl NpzWriter {
    /// An empty archive, not compressed.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty archive, to be compressed.
    pub fn compressed() -> Self {
        Self { compressed: true, ..Self::default() }
    }

    /// Adds an array.
    #[must_use]
    pub fn with<T: NpyElement, D: Dimension>(mut self, key: &str, array: ArrayView<'_, T, D>) -> Self {
        self.members.push((format!("{key}.npy"), npy::encode(array)));
        self
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write), also when two arrays have the same key.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), |file| self.write_to(file))
    }

    fn write_to(&self, file: &mut BufWriter<File>) -> io::Result<()> {
        let method = if self.compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let mut archive = ZipWriter::new(file);
        for (name, bytes) in &self.members {
            let options = SimpleFileOptions::default()
                .compression_method(method)
                .last_modified_time(DateTime::DEFAULT)
                .large_file(bytes.len() >= LARGE);
            archive.start_file(name.as_str(), options)?;
            archive.write_all(bytes)?;
        }
        archive.finish()?;
        Ok(())
    }
}

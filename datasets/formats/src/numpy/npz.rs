//! An `.npz` archive of named `.npy` arrays.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use ndarray::{Array, ArrayView, Dimension};
use zip::read::ZipFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::npy::{self, NpyElement};
use crate::{ArrayEntry, Element, Error, Result, open_file, write_atomically};

const FORMAT: &str = ".npz file";

/// Bytes that an archive has more than names and values of its members, each time that it names one.
const OF_A_MEMBER: usize = 64;

/// From this size on a member needs the 64-bit form of the archive.
const LARGE: usize = u32::MAX as usize;

/// An `.npz` archive of named arrays, which are read when they are asked for.
pub struct NpzFile {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    /// Key of every member, in the order of the archive.
    keys: Vec<String>,
}

impl NpzFile {
    /// Opens an archive and reads its table of contents.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`], or [`Error::Malformed`] when it is truncated or no `.npz` at all.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = open_file(path).map_err(|source| Error::read(path, source))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| Error::malformed(path, FORMAT, error))?;
        let keys: Result<_, _> = archive.file_names().map(|name| name.map(|name| key_of(&name).to_string())).collect();
        let keys = keys.map_err(|error| Error::malformed(path, FORMAT, error))?;
        Ok(Self { path: path.into(), archive, keys })
    }

    /// Path of the archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the arrays, in the order of the archive.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Whether there is an array of that name.
    pub fn contains(&self, key: &str) -> bool {
        self.keys.iter().any(|there| there == key)
    }

    /// An array with the element type and the axes that the file gives it.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is no such array, [`Error::Malformed`] when its bytes are truncated or garbled,
    /// [`Error::Unsupported`] for pickled objects and structured types.
    pub fn entry(&mut self, key: &str) -> Result<ArrayEntry> {
        let bytes = self.read(key, |member| {
            // Both the archive's table and the header of the array must announce what room is made for.
            let size = usize::try_from(member.size()).unwrap_or(0);
            npy::read_announced(member, size)
        })?;
        npy::decode(&self.path, key, &bytes)
    }

    /// Bytes of all arrays as their headers announce them, before compression.
    pub(crate) fn announced_size(&mut self) -> u64 {
        let lengths = self.keys.clone().into_iter().map(|key| {
            let start = self.start(&key).ok()?;
            npy::announced_length(&start).map(|length| length as u64)
        });
        // What has no header is not read.
        lengths.map(Option::unwrap_or_default).fold(0, u64::saturating_add)
    }

    /// The beginning of a member, in which its header is.
    fn start(&mut self, key: &str) -> Result<Vec<u8>> {
        self.read(key, |member| {
            let mut bytes = Vec::new();
            member.take(npy::HEADER_MOST).read_to_end(&mut bytes).map(|_| bytes)
        })
    }

    fn read(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut ZipFile<'_, BufReader<File>>) -> io::Result<Vec<u8>>,
    ) -> Result<Vec<u8>> {
        let Some(index) = self.keys.iter().position(|there| there == key) else {
            return Err(Error::MissingKey { path: self.path.clone(), key: key.into(), available: self.keys.clone() });
        };
        let malformed = |problem: String| Error::malformed(&self.path, FORMAT, format!("key `{key}`: {problem}"));
        let mut member = self.archive.by_index(index).map_err(|error| malformed(error.to_string()))?;
        read(&mut member).map_err(|error| malformed(error.to_string()))
    }

    /// Axis lengths of an array, from its header alone.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is no such array, [`Error::Malformed`] when its header is garbled.
    pub fn shape(&mut self, key: &str) -> Result<Vec<usize>> {
        let bytes = self.start(key)?;
        npy::shape(&self.path, key, &bytes)
    }

    /// An array with element type `T` and the axes of `D`, checked to be finite; `axes` names them in errors.
    /// See [`ArrayEntry::read`] for the conversions.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is no such array, [`Error::Malformed`] or [`Error::Unsupported`] when its bytes cannot be
    /// decoded, [`Error::Unexpected`] when kind or number of axes differ, [`Error::NotFinite`] for a NaN or an infinity.
    ///
    /// ```
    /// use diph_formats::{NpzFile, NpzWriter};
    /// use ndarray::{Array4, Ix3};
    /// use num_complex::{Complex32, Complex64};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("ksp.npz");
    /// let y = Array4::<Complex64>::zeros((1, 1, 200, 920));
    /// NpzWriter::new().with("y", y.view()).write(&path).unwrap();
    ///
    /// let mut npz = NpzFile::open(&path).unwrap();
    /// let y = npz.array::<Complex32, Ix3>("y", "(coil, frame, sample)").unwrap();
    /// assert_eq!(y.dim(), (1, 200, 920));
    /// assert_eq!(npz.shape("y").unwrap(), [1, 1, 200, 920]);
    /// assert!(npz.entry("x").unwrap_err().to_string().ends_with("no key `x`; the keys there are: `y`"));
    /// ```
    pub fn array<T: Element, D: Dimension>(&mut self, key: &str, axes: &str) -> Result<Array<T, D>> {
        self.entry(key)?.read(axes)
    }
}

fn key_of(member: &str) -> &str {
    member.strip_suffix(".npy").unwrap_or(member)
}

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

    /// Adds an array under the name `key`.
    #[must_use]
    pub fn with<T: NpyElement, D: Dimension>(mut self, key: &str, array: ArrayView<'_, T, D>) -> Self {
        self.members.push((format!("{key}.npy"), npy::encode(array)));
        self
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// [`Error::Write`], also when two arrays have the same key.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), |file| self.write_to(file))
    }

    /// The archive as the bytes of its file.
    ///
    /// # Errors
    /// When two arrays have the same key.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let values: usize = self.members.iter().map(|(_, bytes)| bytes.len()).sum();
        let names: usize = self.members.iter().map(|(name, _)| 2 * (name.len() + OF_A_MEMBER)).sum();
        // Compressed it is shorter, by how much nobody knows.
        let length = if self.compressed { names } else { values + names };
        let mut bytes = Cursor::new(Vec::with_capacity(length));
        self.write_to(&mut bytes)?;
        Ok(bytes.into_inner())
    }

    fn write_to(&self, file: &mut (impl Write + Seek)) -> io::Result<()> {
        let mut archive = ZipWriter::new(file);
        let written = self.write_members(&mut archive);
        if written.is_err() {
            // Dropped, it would try to finish the archive, and print that the disk is still full.
            std::mem::forget(archive);
            return written;
        }
        match archive.finish() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn write_members(&self, archive: &mut ZipWriter<impl Write + Seek>) -> io::Result<()> {
        let method = if self.compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        for (name, bytes) in &self.members {
            let options = SimpleFileOptions::default()
                .compression_method(method)
                .last_modified_time(DateTime::DEFAULT)
                .large_file(bytes.len() >= LARGE);
            archive.start_file(name.as_str(), options)?;
            archive.write_all(bytes)?;
        }
        Ok(())
    }
}

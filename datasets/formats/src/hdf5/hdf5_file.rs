//! An HDF5 file.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, OpenOptions};
use ndarray::ArrayD;
use num_complex::{Complex, Complex32, Complex64};

use super::number::{Kind, Number};
use crate::{AnyArray, ArrayEntry, Error, Result, open_file};

const FORMAT: &str = "HDF5 file";

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Where a file may begin, so that others can put words of their own before it, as MATLAB does.
const STARTS: [u64; 3] = [0, 512, 1024];

/// Deflate makes no more than this many bytes of one.
const LARGEST_EXPANSION: u64 = 1032;

/// Groups within groups that are followed. A link may lead back to a group that holds it.
const DEEPEST: usize = 8;

/// Arrays that are listed: no measurement has more, and a hostile file could have any number.
const MOST_ARRAYS: usize = 10_000;

/// The arrays of an HDF5 file, which are read when they are asked for.
///
/// An array is named by its path, `group/array`. Numbers of any width and byte order are read, texts, and complex numbers as
/// compounds of two numbers that are called r and i, real and imag, or re and im. Nothing is read from other files that a file names,
/// and no more room is made than its length could fill.
pub struct Hdf5File {
    path: PathBuf,
    file: hdf5_reader::Hdf5File,
}

impl Hdf5File {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`], or [`Error::Malformed`] when it is no HDF5 file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let length =
            open_file(path).and_then(|file| file.metadata()).map_err(|source| Error::read(path, source))?.len();
        let most = usize::try_from(length.saturating_mul(LARGEST_EXPANSION)).unwrap_or(usize::MAX);
        let options = OpenOptions::default().with_max_read_bytes(most).with_max_chunk_bytes(most);
        let file = hdf5_reader::Hdf5File::open_with_options(path, options)
            .map_err(|error| Error::malformed(path, FORMAT, error))?;
        Ok(Self { path: path.into(), file })
    }

    /// Whether a file begins as HDF5 does.
    pub fn is_at(path: &Path) -> bool {
        let starts_at = |start: &u64| {
            let mut signature = [0; SIGNATURE.len()];
            let mut read = || -> std::io::Result<()> {
                let mut file = open_file(path)?;
                file.seek(SeekFrom::Start(*start))?;
                file.read_exact(&mut signature)
            };
            read().is_ok() && signature == SIGNATURE
        };
        STARTS.iter().any(starts_at)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Paths of all arrays, in the order of the file.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the file is garbled.
    pub fn keys(&self) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        self.walk(&self.root()?, "", DEEPEST, &mut |key, _| keys.push(key))?;
        Ok(keys)
    }

    /// Bytes of all arrays as their shapes announce them.
    pub(crate) fn announced_size(&self) -> Result<u64> {
        let mut sum = 0u64;
        let mut add = |_: String, dataset: &Dataset| {
            sum = sum.saturating_add(dataset.raw_byte_len().map_or(u64::MAX, |length| length as u64));
        };
        self.walk(&self.root()?, "", DEEPEST, &mut add)?;
        Ok(sum)
    }

    /// The array at a path.
    ///
    /// # Errors
    /// [`Error::MissingKey`], [`Error::Malformed`] when it is garbled or claims more than the file could hold, [`Error::Unsupported`]
    /// for elements that are no numbers or texts.
    pub fn entry(&self, key: &str) -> Result<ArrayEntry> {
        let dataset = self.dataset(key)?;
        let array = self.decode(key, &dataset)?;
        Ok(ArrayEntry { path: self.path.clone(), key: key.into(), array })
    }

    /// Axis lengths of the array at a path.
    ///
    /// # Errors
    /// [`Error::MissingKey`]; [`Error::Malformed`] for lengths that no machine counts.
    pub fn shape(&self, key: &str) -> Result<Vec<usize>> {
        self.shape_of(key, &self.dataset(key)?)
    }

    /// The lines of an array of texts, one after the other.
    pub(crate) fn text(&self, key: &str) -> Result<String> {
        let lines = self.dataset(key)?.read_strings().map_err(|error| self.malformed(key, error))?;
        Ok(lines.join("\n"))
    }

    pub(crate) fn dataset(&self, key: &str) -> Result<Dataset> {
        self.file.dataset(key).map_err(|error| match is_not_found(&error) {
            true => {
                let available = self.keys().unwrap_or_default();
                Error::MissingKey { path: self.path.clone(), key: key.into(), available }
            }
            false => self.malformed(key, error),
        })
    }

    pub(crate) fn root(&self) -> Result<Group> {
        self.file.root_group().map_err(|error| Error::malformed(&self.path, FORMAT, error))
    }

    /// Shows every array below a group with its path.
    pub(crate) fn walk(
        &self,
        group: &Group,
        prefix: &str,
        depth: usize,
        show: &mut dyn FnMut(String, &Dataset),
    ) -> Result<()> {
        let mut left = MOST_ARRAYS;
        self.walk_some(group, prefix, depth, &mut left, show)
    }

    fn walk_some(
        &self,
        group: &Group,
        prefix: &str,
        depth: usize,
        left: &mut usize,
        show: &mut dyn FnMut(String, &Dataset),
    ) -> Result<()> {
        let (groups, datasets) = group.members().map_err(|error| self.malformed(prefix, error))?;
        for dataset in datasets.iter().take(*left) {
            *left -= 1;
            show(format!("{prefix}{}", dataset.name()), dataset);
        }
        if depth == 0 {
            return Ok(());
        }
        for group in groups.iter().take(*left) {
            *left -= 1;
            self.walk_some(group, &format!("{prefix}{}/", group.name()), depth - 1, left, show)?;
        }
        Ok(())
    }

    pub(crate) fn malformed(&self, key: &str, problem: impl ToString) -> Error {
        Error::malformed(&self.path, FORMAT, format!("key `{key}`: {}", problem.to_string()))
    }

    fn shape_of(&self, key: &str, dataset: &Dataset) -> Result<Vec<usize>> {
        let shape = dataset.shape().iter().map(|length| usize::try_from(*length));
        shape.collect::<Result<Vec<_>, _>>().map_err(|error| self.malformed(key, error))
    }

    pub(crate) fn decode(&self, key: &str, dataset: &Dataset) -> Result<AnyArray> {
        let shape = self.shape_of(key, dataset)?;
        let datatype = dataset.dtype();
        if matches!(datatype, Datatype::String { .. } | Datatype::VarLen { .. }) {
            let texts = dataset.read_strings().map_err(|error| self.malformed(key, error))?;
            return Ok(AnyArray::Text(self.shaped(key, shape, texts)?));
        }
        let unsupported = || Error::Unsupported {
            path: self.path.clone(),
            found: format!("key `{key}`: HDF5 type {}", described(datatype)),
            advice: "save it as numbers, complex numbers or texts".into(),
        };
        let pair = complex_pair(datatype);
        let number = pair.map(|(number, _, _)| number).or_else(|| Number::of(datatype)).ok_or_else(unsupported)?;
        let bytes = dataset.read_raw_bytes().map_err(|error| self.malformed(key, error))?;
        let element = dataset.raw_element_size().map_err(|error| self.malformed(key, error))?.max(1);
        let elements = || bytes.chunks_exact(element);
        if let Some((number, re, im)) = pair {
            let complex = elements().map(|pair| Complex::new(number.real(&pair[re..]), number.real(&pair[im..])));
            return match number.size {
                4 => {
                    let single = complex.map(|value: Complex64| Complex32::new(value.re as f32, value.im as f32));
                    Ok(AnyArray::Complex32(self.shaped(key, shape, single.collect())?))
                }
                _ => Ok(AnyArray::Complex64(self.shaped(key, shape, complex.collect())?)),
            };
        }
        Ok(match (number.kind(), number.size) {
            _ if is_truth(datatype) => {
                AnyArray::Bool(self.shaped(key, shape, elements().map(|value| number.integer(value) != 0).collect())?)
            }
            (Kind::Float, 4) => {
                AnyArray::F32(self.shaped(key, shape, elements().map(|value| number.real(value) as f32).collect())?)
            }
            (Kind::Float, _) => {
                AnyArray::F64(self.shaped(key, shape, elements().map(|value| number.real(value)).collect())?)
            }
            (Kind::Signed, _) => {
                AnyArray::Int(self.shaped(key, shape, elements().map(|value| number.integer(value)).collect())?)
            }
            (Kind::Unsigned, _) => AnyArray::UInt(self.shaped(
                key,
                shape,
                elements().map(|value| number.integer(value) as u64).collect(),
            )?),
        })
    }

    fn shaped<T>(&self, key: &str, shape: Vec<usize>, values: Vec<T>) -> Result<ArrayD<T>> {
        ArrayD::from_shape_vec(shape, values).map_err(|error| self.malformed(key, error))
    }
}

fn is_not_found(error: &hdf5_reader::error::Error) -> bool {
    use hdf5_reader::error::Error::{Context, DatasetNotFound, GroupNotFound};
    match error {
        Context { source, .. } => is_not_found(source),
        other => matches!(other, DatasetNotFound(_) | GroupNotFound(_)),
    }
}

/// The number of which a complex one has two, and where they stand; `None` for other compounds.
fn complex_pair(datatype: &Datatype) -> Option<(Number, usize, usize)> {
    const NAMES: [(&str, &str); 3] = [("r", "i"), ("real", "imag"), ("re", "im")];
    let Datatype::Compound { size, fields } = datatype else { return None };
    let [first, second] = fields.as_slice() else { return None };
    let has = |(re, im): &(&str, &str)| first.name.eq_ignore_ascii_case(re) && second.name.eq_ignore_ascii_case(im);
    let number = Number::of(&first.datatype).filter(|number| Number::of(&second.datatype) == Some(*number))?;
    let (re, im) = (first.byte_offset as usize, second.byte_offset as usize);
    let fits = re.max(im) + number.size <= *size as usize;
    (NAMES.iter().any(has) && number.kind() == Kind::Float && fits).then_some((number, re, im))
}

/// Whether it is a truth value as Python writes it.
fn is_truth(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::Enum { members, .. } => members.iter().map(|member| member.name.as_str()).eq(["FALSE", "TRUE"]),
        _ => false,
    }
}

fn described(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::Compound { .. } => "compound",
        Datatype::Array { .. } => "array",
        Datatype::Opaque { .. } => "opaque",
        Datatype::Reference { .. } => "reference",
        Datatype::Bitfield { .. } => "bit field",
        _ => "of an unusual width",
    }
}

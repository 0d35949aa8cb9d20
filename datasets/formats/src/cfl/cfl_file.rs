//! One array of BART.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayView, Dimension};
use num_complex::Complex32;

use crate::{AnyArray, ArrayEntry, Error, Result, open_file, read_text, write_atomically};

const FORMAT: &str = "BART array (.hdr and .cfl)";

/// Dimensions of every array of BART.
const DIMENSIONS: usize = 16;

/// Bytes of a complex number in single precision.
const BYTES_EACH: u64 = 8;

/// Bytes of the longest header that is read: those of BART name the commands of a whole pipeline.
const HEADER_MOST: u64 = 1 << 20;

/// A pair of files of BART, of which the header has been read: values come when they are asked for.
///
/// ```
/// use diph_formats::{CflFile, write_cfl};
/// use ndarray::Array2;
/// use num_complex::Complex32;
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("image");
/// let image = Array2::from_elem((3, 4), Complex32::new(1.0, -2.0));
/// write_cfl(&path, image.view()).unwrap();
///
/// let file = CflFile::open(path.with_extension("cfl")).unwrap();
/// assert_eq!(file.dimensions()[..3], [4, 3, 1], "the last axis is BART's first dimension");
/// assert_eq!(file.shape(), [3, 4]);
/// assert_eq!(file.values(4..8).unwrap(), [Complex32::new(1.0, -2.0); 4]);
/// ```
#[derive(Clone, Debug)]
pub struct CflFile {
    data: PathBuf,
    dimensions: Vec<usize>,
}

impl CflFile {
    /// Reads the header of `NAME`, `NAME.cfl` or `NAME.hdr`.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Read`] for either file; [`Error::Malformed`] when the header has no dimensions, or the
    /// length of the data is not what they say.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (header, data) = pair(path.as_ref());
        let length = |path: &Path| std::fs::metadata(path).map(|file| file.len()).map_err(|e| Error::read(path, e));
        if length(&header)? > HEADER_MOST {
            return Err(Error::malformed(&header, FORMAT, "the header is longer than 1 MiB"));
        }
        let dimensions = parse(&read_text(&header).map_err(|source| Error::read(&header, source))?)
            .map_err(|problem| Error::malformed(&header, FORMAT, problem))?;
        let (expected, got) = (bytes_of(&dimensions), length(&data)?);
        match expected {
            Some(expected) if expected == got => Ok(Self { data, dimensions }),
            Some(expected) => {
                let problem = format!("dimensions {dimensions:?} need {expected} bytes, got {got}");
                Err(Error::malformed(&data, FORMAT, problem))
            }
            None => Err(Error::malformed(&header, FORMAT, format!("absurd dimensions {dimensions:?}"))),
        }
    }

    /// Whether the name is that of a pair of BART: it ends in `.cfl` or `.hdr`, or it has no extension and a header is beside it.
    pub fn is_named_by(path: &Path) -> bool {
        match path.extension() {
            Some(_) => named_extension(path).is_some(),
            None => pair(path).0.is_file(),
        }
    }

    /// Header and data of a pair, by any of its three names.
    pub fn files(path: &Path) -> [PathBuf; 2] {
        pair(path).into()
    }

    /// The file with the values.
    pub fn path(&self) -> &Path {
        &self.data
    }

    /// Lengths of BART's dimensions, the fastest first: 16 of them.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions
    }

    /// Axis lengths in C order: the dimensions from the last that is longer than 1 to the first.
    pub fn shape(&self) -> Vec<usize> {
        let used = self.dimensions.iter().rposition(|length| *length != 1).map_or(1, |last| last + 1);
        self.dimensions[..used].iter().rev().copied().collect()
    }

    /// Values in the order of the file, without reading the others.
    ///
    /// # Errors
    /// [`Error::Read`], also for values behind the end.
    pub fn values(&self, range: Range<usize>) -> Result<Vec<Complex32>> {
        let failed = |source| Error::read(&self.data, source);
        let total: usize = self.dimensions.iter().product();
        if range.start > range.end || range.end > total {
            return Err(failed(io::Error::other(format!("values {range:?} of {total}"))));
        }
        let mut file = open_file(&self.data).map_err(failed)?;
        file.seek(SeekFrom::Start(range.start as u64 * BYTES_EACH)).map_err(failed)?;
        let mut file = file.take(range.len() as u64 * BYTES_EACH);
        let mut values = Vec::with_capacity(range.len());
        let mut buffer = vec![0; 1 << 16];
        loop {
            let filled = fill(&mut file, &mut buffer).map_err(failed)?;
            let (numbers, _) = buffer[..filled].as_chunks::<4>();
            let (pairs, _) = numbers.as_chunks::<2>();
            values
                .extend(pairs.iter().map(|[re, im]| Complex32::new(f32::from_le_bytes(*re), f32::from_le_bytes(*im))));
            if filled < buffer.len() {
                break;
            }
        }
        match values.len() == range.len() {
            true => Ok(values),
            false => Err(Error::malformed(&self.data, FORMAT, "it became shorter while it was read")),
        }
    }

    /// The whole array with the axes of [`shape`](Self::shape).
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn entry(&self) -> Result<ArrayEntry> {
        let values = self.values(0..self.dimensions.iter().product())?;
        let array = ArrayD::from_shape_vec(self.shape(), values)
            .map_err(|error| Error::malformed(&self.data, FORMAT, error))?;
        let key = self.data.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(ArrayEntry { path: self.data.clone(), key, array: AnyArray::Complex32(array) })
    }
}

/// Writes `NAME.hdr` and `NAME.cfl`, whichever of the three names is given. The last axis becomes BART's first dimension. The header
/// comes last, so that a pair is there completely or cannot be read.
///
/// # Errors
/// [`Error::Write`]; [`Error::Unsupported`] for more than 16 axes.
pub fn write_cfl<D: Dimension>(path: impl AsRef<Path>, array: ArrayView<'_, Complex32, D>) -> Result<()> {
    let (header, data) = pair(path.as_ref());
    let Some((words, values)) = encode_cfl(array.view()) else {
        return Err(Error::Unsupported {
            path: data,
            found: format!("an array of {} axes", array.ndim()),
            advice: format!("BART has {DIMENSIONS} dimensions; reshape it"),
        });
    };
    write_atomically(&data, |file| file.write_all(&values))?;
    write_atomically(&header, |file| file.write_all(&words))
}

/// The bytes of header and data; `None` for more axes than BART has dimensions.
pub(crate) fn encode_cfl<D: Dimension>(array: ArrayView<'_, Complex32, D>) -> Option<(Vec<u8>, Vec<u8>)> {
    if array.ndim() > DIMENSIONS {
        return None;
    }
    let lengths = array.shape().iter().rev().copied().chain(std::iter::repeat(1)).take(DIMENSIONS);
    let lengths: Vec<String> = lengths.map(|length| length.to_string()).collect();
    let mut values = Vec::with_capacity(array.len() * BYTES_EACH as usize);
    for value in array.iter() {
        values.extend(value.re.to_le_bytes());
        values.extend(value.im.to_le_bytes());
    }
    Some((format!("# Dimensions\n{} \n", lengths.join(" ")).into_bytes(), values))
}

/// Header and data of a name with or without extension. A name in capitals is that of a pair in capitals.
fn pair(path: &Path) -> (PathBuf, PathBuf) {
    let extension = named_extension(path);
    let in_capitals = extension.is_some_and(|extension| extension.chars().all(|letter| letter.is_ascii_uppercase()));
    let with = |own: &str| match extension {
        Some(extension) if extension.eq_ignore_ascii_case(own) => path.to_owned(),
        Some(_) if in_capitals => path.with_extension(own.to_ascii_uppercase()),
        Some(_) => path.with_extension(own),
        // A dot in the name of a pair belongs to the name.
        None => {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{own}"));
            name.into()
        }
    };
    (with("hdr"), with("cfl"))
}

/// The extension of a name that is one of BART's, in small letters or capitals.
fn named_extension(path: &Path) -> Option<&str> {
    let extension = path.extension()?.to_str()?;
    ["cfl", "hdr"].into_iter().any(|own| extension.eq_ignore_ascii_case(own)).then_some(extension)
}

/// The dimensions of a header, 16 of them.
fn parse(header: &str) -> Result<Vec<usize>, String> {
    let mut lines = header.lines().skip_while(|line| line.trim() != "# Dimensions").skip(1);
    let line = lines.next().ok_or("no line behind `# Dimensions`")?;
    let lengths: Result<Vec<usize>, _> = line.split_whitespace().map(str::parse).collect();
    let mut lengths = lengths.map_err(|_| format!("expected dimensions, got `{line}`"))?;
    if lengths.is_empty() || lengths.len() > DIMENSIONS || lengths.contains(&0) {
        return Err(format!("expected 1 to {DIMENSIONS} dimensions of at least 1, got `{line}`"));
    }
    lengths.resize(DIMENSIONS, 1);
    Ok(lengths)
}

fn bytes_of(dimensions: &[usize]) -> Option<u64> {
    dimensions.iter().try_fold(BYTES_EACH, |product, length| product.checked_mul(*length as u64))
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use proptest::prelude::*;

    #[test]
    fn a_name_in_capitals_is_that_of_a_pair() {
        let folder = tempfile::tempdir().unwrap();
        let array = Array3::from_elem((2, 3, 4), Complex32::new(1.0, -1.0));
        write_cfl(folder.path().join("A.CFL"), array.view()).unwrap();
        assert!(folder.path().join("A.HDR").is_file() && folder.path().join("A.CFL").is_file());
        assert!(CflFile::is_named_by(Path::new("A.HDR")));
        assert_eq!(CflFile::open(folder.path().join("A.HDR")).unwrap().shape(), [2, 3, 4]);
    }

    #[test]
    fn round_trip_of_views_that_are_not_contiguous() {
        let folder = tempfile::tempdir().unwrap();
        let array = Array3::from_shape_fn((2, 3, 5), |(a, b, c)| Complex32::new(a as f32, (10 * b + c) as f32));
        write_cfl(folder.path().join("a.b"), array.t()).unwrap();
        let file = CflFile::open(folder.path().join("a.b.hdr")).unwrap();
        assert_eq!(file.shape(), [5, 3, 2]);
        assert_eq!(file.entry().unwrap().array, AnyArray::Complex32(array.t().to_owned().into_dyn()));
        assert!(CflFile::is_named_by(&folder.path().join("x.cfl")) && !CflFile::is_named_by(folder.path()));
    }

    #[test]
    fn headers_that_do_not_fit_the_data_are_refused_before_anything_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.cfl");
        std::fs::write(&path, [0; 16]).unwrap();
        for (header, words) in [
            ("# Dimensions\n3 1\n", "need 24 bytes, got 16"),
            ("# Dimensions\n99999999999 99999999999 1\n", "absurd dimensions"),
            ("# Dimensions\n2 -1\n", "expected dimensions"),
            ("# Dimensions\n2 0\n", "at least 1"),
            ("# Creator\nx\n", "no line behind"),
        ] {
            std::fs::write(folder.path().join("k.hdr"), header).unwrap();
            let message = CflFile::open(&path).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        std::fs::remove_file(folder.path().join("k.hdr")).unwrap();
        assert!(matches!(CflFile::open(&path), Err(Error::Missing { .. })));
    }

    proptest! {
        #[test]
        fn garbled_headers_never_panic(text in "(# Dimensions\n)?[0-9 \n#-]{0,60}", length in 0usize..100) {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("x.hdr"), text).unwrap();
            std::fs::write(folder.path().join("x.cfl"), vec![1; length]).unwrap();
            let _ = CflFile::open(folder.path().join("x")).and_then(|file| file.entry());
        }
    }
}

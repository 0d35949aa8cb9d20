//! A `.mat` file.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::{ArrayView, Dimension};

use super::element::{HEADER_LENGTH, data_type};
use super::parser::Parser;
use super::{MatStruct, MatValue, hdf5_variables, writer};
use crate::{AnyArray, Error, Hdf5File, Result, open_file, read_file, write_atomically};

const FORMAT: &str = ".mat file of version 5";

/// The variables of a `.mat` file.
///
/// ```
/// use diph_formats::{MatFile, MatValue};
/// use ndarray::{Ix2, array};
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("dict.mat");
/// let lut = array![[1.0, 0.1], [2.0, 0.2], [3.0, 0.3]];
/// let dict = MatValue::Struct(vec![("lut".into(), MatFile::real(lut.view()))]);
/// MatFile::new(vec![("dict".into(), dict)]).write(&path).unwrap();
///
/// let file = MatFile::open(&path).unwrap();
/// let dict = file.root().structure("dict").unwrap();
/// assert_eq!(dict.array::<f64, Ix2>("lut", "(atom, parameter)").unwrap(), lut);
/// ```
#[derive(Clone, Debug)]
pub struct MatFile {
    path: PathBuf,
    variables: Vec<(String, MatValue)>,
}

impl MatFile {
    /// A file to be written.
    pub fn new(variables: Vec<(String, MatValue)>) -> Self {
        Self { path: PathBuf::new(), variables }
    }

    /// Reads a file with all its variables.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`], [`Error::Malformed`], or [`Error::Unsupported`] for version 4.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if Hdf5File::is_at(path) {
            let variables = hdf5_variables::variables(&Hdf5File::open(path)?)?;
            return Ok(Self { path: path.into(), variables });
        }
        let bytes = read_file(path).map_err(|source| Error::read(path, source))?;
        Self::parse(path, &bytes)
    }

    /// The variables, with getters whose errors name file and key.
    pub fn root(&self) -> MatStruct<'_> {
        MatStruct { path: self.path.clone(), prefix: String::new(), fields: &self.variables }
    }

    /// The variables by name, as they are in the file.
    pub fn variables(&self) -> &[(String, MatValue)] {
        &self.variables
    }

    /// Writes all variables, compressed, as `save -v7` does. The same variables always give the same bytes.
    ///
    /// # Errors
    /// [`Error::Write`], also for what the format cannot hold: texts as elements of arrays, variables above 4 GiB.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes().map_err(|source| Error::Write { path: path.into(), source })?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// All variables as the bytes of a file.
    ///
    /// # Errors
    /// For what the format cannot hold.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        writer::encode(&self.variables)
    }

    /// Bytes of all variables as their tags announce them, before compression.
    pub(crate) fn announced_size(path: &Path) -> Result<u64> {
        let failed = |source| Error::read(path, source);
        let mut file = BufReader::new(open_file(path).map_err(failed)?);
        let mut header = [0; HEADER_LENGTH];
        file.read_exact(&mut header).map_err(failed)?;
        let big_endian = header.ends_with(b"MI");
        let number = |bytes: [u8; 4]| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let (mut sum, mut tag) = (0u64, [0; 8]);
        while file.read_exact(&mut tag).is_ok() {
            let (kind, length) = (number([tag[0], tag[1], tag[2], tag[3]]), number([tag[4], tag[5], tag[6], tag[7]]));
            // Nothing else stands at the top of a file, and zeros may go on for as long as a disk is large.
            if kind != data_type::COMPRESSED && kind != data_type::MATRIX {
                return Err(Error::malformed(path, FORMAT, format!("element of type {kind} instead of a variable")));
            }
            let end = file.stream_position().map_err(failed)? + u64::from(length);
            let announced = match kind {
                data_type::COMPRESSED => Parser::announced_length(&mut file, big_endian).map_err(failed)?,
                _ => length,
            };
            sum = sum.saturating_add(announced.into());
            file.seek(SeekFrom::Start(end)).map_err(failed)?;
        }
        Ok(sum)
    }

    /// A real array as a value to be written.
    pub fn real<D: Dimension>(array: ArrayView<'_, f64, D>) -> MatValue {
        MatValue::Array(AnyArray::F64(array.to_owned().into_dyn().as_standard_layout().into_owned()))
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        refuse_other_versions(path, bytes)?;
        let variables = Parser::variables(bytes).map_err(|problem| Error::malformed(path, FORMAT, problem))?;
        Ok(Self { path: path.into(), variables })
    }
}

fn refuse_other_versions(path: &Path, bytes: &[u8]) -> Result<()> {
    let unsupported = |found: &str, advice: &str| Error::Unsupported {
        path: path.into(),
        found: found.into(),
        advice: advice.into(),
    };
    if bytes.starts_with(b"MATLAB 7.3") {
        return Err(Error::malformed(path, ".mat file of version 7.3", "no HDF5 behind its header"));
    }
    // A version 5 file starts with text; the first four bytes of version 4 are a small integer, so that one is 0.
    if bytes.len() >= 20 && bytes[..4].contains(&0) {
        return Err(unsupported(
            "a .mat file of version 4",
            "load it in MATLAB and save it again with `save('FILE.mat', ..., '-v7')`",
        ));
    }
    if bytes.len() < HEADER_LENGTH {
        return Err(Error::malformed(path, FORMAT, "truncated header"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, Ix2};
    use num_complex::{Complex32, Complex64};
    use proptest::prelude::*;

    fn sample() -> Vec<(String, MatValue)> {
        let real = ArrayD::from_shape_fn(vec![3, 4], |index| (10 * index[0] + index[1]) as f64 + 0.5);
        let inner = vec![
            ("single".to_string(), MatValue::Array(AnyArray::F32(real.mapv(|value| value as f32)))),
            ("note".to_string(), MatValue::Text("T1 in µs 🧠".into())),
        ];
        vec![
            ("real".into(), MatValue::Array(AnyArray::F64(real.clone()))),
            ("mask".into(), MatValue::Array(AnyArray::Bool(real.mapv(|value| value > 9.0)))),
            ("complex".into(), MatValue::Array(AnyArray::Complex64(real.mapv(|value| Complex64::new(value, -value))))),
            ("dict".into(), MatValue::Struct(vec![("inner".into(), MatValue::Struct(inner))])),
            ("count".into(), MatValue::Array(AnyArray::Int(ArrayD::from_elem(vec![1, 1], -7)))),
            ("several".into(), MatValue::StructArray(vec![])),
            (
                "volume".into(),
                MatValue::Array(AnyArray::Complex32(ArrayD::from_elem(vec![2, 1, 3], Complex32::new(1.0, 2.0)))),
            ),
        ]
    }

    #[test]
    fn round_trip() {
        let bytes = writer::encode(&sample()).unwrap();
        let file = MatFile::parse(Path::new("x.mat"), &bytes).unwrap();
        assert_eq!(file.variables, sample());
        let inner = file.root().structure("dict").unwrap().structure("inner").unwrap();
        assert_eq!(inner.array::<f64, Ix2>("single", "(y, x)").unwrap()[[2, 1]], 21.5);
    }

    #[test]
    fn errors_name_the_path_of_the_field() {
        let bytes = writer::encode(&sample()).unwrap();
        let file = MatFile::parse(Path::new("x.mat"), &bytes).unwrap();
        let dict = file.root().structure("dict").unwrap();
        let missing = dict.entry("lut").unwrap_err().to_string();
        assert_eq!(missing, "x.mat: no key `dict.lut`; the keys there are: `dict.inner`");
        let wrong = dict.entry("inner").unwrap_err().to_string();
        assert_eq!(wrong, "x.mat: key `dict.inner`: expected an array of numbers, got a struct");
        assert!(file.root().structure("real").is_err());
    }

    #[test]
    fn other_versions_are_refused_with_advice() {
        let mut cut_short = b"MATLAB 7.3 MAT-file".to_vec();
        cut_short.resize(512, b' ');
        let error = MatFile::parse(Path::new("x.mat"), &cut_short).unwrap_err();
        assert!(error.to_string().contains("no HDF5 behind its header"), "{error}");
        let version4 = MatFile::parse(Path::new("x.mat"), &[0; 40]);
        assert!(matches!(version4, Err(Error::Unsupported { .. })));
        assert!(matches!(MatFile::parse(Path::new("x.mat"), b"MATLAB"), Err(Error::Malformed { .. })));
    }

    #[test]
    fn version_7_3_is_read_as_hdf5storage_writes_it() {
        let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/peers/hdf5storage.mat");
        let file = MatFile::open(peer).unwrap();
        let lut = file.root().array::<f64, Ix2>("lut", "(atom, parameter)").unwrap();
        assert_eq!(lut, ndarray::arr2(&[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]));
        let scan = file.root().structure("scan").unwrap();
        let k = scan.array::<Complex32, ndarray::Ix3>("k", "(coil, frame, sample)").unwrap();
        assert_eq!(k.dim(), (2, 3, 4));
        for ((coil, frame, sample), value) in k.indexed_iter() {
            let number = (12 * coil + 4 * frame + sample) as f32;
            assert_eq!(*value, Complex32::new(number, -0.5 * number));
        }
        assert_eq!(scan.get("note"), Some(&MatValue::Text("spiral".into())));
        let mask = scan.array::<bool, Ix2>("mask", "(1, 3)").unwrap();
        assert_eq!(mask, ndarray::arr2(&[[true, false, true]]));
        assert_eq!(scan.array::<i64, Ix2>("counts", "(1, 2)").unwrap(), ndarray::arr2(&[[1, -2]]));
    }

    #[test]
    fn arrays_longer_than_their_dimensions_are_refused() {
        // An array of 2 x 3 numbers whose element holds a million: the dimensions say 48 bytes.
        let zeros = MatFile::real(ArrayD::<f64>::zeros(vec![1000, 1000]).view());
        let bytes = writer::encode_uncompressed(&[("y".to_string(), zeros)]).unwrap();
        let mut element = bytes[HEADER_LENGTH..].to_vec();
        let dimensions = element.windows(4).position(|word| word == 1000i32.to_le_bytes()).unwrap();
        element[dimensions..dimensions + 8].copy_from_slice(&[2, 0, 0, 0, 3, 0, 0, 0]);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&element).unwrap();
        let compressed = encoder.finish().unwrap();
        let mut file = bytes[..HEADER_LENGTH].to_vec();
        file.extend(data_type::COMPRESSED.to_le_bytes());
        file.extend((compressed.len() as u32).to_le_bytes());
        file.extend(compressed);
        let error = MatFile::parse(Path::new("x.mat"), &file).unwrap_err().to_string();
        assert!(error.contains("dimensions [2, 3] take at most 96 bytes, got 8000"), "{error}");
    }

    proptest! {
        #[test]
        fn truncated_files_never_panic(length in 0usize..2000) {
            let bytes = writer::encode(&sample()).unwrap();
            let _ = MatFile::parse(Path::new("x.mat"), &bytes[..length.min(bytes.len() - 1)]);
        }

        #[test]
        fn garbled_files_never_panic(changes in prop::collection::vec((128usize..2000, any::<u8>()), 1..20)) {
            let mut bytes = writer::encode_uncompressed(&sample()).unwrap();
            for (position, value) in changes {
                let position = position % bytes.len();
                bytes[position] = value;
            }
            let _ = MatFile::parse(Path::new("x.mat"), &bytes);
        }
    }
}

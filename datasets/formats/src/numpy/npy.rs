//! One array in numpy's `.npy` format.

use std::io::{self, Read, Write};
use std::path::Path;

use ndarray::{ArrayD, ArrayView, Dimension, ShapeBuilder};
use num_complex::{Complex32, Complex64};

use super::header::Header;
use crate::{AnyArray, ArrayEntry, Error, Result, open_file, write_atomically};

pub(super) const FORMAT: &str = ".npy array";

/// Longer than any header of version 1.
pub(super) const HEADER_MOST: u64 = 1 << 17;

/// Reads a single `.npy` array; its key is the file's name without extension.
///
/// # Errors
/// [`Error::Missing`], [`Error::Read`], [`Error::Malformed`] or [`Error::Unsupported`].
pub fn read_npy(path: impl AsRef<Path>) -> Result<ArrayEntry> {
    let path = path.as_ref();
    let bytes = open_file(path).and_then(|mut file| read_announced(&mut file, 0));
    let bytes = bytes.map_err(|source| Error::read(path, source))?;
    let key = path.file_stem().unwrap_or_default().to_string_lossy();
    decode(path, &key, &bytes)
}

/// The bytes of an array as far as its header announces them, and one more where there are more: a few kilobytes can inflate to
/// gigabytes. `expected` are the bytes that are likely to come.
pub(super) fn read_announced(file: &mut impl Read, expected: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(HEADER_MOST).read_to_end(&mut bytes)?;
    let Some(announced) = announced_length(&bytes) else { return Ok(bytes) };
    let missing = announced.saturating_sub(bytes.len());
    bytes.reserve_exact(missing.min(expected));
    file.take((missing as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes of header and values, as the header says; `None` when it is no header or announces more than there can be.
pub(super) fn announced_length(start: &[u8]) -> Option<usize> {
    let (header, values) = Header::parse(start).ok()?;
    let each = Decoder::new(&header, values).map_or(Some(0), |decoder| match decoder.kind {
        'U' => decoder.width.checked_mul(4),
        _ => Some(decoder.width),
    })?;
    let count = header.shape.iter().try_fold(each, |product, length| product.checked_mul(*length))?;
    (start.len() - values.len()).checked_add(count)
}

/// Axis lengths of an array; its header is enough.
pub(super) fn shape(path: &Path, key: &str, bytes: &[u8]) -> Result<Vec<usize>> {
    let malformed = |problem| Error::malformed(path, FORMAT, format!("key `{key}`: {problem}"));
    Header::parse(bytes).map(|(header, _)| header.shape).map_err(malformed)
}

/// Writes a single `.npy` array.
///
/// # Errors
/// [`Error::Write`].
pub fn write_npy<T: NpyElement, D: Dimension>(path: impl AsRef<Path>, array: ArrayView<'_, T, D>) -> Result<()> {
    let bytes = encode(array);
    write_atomically(path.as_ref(), |file| file.write_all(&bytes))
}

/// An element type that `.npy` arrays are written with.
pub trait NpyElement {
    /// numpy's description of the type of these values.
    fn descr<'a>(values: impl Iterator<Item = &'a Self>) -> String
    where
        Self: 'a;

    /// Appends the value; `descr` is what [`descr`](Self::descr) said.
    fn append(&self, descr: &str, bytes: &mut Vec<u8>);
}

macro_rules! fixed_size_element {
    ($type:ty, $descr:literal, $value:ident => $($part:expr),+) => {
        impl NpyElement for $type {
            fn descr<'a>(_values: impl Iterator<Item = &'a Self>) -> String {
                $descr.into()
            }

            fn append(&self, _descr: &str, bytes: &mut Vec<u8>) {
                let $value = self;
                $(bytes.extend($part.to_le_bytes());)+
            }
        }
    };
}

fixed_size_element!(bool, "|b1", value => u8::from(*value));
fixed_size_element!(u8, "|u1", value => value);
fixed_size_element!(i32, "<i4", value => value);
fixed_size_element!(i64, "<i8", value => value);
fixed_size_element!(u64, "<u8", value => value);
fixed_size_element!(f32, "<f4", value => value);
fixed_size_element!(f64, "<f8", value => value);
fixed_size_element!(Complex32, "<c8", value => value.re, value.im);
fixed_size_element!(Complex64, "<c16", value => value.re, value.im);

impl NpyElement for String {
    fn descr<'a>(values: impl Iterator<Item = &'a Self>) -> String {
        format!("<U{}", values.map(|text| text.chars().count()).max().unwrap_or(0).max(1))
    }

    fn append(&self, descr: &str, bytes: &mut Vec<u8>) {
        let length: usize = descr.trim_start_matches("<U").parse().unwrap_or(0);
        let padded = self.chars().map(u32::from).chain(std::iter::repeat(0));
        bytes.extend(padded.take(length).flat_map(u32::to_le_bytes));
    }
}

/// The array as the bytes of an `.npy` file, in C order.
pub(crate) fn encode<T: NpyElement, D: Dimension>(array: ArrayView<'_, T, D>) -> Vec<u8> {
    let descr = T::descr(array.iter());
    let header = Header { descr, fortran_order: false, shape: array.shape().to_vec() };
    let mut bytes = header.to_bytes();
    bytes.reserve(array.len() * size_of::<T>());
    array.iter().for_each(|value| value.append(&header.descr, &mut bytes));
    bytes
}

/// The array of the bytes of an `.npy` file.
pub(super) fn decode(path: &Path, key: &str, bytes: &[u8]) -> Result<ArrayEntry> {
    let malformed = |problem: String| Error::malformed(path, FORMAT, format!("key `{key}`: {problem}"));
    let (header, values) = Header::parse(bytes).map_err(malformed)?;
    let unsupported = || Error::Unsupported {
        path: path.into(),
        found: format!("key `{key}`: numpy type `{}`", header.descr),
        advice: advice(&header.descr).into(),
    };
    let decoder = Decoder::new(&header, values).ok_or_else(unsupported)?;
    let array = decoder.array().map_err(malformed)?.ok_or_else(unsupported)?;
    Ok(ArrayEntry { path: path.into(), key: key.into(), array })
}

fn advice(descr: &str) -> &'static str {
    match descr.trim_start_matches('|').starts_with('O') {
        true => "it holds pickled Python objects, which are programs; save plain numeric arrays instead",
        false => "save it as bool, integer, float32, float64, complex64, complex128 or text",
    }
}

/// The values of an array in their encoded form.
struct Decoder<'a> {
    header: &'a Header,
    values: &'a [u8],
    big_endian: bool,
    kind: char,
    /// The number in the type description: bytes of one value, or characters of a text.
    width: usize,
}

impl<'a> Decoder<'a> {
    /// None when the type description is not of the form `<f8`.
    fn new(header: &'a Header, values: &'a [u8]) -> Option<Self> {
        let mut description = header.descr.chars();
        let big_endian = match description.next()? {
            '<' | '|' | '=' => false,
            '>' => true,
            _ => return None,
        };
        let kind = description.next()?;
        let width = description.as_str().parse().ok()?;
        Some(Self { header, values, big_endian, kind, width })
    }

    /// `Ok(None)` for a type that is not supported.
    fn array(&self) -> Result<Option<AnyArray>, String> {
        let array = match (self.kind, self.width) {
            ('b', 1) => AnyArray::Bool(self.decode::<1, _>(|bytes| bytes != [0])?),
            ('i', 1) => AnyArray::Int(self.decode::<1, _>(|bytes| i8::from_le_bytes(bytes).into())?),
            ('i', 2) => AnyArray::Int(self.decode::<2, _>(|bytes| i16::from_le_bytes(bytes).into())?),
            ('i', 4) => AnyArray::Int(self.decode::<4, _>(|bytes| i32::from_le_bytes(bytes).into())?),
            ('i', 8) => AnyArray::Int(self.decode::<8, _>(i64::from_le_bytes)?),
            ('u', 1) => AnyArray::UInt(self.decode::<1, _>(|bytes| u8::from_le_bytes(bytes).into())?),
            ('u', 2) => AnyArray::UInt(self.decode::<2, _>(|bytes| u16::from_le_bytes(bytes).into())?),
            ('u', 4) => AnyArray::UInt(self.decode::<4, _>(|bytes| u32::from_le_bytes(bytes).into())?),
            ('u', 8) => AnyArray::UInt(self.decode::<8, _>(u64::from_le_bytes)?),
            ('f', 4) => AnyArray::F32(self.decode::<4, _>(f32::from_le_bytes)?),
            ('f', 8) => AnyArray::F64(self.decode::<8, _>(f64::from_le_bytes)?),
            ('c', 8) => AnyArray::Complex32(self.decode_pairs::<4, _, _>(f32::from_le_bytes, Complex32::new)?),
            ('c', 16) => AnyArray::Complex64(self.decode_pairs::<8, _, _>(f64::from_le_bytes, Complex64::new)?),
            ('U', _) => AnyArray::Text(self.text()?),
            _ => return Ok(None),
        };
        Ok(Some(array))
    }

    fn decode<const N: usize, T: Clone>(&self, convert: impl Fn([u8; N]) -> T) -> Result<ArrayD<T>, String> {
        self.check_length(N)?;
        let (chunks, _) = self.values.as_chunks::<N>();
        self.shaped(chunks.iter().map(|bytes| convert(self.little_endian(*bytes))).collect())
    }

    fn decode_pairs<const N: usize, T, C: Clone>(
        &self,
        convert: impl Fn([u8; N]) -> T,
        join: impl Fn(T, T) -> C,
    ) -> Result<ArrayD<C>, String> {
        self.check_length(2 * N)?;
        let (parts, _) = self.values.as_chunks::<N>();
        let part = |bytes: [u8; N]| convert(self.little_endian(bytes));
        self.shaped(parts.as_chunks::<2>().0.iter().map(|[re, im]| join(part(*re), part(*im))).collect())
    }

    fn text(&self) -> Result<ArrayD<String>, String> {
        let bytes_each = self.width.checked_mul(4).ok_or("absurd length of text")?;
        self.check_length(bytes_each)?;
        // Texts without characters take no bytes, so that nothing bounds their number; numpy writes no such type.
        if self.width == 0 {
            return Err("text of length 0".into());
        }
        let decode = |bytes: &[u8]| -> Option<String> {
            let codes = bytes.as_chunks::<4>().0.iter().map(|code| u32::from_le_bytes(self.little_endian(*code)));
            codes.take_while(|code| *code != 0).map(char::from_u32).collect()
        };
        let texts: Option<Vec<String>> = self.values.chunks_exact(bytes_each).map(decode).collect();
        self.shaped(texts.ok_or("text with an invalid character")?)
    }

    fn little_endian<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// Compares with the bytes that are there before anything is allocated.
    fn check_length(&self, bytes_each: usize) -> Result<(), String> {
        let shape = &self.header.shape;
        let expected = shape.iter().try_fold(bytes_each, |product, length| product.checked_mul(*length));
        match expected {
            Some(expected) if expected == self.values.len() => Ok(()),
            Some(expected) => Err(format!("shape {shape:?} needs {expected} bytes, got {}", self.values.len())),
            None => Err(format!("absurd shape {shape:?}")),
        }
    }

    fn shaped<T: Clone>(&self, values: Vec<T>) -> Result<ArrayD<T>, String> {
        let shape = self.header.shape.as_slice();
        let array = ArrayD::from_shape_vec(shape.set_f(self.header.fortran_order), values);
        let array = array.map_err(|error| format!("shape {shape:?}: {error}"))?;
        Ok(if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, arr1};
    use proptest::prelude::*;

    fn decode_bytes(bytes: &[u8]) -> Result<AnyArray> {
        decode(Path::new("x.npz"), "y", bytes).map(|entry| entry.array)
    }

    /// A header as numpy writes it, and these values.
    fn npy(descr: &str, fortran_order: bool, shape: &[usize], values: &[u8]) -> Vec<u8> {
        let mut bytes = Header { descr: descr.into(), fortran_order, shape: shape.to_vec() }.to_bytes();
        bytes.extend(values);
        bytes
    }

    #[test]
    fn round_trip_of_views_that_are_not_contiguous() {
        let array = Array3::from_shape_fn((2, 3, 4), |(a, b, c)| Complex32::new(a as f32, (b * c) as f32));
        let transposed = AnyArray::Complex32(array.t().to_owned().into_dyn());
        assert_eq!(decode_bytes(&encode(array.t())).unwrap(), transposed);
        let texts = arr1(&["T1".to_string(), String::new(), "µs".to_string()]);
        assert_eq!(decode_bytes(&encode(texts.view())).unwrap(), AnyArray::Text(texts.into_dyn()));
    }

    #[test]
    fn byte_and_axis_orders() {
        let values: Vec<u8> = (0..6i16).flat_map(i16::to_be_bytes).collect();
        let array = decode_bytes(&npy(">i2", true, &[2, 3], &values)).unwrap();
        let expected = ndarray::arr2(&[[0i64, 2, 4], [1, 3, 5]]);
        assert_eq!(array, AnyArray::Int(expected.into_dyn()));
    }

    #[test]
    fn refuses_objects_truncation_and_absurd_shapes() {
        let object = decode_bytes(&npy("|O", false, &[2], b"pickle")).unwrap_err();
        assert!(matches!(&object, Error::Unsupported { .. }) && object.to_string().contains("pickled"));
        let short = decode_bytes(&npy("<f8", false, &[2, 3], &[0; 40])).unwrap_err().to_string();
        assert!(short.contains("key `y`: shape [2, 3] needs 48 bytes, got 40"), "{short}");
        let absurd = decode_bytes(&npy("<f8", false, &[usize::MAX, 16], &[0; 8]));
        assert!(matches!(absurd, Err(Error::Malformed { .. })));
        let empty_texts = decode_bytes(&npy("<U0", false, &[usize::MAX, 2], &[]));
        assert!(matches!(empty_texts, Err(Error::Malformed { .. })));
        let hidden = decode_bytes(&npy("<f8", false, &[0, usize::MAX, usize::MAX], &[]));
        assert!(matches!(hidden, Err(Error::Malformed { .. })));
    }

    #[test]
    fn no_more_is_read_than_the_header_announces() {
        let mut short = npy("<f8", false, &[2, 3], &[1; 48]);
        let whole = short.clone();
        assert_eq!(announced_length(&short), Some(whole.len()));
        short.extend(vec![0; 1 << 20]);
        let mut rest = short.as_slice();
        let bytes = read_announced(&mut rest, 0).unwrap();
        // The first piece is as long as the longest header.
        assert!(bytes.len() as u64 <= HEADER_MOST + 1, "{}", bytes.len());
        assert!(decode_bytes(&bytes).unwrap_err().to_string().contains("needs 48 bytes, got"));
        let long = npy("<f8", false, &[1 << 15], &vec![7; 8 << 15]);
        let endless = [long.clone(), vec![0; 1 << 20]].concat();
        assert_eq!(read_announced(&mut endless.as_slice(), usize::MAX).unwrap().len(), long.len() + 1);
        assert_eq!(read_announced(&mut long.as_slice(), long.len()).unwrap(), long);
        assert_eq!(announced_length(&npy("<f8", false, &[usize::MAX, 2], &[])), None);
    }

    proptest! {
        #[test]
        fn garbled_arrays_never_panic(
            changes in prop::collection::vec((0usize..200, any::<u8>()), 0..6),
            length in 0usize..200,
        ) {
            let mut bytes = encode(arr1(&[1.0f64, 2.0, 3.0]).view());
            for (position, value) in changes {
                let position = position % bytes.len();
                bytes[position] = value;
            }
            let _ = decode_bytes(&bytes[..length.min(bytes.len())]);
        }

        #[test]
        fn any_type_and_shape_never_panics(
            descr in "[<>|=][bifcuUOSVMm][0-9]{0,20}",
            shape in prop::collection::vec(prop_oneof![0usize..4, Just(usize::MAX)], 0..4),
            values in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let _ = decode_bytes(&npy(&descr, true, &shape, &values));
        }
    }
}

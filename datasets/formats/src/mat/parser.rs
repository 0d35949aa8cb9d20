//! The data elements of a `.mat` file.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;
use ndarray::{ArrayD, ShapeBuilder};
use num_complex::{Complex32, Complex64};

use super::MatValue;
use super::element::{HEADER_LENGTH, class, data_type, flag};
use crate::AnyArray;

/// Structs deeper than this are taken for garbage, so that recursion ends.
const MAX_DEPTH: usize = 32;

/// Bytes in front of the values of an array: flags, dimensions and name are much shorter.
const PREAMBLE_MOST: u64 = 4096;

const TRUNCATED: &str = "truncated";

/// Reads data elements, one after the other.
pub(super) struct Parser<'a> {
    rest: &'a [u8],
    big_endian: bool,
    depth: usize,
}

/// A data element: its type and its bytes.
struct DataElement<'a> {
    data_type: u32,
    bytes: &'a [u8],
}

/// The flags in front of every array.
struct ArrayFlags {
    class: u8,
    flags: u8,
}

impl<'a> Parser<'a> {
    /// All variables of a file, whose header is known to be there.
    pub fn variables(file: &'a [u8]) -> Result<Vec<(String, MatValue)>, String> {
        let (header, rest) = file.split_at_checked(HEADER_LENGTH).ok_or(TRUNCATED)?;
        let big_endian = match header {
            [.., b'I', b'M'] => false,
            [.., b'M', b'I'] => true,
            _ => return Err("no byte order mark in the header".into()),
        };
        let mut parser = Self { rest, big_endian, depth: 0 };
        let mut variables = Vec::new();
        while !parser.rest.is_empty() {
            let element = parser.element()?;
            let element_bytes = match element.data_type {
                data_type::COMPRESSED => Cow::Owned(parser.inflate(element.bytes)?),
                data_type::MATRIX => Cow::Borrowed(element.bytes),
                // Other elements at the top hold no variable.
                _ => continue,
            };
            variables.push(parser.inside(&element_bytes)?.variable()?);
        }
        Ok(variables)
    }

    /// The length that a compressed element announces for its content.
    pub fn announced_length(compressed: impl Read, big_endian: bool) -> std::io::Result<u32> {
        let mut tag = [0; 8];
        ZlibDecoder::new(compressed).read_exact(&mut tag)?;
        let length = [tag[4], tag[5], tag[6], tag[7]];
        Ok(if big_endian { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) })
    }

    /// The content of the one array that a compressed element holds.
    fn inflate(&self, compressed: &[u8]) -> Result<Vec<u8>, String> {
        let bad_stream = |error: std::io::Error| format!("compressed element: {error}");
        let mut stream = ZlibDecoder::new(compressed);
        let mut tag = [0; 8];
        stream.read_exact(&mut tag).map_err(bad_stream)?;
        let mut parser = Parser { rest: &tag, big_endian: self.big_endian, depth: 0 };
        let (inner_type, length) = (parser.u32()?, parser.u32()?);
        if inner_type != data_type::MATRIX {
            return Err(format!("compressed element of type {inner_type} instead of an array"));
        }
        // The buffer grows with what really comes out, whatever length the tag claims.
        let mut bytes = Vec::new();
        stream.by_ref().take(PREAMBLE_MOST.min(length.into())).read_to_end(&mut bytes).map_err(bad_stream)?;
        self.check_length(&bytes, length)?;
        let missing = u64::from(length) - bytes.len() as u64;
        stream.take(missing).read_to_end(&mut bytes).map_err(bad_stream)?;
        if bytes.len() != length as usize {
            return Err(TRUNCATED.into());
        }
        Ok(bytes)
    }

    /// Fails when an array of numbers is longer than its dimensions allow; a few kilobytes can inflate to gigabytes.
    fn check_length(&self, start: &[u8], length: u32) -> Result<(), String> {
        let mut parser = Parser { rest: start, big_endian: self.big_endian, depth: 0 };
        // What has no readable dimensions is refused when it is parsed.
        let Ok(flags) = parser.array_flags() else { return Ok(()) };
        let (class::DOUBLE..=class::UINT64, Ok(shape)) = (flags.class, parser.dimensions()) else { return Ok(()) };
        let values = element_count(&shape)?.saturating_mul(2 * size_of::<f64>());
        match length as usize > values.saturating_add(PREAMBLE_MOST as usize) {
            true => Err(format!("dimensions {shape:?} take at most {values} bytes, got {length}")),
            false => Ok(()),
        }
    }

    fn inside<'b>(&self, bytes: &'b [u8]) -> Result<Parser<'b>, String> {
        if self.depth == MAX_DEPTH {
            return Err(format!("structs nested deeper than {MAX_DEPTH}"));
        }
        Ok(Parser { rest: bytes, big_endian: self.big_endian, depth: self.depth + 1 })
    }

    /// Name and value of the array whose content this is.
    fn variable(mut self) -> Result<(String, MatValue), String> {
        // An empty field of a struct may be an array without any content.
        if self.rest.is_empty() {
            return Ok((String::new(), MatValue::Array(AnyArray::F64(ArrayD::zeros(vec![0, 0])))));
        }
        let flags = self.array_flags()?;
        if let class::FUNCTION.. = flags.class {
            return Ok((String::new(), MatValue::Other("function or object")));
        }
        let shape = self.dimensions()?;
        let name = String::from_utf8_lossy(self.element()?.bytes).into_owned();
        let value = match flags.class {
            class::STRUCT => self.structure(&shape)?,
            class::CHAR => self.text(&shape)?,
            class::CELL => MatValue::Other("cell array"),
            class::OBJECT => MatValue::Other("object"),
            class::SPARSE => MatValue::Other("sparse matrix; save it with `full`"),
            class::DOUBLE..=class::UINT64 => MatValue::Array(self.numbers(&flags, &shape)?),
            other => return Err(format!("variable `{name}`: unknown array class {other}")),
        };
        Ok((name, value))
    }

    fn array_flags(&mut self) -> Result<ArrayFlags, String> {
        let element = self.element()?;
        let mut words = Parser { rest: element.bytes, ..*self };
        let word = words.u32()?;
        Ok(ArrayFlags { class: (word & 0xff) as u8, flags: (word >> 8 & 0xff) as u8 })
    }

    fn dimensions(&mut self) -> Result<Vec<usize>, String> {
        let element = self.element()?;
        let lengths: Vec<i64> = self.integers(&element)?;
        let negative = |_| format!("negative dimension in {lengths:?}");
        lengths.iter().map(|length| usize::try_from(*length)).collect::<Result<_, _>>().map_err(negative)
    }

    fn structure(&mut self, shape: &[usize]) -> Result<MatValue, String> {
        let name_length_element = self.element()?;
        let name_length = match self.integers(&name_length_element)?.as_slice() {
            [length] => usize::try_from(*length).map_err(|_| "negative length of field names")?,
            _ => return Err("struct without a length of field names".into()),
        };
        let names = self.element()?.bytes;
        let names: Vec<String> = match name_length {
            0 => Vec::new(),
            length => names.chunks_exact(length).map(until_nul).collect(),
        };
        let count = element_count(shape)?;
        if names.is_empty() {
            return Ok(if count == 1 { MatValue::Struct(Vec::new()) } else { MatValue::StructArray(Vec::new()) });
        }
        // Every field takes the 8 bytes of a tag at least, which bounds what is allocated.
        if count.checked_mul(names.len()).is_none_or(|fields| fields > self.rest.len() / 8) {
            return Err(TRUNCATED.into());
        }
        let mut elements = (0..count).map(|_| self.fields(&names)).collect::<Result<Vec<_>, _>>()?;
        match elements.pop() {
            Some(only) if elements.is_empty() => Ok(MatValue::Struct(only)),
            last => {
                elements.extend(last);
                Ok(MatValue::StructArray(elements))
            }
        }
    }

    fn fields(&mut self, names: &[String]) -> Result<Vec<(String, MatValue)>, String> {
        let mut field = |name: &String| -> Result<_, String> {
            let element = self.element()?;
            if element.data_type != data_type::MATRIX {
                return Err(format!("field `{name}` is no array"));
            }
            let (_, value) = self.inside(element.bytes)?.variable()?;
            Ok((name.clone(), value))
        };
        names.iter().map(&mut field).collect()
    }

    fn text(&mut self, shape: &[usize]) -> Result<MatValue, String> {
        let element = self.element()?;
        let characters: Vec<char> = match element.data_type {
            data_type::UTF8 => String::from_utf8_lossy(element.bytes).chars().collect(),
            data_type::UINT16 | data_type::UTF16 => {
                let codes = self.values(element.bytes, u16::from_le_bytes)?;
                char::decode_utf16(codes).map(|code| code.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            _ => {
                let codes = self.integers(&element)?;
                let character = |code| u32::try_from(code).ok().and_then(char::from_u32);
                codes.into_iter().map(|code| character(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
        };
        let rows = shape.first().copied().unwrap_or(1).max(1);
        if rows == 1 {
            return Ok(MatValue::Text(characters.into_iter().collect()));
        }
        let row = |row| characters.iter().skip(row).step_by(rows).collect::<String>();
        let lines: Vec<String> = (0..rows.min(characters.len())).map(row).collect();
        Ok(MatValue::Text(lines.join("\n")))
    }

    fn numbers(&mut self, flags: &ArrayFlags, shape: &[usize]) -> Result<AnyArray, String> {
        let real = self.element()?;
        if flags.flags & flag::COMPLEX != 0 {
            let imaginary = self.element()?;
            return self.complex(flags.class, &real, &imaginary, shape);
        }
        if flags.flags & flag::LOGICAL != 0 {
            let values = self.doubles(&real)?.into_iter().map(|value| value != 0.0).collect();
            return Ok(AnyArray::Bool(column_major(shape, values)?));
        }
        Ok(match flags.class {
            class::DOUBLE => AnyArray::F64(column_major(shape, self.doubles(&real)?)?),
            class::SINGLE => AnyArray::F32(column_major(shape, to_single(self.doubles(&real)?))?),
            class::UINT64 if real.data_type == data_type::UINT64 => {
                let convert = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
                AnyArray::UInt(column_major(shape, self.values(real.bytes, convert)?)?)
            }
            _ => AnyArray::Int(column_major(shape, self.integers(&real)?)?),
        })
    }

    fn complex(
        &self,
        class: u8,
        real: &DataElement<'_>,
        imaginary: &DataElement<'_>,
        shape: &[usize],
    ) -> Result<AnyArray, String> {
        let (real, imaginary) = (self.doubles(real)?, self.doubles(imaginary)?);
        if real.len() != imaginary.len() {
            return Err("real and imaginary part differ in length".into());
        }
        let pairs = real.into_iter().zip(imaginary);
        if class == class::SINGLE {
            let values = pairs.map(|(re, im)| Complex32::new(re as f32, im as f32)).collect();
            return Ok(AnyArray::Complex32(column_major(shape, values)?));
        }
        let values = pairs.map(|(re, im)| Complex64::new(re, im)).collect();
        Ok(AnyArray::Complex64(column_major(shape, values)?))
    }

    /// The numbers of an element of any type: MATLAB stores doubles as integers where that is exact and shorter.
    fn doubles(&self, element: &DataElement<'_>) -> Result<Vec<f64>, String> {
        match element.data_type {
            data_type::DOUBLE => self.values(element.bytes, f64::from_le_bytes),
            data_type::SINGLE => self.values(element.bytes, |bytes| f32::from_le_bytes(bytes).into()),
            data_type::UINT64 => self.values(element.bytes, |bytes| u64::from_le_bytes(bytes) as f64),
            _ => Ok(self.integers(element)?.into_iter().map(|value| value as f64).collect()),
        }
    }

    fn integers(&self, element: &DataElement<'_>) -> Result<Vec<i64>, String> {
        match element.data_type {
            data_type::INT8 => self.values(element.bytes, |bytes| i8::from_le_bytes(bytes).into()),
            data_type::UINT8 => self.values(element.bytes, |bytes| u8::from_le_bytes(bytes).into()),
            data_type::INT16 => self.values(element.bytes, |bytes| i16::from_le_bytes(bytes).into()),
            data_type::UINT16 | data_type::UTF16 => {
                self.values(element.bytes, |bytes| u16::from_le_bytes(bytes).into())
            }
            data_type::INT32 => self.values(element.bytes, |bytes| i32::from_le_bytes(bytes).into()),
            data_type::UINT32 | data_type::UTF32 => {
                self.values(element.bytes, |bytes| u32::from_le_bytes(bytes).into())
            }
            data_type::INT64 => self.values(element.bytes, i64::from_le_bytes),
            data_type::UINT64 => self.values(element.bytes, |bytes| u64::from_le_bytes(bytes) as i64),
            other => Err(format!("numbers of unknown type {other}")),
        }
    }

    fn values<const N: usize, T>(&self, bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        let (chunks, remainder) = bytes.as_chunks::<N>();
        if !remainder.is_empty() {
            return Err(format!("{} bytes are no whole number of values of {N} bytes", bytes.len()));
        }
        Ok(chunks.iter().map(|chunk| convert(self.little_endian(*chunk))).collect())
    }

    fn little_endian<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    /// The next data element, in its normal form or in the small one with the data inside the tag.
    fn element(&mut self) -> Result<DataElement<'a>, String> {
        let word = self.u32()?;
        if word >> 16 != 0 {
            let (data_type, length) = (word & 0xffff, (word >> 16) as usize);
            let bytes = self.take(4)?.get(..length).ok_or("small data element of more than 4 bytes")?;
            return Ok(DataElement { data_type, bytes });
        }
        let length = self.u32()? as usize;
        let bytes = self.take(length)?;
        // Compressed elements follow each other without padding; padding at the end of a file may be missing.
        if word != data_type::COMPRESSED {
            let padding = length.next_multiple_of(8) - length;
            self.rest = self.rest.get(padding..).unwrap_or_default();
        }
        Ok(DataElement { data_type: word, bytes })
    }

    fn u32(&mut self) -> Result<u32, String> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(self.little_endian(*bytes)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(bytes)
    }
}

fn until_nul(name: &[u8]) -> String {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

fn to_single(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

fn element_count(shape: &[usize]) -> Result<usize, String> {
    let count = shape.iter().try_fold(1usize, |product, length| product.checked_mul(*length));
    count.ok_or_else(|| format!("absurd dimensions {shape:?}"))
}

fn column_major<T: Clone>(shape: &[usize], values: Vec<T>) -> Result<ArrayD<T>, String> {
    let count = values.len();
    let array = ArrayD::from_shape_vec(shape.f(), values)
        .map_err(|_| format!("dimensions {shape:?} do not fit {count} values"))?;
    Ok(array.as_standard_layout().into_owned())
}

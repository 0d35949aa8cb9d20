//! Variables as the data elements of a `.mat` file.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use ndarray::ArrayD;
use num_complex::Complex;

use super::MatValue;
use super::element::{HEADER_LENGTH, class, data_type, flag};
use crate::AnyArray;

/// Length of a field name with the zero behind it, as MATLAB has it.
const FIELD_NAME_LENGTH: usize = 64;

const TITLE: &[u8] = b"MATLAB 5.0 MAT-file, written by Diph";

/// A whole file, every variable compressed.
pub(super) fn encode(variables: &[(String, MatValue)]) -> io::Result<Vec<u8>> {
    let mut file = header();
    for (name, value) in variables {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&variable(name, value)?)?;
        let compressed = encoder.finish()?;
        file.extend(data_type::COMPRESSED.to_le_bytes());
        file.extend(length_of(&compressed)?.to_le_bytes());
        file.extend(compressed);
    }
    Ok(file)
}

/// A whole file, not compressed, so that tests can garble what the parser sees.
#[cfg(test)]
pub(super) fn encode_uncompressed(variables: &[(String, MatValue)]) -> io::Result<Vec<u8>> {
    let mut file = header();
    for (name, value) in variables {
        file.extend(variable(name, value)?);
    }
    Ok(file)
}

fn header() -> Vec<u8> {
    let mut header = TITLE.to_vec();
    header.resize(HEADER_LENGTH - 12, b' ');
    header.resize(HEADER_LENGTH - 4, 0);
    header.extend(0x0100u16.to_le_bytes());
    header.extend(b"IM");
    header
}

fn variable(name: &str, value: &MatValue) -> io::Result<Vec<u8>> {
    let content = match value {
        MatValue::Array(array) => numbers(name, array)?,
        MatValue::Text(text) => characters(name, text)?,
        MatValue::Struct(fields) => structure(name, std::slice::from_ref(fields))?,
        MatValue::StructArray(elements) => structure(name, elements)?,
        MatValue::Other(class) => return Err(io::Error::other(format!("`{name}`: a {class} cannot be written"))),
    };
    element(data_type::MATRIX, &content)
}

fn numbers(name: &str, array: &AnyArray) -> io::Result<Vec<u8>> {
    let shape = array.shape();
    match array {
        AnyArray::Bool(array) => real(
            name,
            class::UINT8,
            flag::LOGICAL,
            shape,
            data_type::UINT8,
            column_major(array, |value| [u8::from(value)]),
        ),
        AnyArray::Int(array) => {
            real(name, class::INT64, 0, shape, data_type::INT64, column_major(array, i64::to_le_bytes))
        }
        AnyArray::UInt(array) => {
            real(name, class::UINT64, 0, shape, data_type::UINT64, column_major(array, u64::to_le_bytes))
        }
        AnyArray::F32(array) => {
            real(name, class::SINGLE, 0, shape, data_type::SINGLE, column_major(array, f32::to_le_bytes))
        }
        AnyArray::F64(array) => {
            real(name, class::DOUBLE, 0, shape, data_type::DOUBLE, column_major(array, f64::to_le_bytes))
        }
        AnyArray::Complex32(array) => complex(name, class::SINGLE, data_type::SINGLE, array, f32::to_le_bytes),
        AnyArray::Complex64(array) => complex(name, class::DOUBLE, data_type::DOUBLE, array, f64::to_le_bytes),
        AnyArray::Text(_) => Err(io::Error::other(format!("`{name}`: .mat arrays cannot hold texts"))),
    }
}

fn real(name: &str, class: u8, flags: u8, shape: &[usize], number: u32, values: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut content = preamble(name, class, flags, shape)?;
    content.extend(element(number, &values)?);
    Ok(content)
}

fn complex<T: Copy, const N: usize>(
    name: &str,
    class: u8,
    number: u32,
    array: &ArrayD<Complex<T>>,
    to_bytes: fn(T) -> [u8; N],
) -> io::Result<Vec<u8>> {
    let mut content = preamble(name, class, flag::COMPLEX, array.shape())?;
    content.extend(element(number, &column_major(array, |value| to_bytes(value.re)))?);
    content.extend(element(number, &column_major(array, |value| to_bytes(value.im)))?);
    Ok(content)
}

fn characters(name: &str, text: &str) -> io::Result<Vec<u8>> {
    let codes: Vec<u16> = text.encode_utf16().collect();
    let bytes: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    let mut content = preamble(name, class::CHAR, 0, &[1, codes.len()])?;
    content.extend(element(data_type::UTF16, &bytes)?);
    Ok(content)
}

fn structure(name: &str, elements: &[Vec<(String, MatValue)>]) -> io::Result<Vec<u8>> {
    let names: Vec<&str> =
        elements.first().map(|fields| fields.iter().map(|(name, _)| name.as_str()).collect()).unwrap_or_default();
    let mut packed = Vec::new();
    for name in &names {
        if name.len() >= FIELD_NAME_LENGTH {
            return Err(io::Error::other(format!("field name `{name}` is longer than {}", FIELD_NAME_LENGTH - 1)));
        }
        let start = packed.len();
        packed.extend(name.as_bytes());
        packed.resize(start + FIELD_NAME_LENGTH, 0);
    }
    let mut content = preamble(name, class::STRUCT, 0, &[1, elements.len()])?;
    content.extend(element(data_type::INT32, &(FIELD_NAME_LENGTH as u32).to_le_bytes())?);
    content.extend(element(data_type::INT8, &packed)?);
    for fields in elements {
        if !fields.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied()) {
            return Err(io::Error::other(format!("`{name}`: structs of one array differ in their fields")));
        }
        for (_, value) in fields {
            content.extend(variable("", value)?);
        }
    }
    Ok(content)
}

/// Flags, dimensions and name, which every array starts with.
fn preamble(name: &str, class: u8, flags: u8, shape: &[usize]) -> io::Result<Vec<u8>> {
    // MATLAB's arrays have two axes at least; a vector is a column.
    let padding = 2usize.saturating_sub(shape.len());
    let lengths = shape.iter().copied().chain(std::iter::repeat_n(1, padding));
    let mut dimensions = Vec::new();
    for length in lengths {
        let length =
            i32::try_from(length).map_err(|_| io::Error::other(format!("`{name}`: axis of length {length}")))?;
        dimensions.extend(length.to_le_bytes());
    }
    let flag_word = u32::from(class) | u32::from(flags) << 8;
    let mut preamble = element(data_type::UINT32, &[flag_word.to_le_bytes(), [0; 4]].concat())?;
    preamble.extend(element(data_type::INT32, &dimensions)?);
    preamble.extend(element(data_type::INT8, name.as_bytes())?);
    Ok(preamble)
}

fn element(data_type: u32, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let small = (1..=4).contains(&bytes.len());
    let mut element = if small {
        (data_type | length_of(bytes)? << 16).to_le_bytes().to_vec()
    } else {
        [data_type.to_le_bytes(), length_of(bytes)?.to_le_bytes()].concat()
    };
    element.extend(bytes);
    element.resize(element.len().next_multiple_of(8), 0);
    Ok(element)
}

fn length_of(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| io::Error::other(".mat files of version 5 hold variables up to 4 GiB"))
}

fn column_major<T: Clone, const N: usize>(array: &ArrayD<T>, to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    array.t().iter().flat_map(|value| to_bytes(value.clone())).collect()
}

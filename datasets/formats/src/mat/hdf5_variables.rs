//! Variables of `.mat` files of version 7.3, which are HDF5 files.

use hdf5_reader::Dataset;
use hdf5_reader::group::Group;
use ndarray::ArrayD;

use super::MatValue;
use crate::hdf5::Hdf5File;
use crate::{AnyArray, Element, Result};

/// Structs within structs that are read.
const DEEPEST: usize = 16;

/// The variables of a file. Axes are those of MATLAB, which HDF5 has in the reverse order.
pub(super) fn variables(file: &Hdf5File) -> Result<Vec<(String, MatValue)>> {
    fields(file, &file.root()?, "", DEEPEST)
}

fn fields(file: &Hdf5File, group: &Group, prefix: &str, depth: usize) -> Result<Vec<(String, MatValue)>> {
    let (groups, datasets) = group.members().map_err(|error| file.malformed(prefix, error))?;
    let mut fields = Vec::new();
    for dataset in &datasets {
        let key = format!("{prefix}{}", dataset.name());
        fields.push((dataset.name().to_owned(), variable(file, &key, dataset)?));
    }
    for group in &groups {
        let name = group.name();
        // What cells and objects refer to lies apart.
        if name.starts_with('#') {
            continue;
        }
        let value = match class(group.attribute("MATLAB_class").ok()).as_deref() {
            Some("struct") | None if depth > 0 => {
                MatValue::Struct(self::fields(file, group, &format!("{prefix}{name}."), depth - 1)?)
            }
            _ => MatValue::Other("sparse array or object"),
        };
        fields.push((name.to_owned(), value));
    }
    Ok(fields)
}

fn variable(file: &Hdf5File, key: &str, dataset: &Dataset) -> Result<MatValue> {
    let class = class(dataset.attribute("MATLAB_class").ok());
    let is_text = match class.as_deref() {
        Some("cell") => return Ok(MatValue::Other("cell")),
        Some("struct") => return Ok(MatValue::StructArray(Vec::new())),
        Some("function_handle") => return Ok(MatValue::Other("function handle")),
        Some("string" | "datetime" | "table" | "categorical") => return Ok(MatValue::Other("object")),
        Some("char") => true,
        _ => false,
    };
    if dataset.attribute("MATLAB_empty").and_then(|flag| flag.read_as_f64()).is_ok_and(|flag| flag != 0.0) {
        return empty(file, key, dataset, is_text);
    }
    let array = match file.decode(key, dataset) {
        Ok(array) => array,
        Err(crate::Error::Unsupported { .. }) => return Ok(MatValue::Other("object")),
        Err(error) => return Err(error),
    };
    if is_text {
        return Ok(MatValue::Text(text(array)));
    }
    Ok(MatValue::Array(match (transposed(array), class.as_deref()) {
        (AnyArray::UInt(array), Some("logical")) => AnyArray::Bool(array.mapv(|value| value != 0)),
        // Version 5 has no other integers either, and both are to be told alike.
        (AnyArray::UInt(array), Some(class)) if class != "uint64" => AnyArray::Int(array.mapv(|value| value as i64)),
        (array, _) => array,
    }))
}

/// An array without elements: the values are its lengths.
fn empty(file: &Hdf5File, key: &str, dataset: &Dataset, is_text: bool) -> Result<MatValue> {
    if is_text {
        return Ok(MatValue::Text(String::new()));
    }
    let lengths = i64::convert(file.decode(key, dataset)?).unwrap_or_default();
    let lengths: Vec<usize> = lengths.iter().map(|length| usize::try_from(*length).unwrap_or(0)).collect();
    // A length that is not 0 would be made room for.
    let shape = if lengths.contains(&0) && lengths.len() <= 32 { lengths } else { vec![0, 0] };
    let shape: Vec<usize> = shape.into_iter().map(|length| length.min(1 << 20)).collect();
    ArrayD::from_shape_vec(shape, Vec::<f64>::new())
        .map(|array| MatValue::Array(AnyArray::F64(array)))
        .map_err(|error| file.malformed(key, error))
}

/// Characters of a row, or of several rows that are joined by line feeds.
fn text(array: AnyArray) -> String {
    let Ok(codes) = i64::convert(transposed(array)) else { return String::new() };
    let character =
        |code: &i64| u32::try_from(*code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let rows = codes.shape().first().copied().unwrap_or(0);
    let width = codes.len().checked_div(rows).unwrap_or(0);
    let codes: Vec<char> = codes.iter().map(character).collect();
    let lines: Vec<String> = codes.chunks(width.max(1)).map(|row| row.iter().collect()).collect();
    lines.join("\n")
}

fn class(attribute: Option<hdf5_reader::Attribute>) -> Option<String> {
    attribute.and_then(|attribute| attribute.read_string().ok())
}

/// With the axes in the reverse order.
fn transposed(array: AnyArray) -> AnyArray {
    fn turn<T: Clone>(array: ArrayD<T>) -> ArrayD<T> {
        array.reversed_axes().as_standard_layout().into_owned()
    }
    match array {
        AnyArray::Bool(array) => AnyArray::Bool(turn(array)),
        AnyArray::Int(array) => AnyArray::Int(turn(array)),
        AnyArray::UInt(array) => AnyArray::UInt(turn(array)),
        AnyArray::F32(array) => AnyArray::F32(turn(array)),
        AnyArray::F64(array) => AnyArray::F64(turn(array)),
        AnyArray::Complex32(array) => AnyArray::Complex32(turn(array)),
        AnyArray::Complex64(array) => AnyArray::Complex64(turn(array)),
        AnyArray::Text(array) => AnyArray::Text(turn(array)),
    }
}

//! What a variable of a `.mat` file holds.

use std::path::{Path, PathBuf};

use ndarray::{Array, Array1, Dimension};

use crate::{AnyArray, ArrayEntry, Element, Error, Result};

/// A variable of a `.mat` file or a field of a struct.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MatValue {
    /// Numbers or truth values, in C order.
    Array(AnyArray),
    /// A string. Rows of a matrix of characters are joined by line feeds.
    Text(String),
    /// Fields of a struct, with their names, in order.
    Struct(Vec<(String, MatValue)>),
    /// An array of several structs (or of none), in column-major order.
    StructArray(Vec<Vec<(String, MatValue)>>),
    /// Something that Diph does not read: the name of its class.
    Other(&'static str),
}

impl MatValue {
    /// What the value is called in messages.
    fn describe(&self) -> String {
        match self {
            Self::Array(array) => array.to_string(),
            Self::Text(_) => "a string".into(),
            Self::Struct(_) => "a struct".into(),
            Self::StructArray(elements) => format!("an array of {} structs", elements.len()),
            Self::Other(class) => format!("a {class}"),
        }
    }
}

/// A struct of a `.mat` file, or the file itself, which is a struct of its variables. Knows where it comes from, so
/// that errors can say it.
#[derive(Clone, Debug)]
pub struct MatStruct<'a> {
    pub(super) path: PathBuf,
    /// Empty for the file itself, otherwise the name of the struct and a dot.
    pub(super) prefix: String,
    pub(super) fields: &'a [(String, MatValue)],
}

impl<'a> MatStruct<'a> {
    /// The file that the struct was read from; empty for one that was made in memory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the fields.
    pub fn keys(&self) -> Vec<&'a str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// A field as it is; `None` when there is no field of that name.
    pub fn get(&self, key: &str) -> Option<&'a MatValue> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A field that is a struct.
    ///
    /// # Errors
    /// [`Error::MissingKey`], or [`Error::Unexpected`] when it is no struct.
    pub fn structure(&self, key: &str) -> Result<MatStruct<'a>> {
        match self.value(key)? {
            MatValue::Struct(fields) => {
                Ok(MatStruct { path: self.path.clone(), prefix: format!("{}{key}.", self.prefix), fields })
            }
            other => Err(self.unexpected(key, "a struct", other)),
        }
    }

    /// A field that is an array, as it is.
    ///
    /// # Errors
    /// [`Error::MissingKey`], or [`Error::Unexpected`] when it is no array.
    pub fn entry(&self, key: &str) -> Result<ArrayEntry> {
        match self.value(key)? {
            MatValue::Array(array) => {
                Ok(ArrayEntry { path: self.path.clone(), key: self.full_key(key), array: array.clone() })
            }
            other => Err(self.unexpected(key, "an array of numbers", other)),
        }
    }

    /// An array with element type `T` and the axes of `D`, checked to be finite; `axes` names them in errors.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is no such field, [`Error::Unexpected`] when it is no array of this kind and number of
    /// axes, [`Error::NotFinite`] for a NaN or an infinity.
    pub fn array<T: Element, D: Dimension>(&self, key: &str, axes: &str) -> Result<Array<T, D>> {
        self.entry(key)?.read(axes)
    }

    /// The values of a field that is a row or a column; MATLAB knows no arrays of one axis.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is no such field, [`Error::Unexpected`] when it is no row and no column of this kind,
    /// [`Error::NotFinite`] for a NaN or an infinity.
    pub fn vector<T: Element>(&self, key: &str, axes: &str) -> Result<Array1<T>> {
        self.entry(key)?.read_vector(axes)
    }

    fn value(&self, key: &str) -> Result<&'a MatValue> {
        self.get(key).ok_or_else(|| Error::MissingKey {
            path: self.path.clone(),
            key: self.full_key(key),
            available: self.fields.iter().map(|(name, _)| self.full_key(name)).collect(),
        })
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn unexpected(&self, key: &str, expected: &str, got: &MatValue) -> Error {
        Error::unexpected(&self.path, &self.full_key(key), expected, got.describe())
    }
}

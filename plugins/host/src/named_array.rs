//! Arrays that a component is created from.

use crate::ArrayData;

/// An array with the name by which a plugin asks for it, for example `trajectory`.
#[derive(Clone, Debug)]
pub struct NamedArray {
    /// The name.
    pub name: String,
    /// The values.
    pub data: ArrayData,
}

impl NamedArray {
    /// Names an array.
    pub fn new(name: impl Into<String>, data: impl Into<ArrayData>) -> Self {
        Self { name: name.into(), data: data.into() }
    }
}

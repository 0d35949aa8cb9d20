//! The shape of what an operator takes or gives.

use std::ptr;

use crate::Str;
use crate::sized_struct::{layout, sized};

/// A named axis (`diph_axis`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Name of the axis.
    pub name: Str,
    /// Number of entries.
    pub length: u64,
}

layout!(Axis, 24, name: 0, length: 16);

/// Named axes, slowest first (`diph_space`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// The axes.
    pub axes: *const Axis,
    /// Number of axes.
    pub count: u64,
}

layout!(Space, 24, struct_size: 0, axes: 8, count: 16);
sized!(Space);

impl Default for Space {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, axes: ptr::null(), count: 0 }
    }
}

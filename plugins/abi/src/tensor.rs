//! Tensors that cross the border, their element types, and the named axes of spaces.

use std::ffi::c_void;
use std::ptr;

use crate::Str;
use crate::sized_struct::{layout, sized};

/// Element type of a [`Tensor`](crate::Tensor); complex numbers are pairs (re, im).
///
/// A plain integer, because the other side may know types that this one does not.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dtype(pub i32);

impl Dtype {
    /// Number of the element type `DIPH_F32`, a 32-bit float.
    pub const F32: Self = Self(1);
    /// Number of the element type `DIPH_F64`, a 64-bit float.
    pub const F64: Self = Self(2);
    /// Complex of two 32-bit floats.
    pub const C64: Self = Self(3);
    /// Complex of two 64-bit floats.
    pub const C128: Self = Self(4);
    /// Number of the element type `DIPH_I32`, a 32-bit signed integer.
    pub const I32: Self = Self(5);
    /// Number of the element type `DIPH_I64`, a 64-bit signed integer.
    pub const I64: Self = Self(6);
    /// Number of the element type `DIPH_U8`, an 8-bit unsigned integer.
    pub const U8: Self = Self(7);

    /// Name as in a descriptor's example, such as `f32`; `unknown` for a type of a later version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::C64 => "c64",
            Self::C128 => "c128",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            _ => "unknown",
        }
    }
}

/// A borrowed C-contiguous view of an array (`diph_tensor`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Element type of the array.
    pub dtype: Dtype,
    /// How many entries `shape` has.
    pub ndim: u32,
    /// Lengths of the axes, that which changes slowest in memory first.
    pub shape: *const u64,
    /// First element, on a multiple of 64 bytes where a host hands it over. Written to in outputs only.
    pub data: *mut c_void,
}

layout!(Tensor, 32, struct_size: 0, dtype: 8, ndim: 12, shape: 16, data: 24);
sized!(Tensor);

impl Default for Tensor {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            dtype: Dtype::default(),
            ndim: 0,
            shape: ptr::null(),
            data: ptr::null_mut(),
        }
    }
}

/// A tensor with a name (`diph_named_tensor`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NamedTensor {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Name of the array, for example `weights`.
    pub name: Str,
    /// The array that bears the name.
    pub tensor: Tensor,
}

layout!(NamedTensor, 56, struct_size: 0, name: 8, tensor: 24);
sized!(NamedTensor);

impl Default for NamedTensor {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, name: Str::default(), tensor: Tensor::default() }
    }
}

/// A named axis (`diph_axis`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Name of the axis, for example `coefficient`.
    pub name: Str,
    /// Number of entries along the axis.
    pub length: u64,
}

layout!(Axis, 24, name: 0, length: 16);

/// Named axes, slowest first (`diph_space`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// The axes, that which changes slowest in memory first.
    pub axes: *const Axis,
    /// How many entries `axes` has.
    pub count: u64,
}

layout!(Space, 24, struct_size: 0, axes: 8, count: 16);
sized!(Space);

impl Default for Space {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, axes: ptr::null(), count: 0 }
    }
}

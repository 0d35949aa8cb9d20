//! Borrowed arrays.

use std::ffi::c_void;
use std::ptr;

use crate::sized_struct::{layout, sized};
use crate::{Dtype, Str};

/// A borrowed C-contiguous view of an array (`diph_tensor`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Element type.
    pub dtype: Dtype,
    /// Number of axes.
    pub ndim: u32,
    /// Axis lengths, slowest first.
    pub shape: *const u64,
    /// First element, aligned for its type. Written to in outputs only.
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
    /// The array.
    pub tensor: Tensor,
}

layout!(NamedTensor, 56, struct_size: 0, name: 8, tensor: 24);
sized!(NamedTensor);

impl Default for NamedTensor {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, name: Str::default(), tensor: Tensor::default() }
    }
}

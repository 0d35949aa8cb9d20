//! What was measured and how.

use std::ptr;

use crate::NamedTensor;
use crate::sized_struct::{layout, sized};

/// Named arrays and facts (`diph_acquisition`), borrowed for the call. The header has the table of their names, units and
/// meanings.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Acquisition {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// The arrays; null when there is none.
    pub arrays: *const NamedTensor,
    /// How many entries `arrays` has.
    pub array_count: u64,
    /// Number of spatial lengths in `image`: 2 or 3; 0 means unknown.
    pub image_ndim: u32,
    /// One of the `FOURIER_*` constants.
    pub fourier_scale: i32,
    /// Spatial lengths in pixels, slowest first.
    pub image: [u64; 3],
    /// Edge lengths of a voxel in m along the same axes; 0 means unknown.
    pub voxel_size: [f64; 3],
    /// Length of the leading axis of images; 0 means unknown, as below.
    pub coefficients: u64,
    /// Number of receive coils; 0 when unknown.
    pub coils: u64,
    /// Number of frames of the sequence; 0 when unknown.
    pub frames: u64,
    /// Number of samples of a frame; 0 when unknown.
    pub samples: u64,
}

layout!(
    Acquisition, 112, struct_size: 0, arrays: 8, array_count: 16, image_ndim: 24, fourier_scale: 28, image: 32,
    voxel_size: 56, coefficients: 80, coils: 88, frames: 96, samples: 104
);
sized!(Acquisition);

impl Acquisition {
    /// The factor of the transform is not known.
    pub const FOURIER_UNKNOWN: i32 = 0;
    /// `1 / sqrt(N)` for N pixels.
    pub const FOURIER_UNITARY: i32 = 1;
    /// `1 / sqrt(2^d N)` for N pixels along d axes.
    pub const FOURIER_TWICE_OVERSAMPLED: i32 = 2;
}

impl Default for Acquisition {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            arrays: ptr::null(),
            array_count: 0,
            image_ndim: 0,
            fourier_scale: Self::FOURIER_UNKNOWN,
            image: [0; 3],
            voxel_size: [0.0; 3],
            coefficients: 0,
            coils: 0,
            frames: 0,
            samples: 0,
        }
    }
}

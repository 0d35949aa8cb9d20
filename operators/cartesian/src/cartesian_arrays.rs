//! What an acquisition is described by.

use ndarray::{ArrayView2, ArrayView3, ArrayViewD};
use num_complex::Complex32;

/// The arrays that describe an acquisition; [`CartesianOperator`](crate::CartesianOperator) copies what it needs.
#[derive(Clone, Debug)]
pub struct CartesianArrays<'a> {
    /// Positions (frame, sample, 2) or (frame, sample, 3), each (ky, kx) or (kz, ky, kx) in cycles per pixel within
    /// [-1/2, 1/2], on the image's grid.
    pub trajectory: ArrayView3<'a, f64>,
    /// Real temporal basis V (frame, coefficient).
    pub basis: ArrayView2<'a, f32>,
    /// Coil sensitivities (coil, y, x) or (coil, z, y, x); one coil of ones when absent.
    pub coil_maps: Option<ArrayViewD<'a, Complex32>>,
    /// Data weights w (frame, sample), not negative; ones when absent.
    pub weights: Option<ArrayView2<'a, f32>>,
}

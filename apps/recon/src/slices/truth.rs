//! What is known to be true of a slice.

use diph_datasets::QuantitativeMaps;
use ndarray::{Array2, Array3};
use num_complex::Complex32;

/// What is known to be true of a slice.
pub struct Truth {
    /// T1, T2 and PD.
    pub maps: QuantitativeMaps,
    /// Where maps are compared, (y, x).
    pub mask: Array2<bool>,
    /// (coefficient, y, x).
    pub tsmi: Option<Array3<Complex32>>,
}

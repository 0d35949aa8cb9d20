//! What is known to be true of a slice.

use diph_datasets::QuantitativeMaps;
use ndarray::ArrayD;
use num_complex::Complex32;

/// What is known to be true of a slice or a volume.
pub struct Truth {
    /// T1, T2 and PD.
    pub maps: QuantitativeMaps,
    /// Where maps are compared, ([z,] y, x).
    pub mask: ArrayD<bool>,
    /// (coefficient, [z,] y, x).
    pub tsmi: Option<ArrayD<Complex32>>,
}

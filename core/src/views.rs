//! Short names of the array views that cross the traits.

use ndarray::{ArrayViewD, ArrayViewMutD};
use num_complex::Complex32;

/// A borrowed complex array of any number of axes, C-contiguous.
pub type View<'a> = ArrayViewD<'a, Complex32>;

/// A borrowed complex array to write into, C-contiguous.
pub type ViewMut<'a> = ArrayViewMutD<'a, Complex32>;

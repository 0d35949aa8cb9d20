//! The slices of a data folder: which ones, what was measured, and what is known to be true of them.

mod selection;
mod slice_input;
mod truth;

pub use selection::{Selection, select};
pub use slice_input::{SliceInput, slice_generator};
pub use truth::Truth;
pub use truth::read_truth;

//! The slices of a measurement: which ones, what was measured, and what is known to be true of them.

mod read_measurement;
mod selection;
mod slice_input;
mod truth;

pub use read_measurement::read_measurement;
pub use selection::{Selection, select};
pub use slice_input::{SliceInput, slice_generator};
pub use truth::{Truth, read_truth};

//! The slices of a measurement: which ones, what was measured, and what is known to be true of them.

mod read_measurement;
mod read_truth;
mod selection;
mod slice_input;
mod truth;

pub use read_measurement::read_measurement;
pub use read_truth::read_truth;
pub use selection::{Selection, select};
pub use slice_input::{SliceInput, slice_generator};
pub use truth::Truth;

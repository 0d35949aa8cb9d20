//! What commands read: acquisitions, sequences and slices.

mod acquisition_source;
mod sequence_source;
mod slice_input;

pub use acquisition_source::{AcquisitionSource, positions, read_dictionary};
pub use sequence_source::SequenceSource;
pub use slice_input::{SliceInput, parameter_maps, slice_generator};

//! What commands read: acquisitions, sequences and slices.

mod acquisition_source;
mod demo_acquisition;
mod dictionary;
mod sequence_source;
mod slice_input;
mod truth;

pub use acquisition_source::{AcquisitionSource, positions};
pub use demo_acquisition::DemoAcquisition;
pub use dictionary::{dictionary_file, read_dictionary};
pub use sequence_source::SequenceSource;
pub use slice_input::{SliceInput, parameter_maps, slice_generator};
pub use truth::read_truth;

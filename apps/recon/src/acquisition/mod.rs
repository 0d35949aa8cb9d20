//! How slices were measured, and where trajectory, dictionary and coil sensitivities come from.

mod acquisition;
mod acquisition_source;
mod demo_acquisition;
mod dictionary;
mod fingerprint;
mod measurement_source;
mod sequence_source;

pub use acquisition::{Acquisition, announced};
pub use acquisition_source::{AcquisitionSource, density_compensation, positions};
pub use demo_acquisition::DemoAcquisition;
pub use dictionary::{dictionary_file, read_dictionary};
pub use fingerprint::Fingerprint;
pub use measurement_source::MeasurementSource;
pub use sequence_source::SequenceSource;

//! How slices were measured, and where trajectory, dictionary and coil sensitivities come from.

mod acquisition;
mod acquisition_source;
mod coil_maps;
mod coil_preparation;
mod coil_source;
mod demo_acquisition;
mod dictionary;
mod estimated_coils;
mod fingerprint;
mod measurement_source;
mod pulseq_steps;
mod sequence_source;

pub use acquisition::{Acquisition, announced};
pub use acquisition_source::{AcquisitionSource, density_compensation, positions};
pub use coil_maps::{COIL_MAPS, read_coil_maps};
pub use coil_preparation::{CoilPreparation, PreparedCoils};
pub use coil_source::{CoilEstimate, CoilSource, NoiseSource};
pub use demo_acquisition::DemoAcquisition;
pub use dictionary::{dictionary_file, read_dictionary};
pub use estimated_coils::EstimatedCoils;
pub use fingerprint::Fingerprint;
pub use measurement_source::MeasurementSource;
pub use sequence_source::SequenceSource;

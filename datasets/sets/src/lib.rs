//! Data sets: which slices, trajectories, dictionaries and maps there are, and where they come from.
//!
//! | what | where |
//! |---|---|
//! | the folder layout of the Python MRF-DiPh code | [`DatasetFolder`], [`SliceId`] |
//! | single files of it | [`TrajectoryFile`], [`DictionaryFile`], [`IntensityFactors`], [`SimulationRecord`] |
//! | results of the Python code | [`SampleResults`], [`ResultLogRow`] |
//! | a measurement in files of other programs | [`MeasurementFiles`], [`Measurement`], [`AxisOrder`], [`PositionUnit`], [`Columns`], [`FrameCounter`] |
//! | positions and events of a Pulseq sequence | [`read_pulseq`], [`is_pulseq`] |
//! | what a file is, in words | [`FileDescription`] |
//! | T1, T2 and proton density of a slice | [`QuantitativeMaps`] |
//! | the procedural brain phantom | [`BrainPhantom`] |
//! | thermal noise | [`add_measurement_noise`] |
//!
//! How arrays lie in files is the matter of `diph-formats`, whose errors name the file, the key in it, what was expected
//! and what came.

mod dataset_folder;
mod dictionary_file;
mod error;
mod file_description;
mod intensity_factors;
mod measurement;
mod measurement_noise;
mod phantom;
mod quantitative_maps;
mod relaxation_times;
mod result_log;
mod sample_results;
mod simulation_record;
mod slice_id;
mod trajectory_file;

pub use dataset_folder::{DatasetFolder, MASK_THRESHOLD};
pub use dictionary_file::DictionaryFile;
pub use error::{Error, Result};
pub use file_description::FileDescription;
pub use intensity_factors::IntensityFactors;
pub use measurement::{
    AxisOrder, Columns, FrameCounter, Measurement, MeasurementFiles, PositionUnit, is_pulseq, read_noise, read_pulseq,
};
pub use measurement_noise::{NoiseLevel, NoiseParts, REFERENCE_NOISE, add_measurement_noise};
pub use phantom::{BrainPhantom, PhantomSlice, Tissue};
pub use quantitative_maps::QuantitativeMaps;
pub use result_log::ResultLogRow;
pub use sample_results::{SampleResults, from_channels, to_channels};
pub use simulation_record::SimulationRecord;
pub use slice_id::SliceId;
pub use trajectory_file::TrajectoryFile;

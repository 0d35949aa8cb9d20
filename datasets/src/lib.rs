//! File formats, data folders and the procedural brain phantom.
//!
//! | what | where |
//! |---|---|
//! | numpy archives | [`NpzFile`], [`NpzWriter`], [`read_npy`], [`write_npy`] |
//! | MATLAB files | [`MatFile`] |
//! | the folder layout of the Python MRF-DiPh code | [`DatasetFolder`] |
//! | single files of it | [`TrajectoryFile`], [`DictionaryFile`], [`IntensityFactors`], [`SampleResults`], [`ResultLogRow`] |
//! | phantom | [`BrainPhantom`] |
//! | thermal noise | [`add_measurement_noise`] |
//!
//! Every error names the file, the key in it, what was expected and what came. Every writer goes through
//! [`write_atomically`], so that a file is there completely or not at all.

mod array;
mod atomic_file;
mod dataset_folder;
mod dictionary_file;
mod error;
mod intensity_factors;
mod mat;
mod measurement_noise;
mod npz;
mod phantom;
mod quantitative_maps;
mod real_channels;
mod result_log;
mod sample_results;
mod slice_id;
mod stale_temporaries;
mod trajectory_file;
mod writable;

pub use array::{AnyArray, ArrayEntry, Element};
pub use atomic_file::write_atomically;
pub use dataset_folder::{DatasetFolder, MASK_THRESHOLD};
pub use dictionary_file::DictionaryFile;
pub use error::{Error, Result};
pub use intensity_factors::IntensityFactors;
pub use mat::{MatFile, MatStruct, MatValue};
pub use measurement_noise::{NoiseLevel, NoiseParts, REFERENCE_NOISE, add_measurement_noise};
pub use npz::{NpyElement, NpzFile, NpzWriter, read_npy, write_npy};
pub use phantom::{BrainPhantom, PhantomSlice, Tissue};
pub use quantitative_maps::QuantitativeMaps;
pub use real_channels::{from_channels, to_channels};
pub use result_log::ResultLogRow;
pub use sample_results::SampleResults;
pub use slice_id::SliceId;
pub use stale_temporaries::remove_stale_temporaries;
pub use trajectory_file::TrajectoryFile;
pub use writable::{check_writable_file, check_writable_folder};

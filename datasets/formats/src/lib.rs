//! File formats: arrays of any element type, and the files that hold them.
//!
//! | what | where |
//! |---|---|
//! | arrays before it is known what they stand for | [`AnyArray`], [`ArrayEntry`], [`Element`] |
//! | numpy's arrays and archives | [`NpzFile`], [`NpzWriter`], [`read_npy`], [`write_npy`] |
//! | MATLAB files of versions 5, 7 and 7.3 | [`MatFile`] |
//! | HDF5 | [`Hdf5File`] |
//! | readouts of a scanner in the ISMRMRD format | [`IsmrmrdFile`], [`IsmrmrdHeader`], [`Readout`] |
//! | BART's pairs of files | [`CflFile`], [`write_cfl`] |
//! | an array that is named by file and key, whatever the format | [`ArrayLocation`] |
//! | volumes for viewers | [`NiftiVolume`] |
//! | files that are there completely or not at all | [`write_atomically`], [`Staging`], [`remove_stale_temporaries`] |
//! | whether results can be written, before there are any, and whose file they replace | [`OutputFile`], [`check_not_input`], [`check_regular`], [`check_writable_file`], [`check_writable_folder`] |
//! | one process at a time in a folder | [`FolderLock`] |
//! | whether something is there at all | [`is_there`] |
//! | files to read, and no pipes that wait | [`open_file`], [`read_file`] |
//!
//! Every error names the file, the key in it, what was expected and what came. Every writer goes through
//! [`write_atomically`].
//!
//! A format is a folder of this crate. Another one (NIfTI, TWIX) gets a folder beside `numpy` and `mat`: it decodes into
//! [`AnyArray`], hands arrays out as [`ArrayEntry`], whose `read` converts and checks them for all formats alike, and
//! writes through [`write_atomically`]. What the arrays of a file stand for is no matter of this crate.

mod array;
mod array_location;
mod array_output;
mod atomic_file;
mod cfl;
mod error;
mod folder_lock;
mod hdf5;
mod ismrmrd;
mod kind;
mod mat;
mod nifti;
mod numpy;
mod output;
mod presence;
mod raw_data;
mod regular_file;
mod text;
mod twix;

pub use array::{AnyArray, ArrayEntry, Element};
pub use array_location::ArrayLocation;
pub use atomic_file::{Staging, remove_stale_temporaries, write_atomically};
pub use cfl::{CflFile, write_cfl};
pub use error::{Error, Result};
pub use folder_lock::{FolderLock, is_left_over};
pub use hdf5::Hdf5File;
pub use ismrmrd::{Counters, Encoding, EncodingLimit, EncodingSpace, IsmrmrdFile, IsmrmrdHeader, Readout, ReadoutFlag};
pub use kind::{ArrayFile, unpacked_size};
pub use mat::{MatFile, MatStruct, MatValue};
pub use nifti::NiftiVolume;
pub use numpy::{NpyElement, NpzFile, NpzWriter, read_npy, write_npy};
pub use output::{OutputFile, check_not_input, check_regular, check_writable_file, check_writable_folder};
pub use presence::is_there;
pub use raw_data::RawData;
pub use regular_file::{open_file, read_file};
pub use text::read_text;
pub use twix::TwixFile;

//! HDF5: the arrays of a file, and tables whose records have variable length.
//!
//! The bytes are decoded by the crate `hdf5-reader`; this folder turns them into [`AnyArray`](crate::AnyArray) and bounds what a
//! file of a given length may ask for.

mod hdf5_file;
mod number;
mod records;

pub use hdf5_file::Hdf5File;
pub(crate) use records::Records;

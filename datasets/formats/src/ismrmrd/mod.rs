//! ISMRMRD files: readouts as a scanner made them, with a header that says what was measured.
//!
//! Format: the ISMRM raw data format (Inati et al., Magn Reson Med 2017), versions 1.x in HDF5. A group, which is often called
//! `dataset`, holds `xml`, the header, and `data`, a table of readouts.

mod header;
mod ismrmrd_file;
mod readout;

pub use header::{Encoding, EncodingLimit, EncodingSpace, IsmrmrdHeader};
pub use ismrmrd_file::IsmrmrdFile;
pub use readout::{Counters, Readout, ReadoutFlag};

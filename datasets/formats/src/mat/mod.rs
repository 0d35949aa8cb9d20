//! MATLAB's `.mat` files, version 5 (what `save -v6` and `save -v7` write) and version 7.3 (HDF5).
//!
//! Format: "MAT-File Format" by The MathWorks, Level 5. Read are numeric arrays of any class (whatever type they are
//! stored as), complex and logical ones, strings and structs, nested and compressed, of either byte order. Cells,
//! sparse matrices and objects are kept as [`MatValue::Other`]. Version 4 is refused with advice.

mod element;
mod hdf5_variables;
mod mat_file;
mod mat_value;
mod parser;
mod writer;

pub use mat_file::MatFile;
pub use mat_value::{MatStruct, MatValue};

//! BART's pairs of files: `NAME.hdr` with the dimensions, `NAME.cfl` with complex numbers in single precision.
//!
//! Format: `src/misc/io.c` of BART. Up to 16 dimensions, the first varies fastest, pairs of little-endian `float`. Arrays in
//! memory are in C order, so that the first dimension of BART is the last axis here.

mod cfl_file;

pub(crate) use cfl_file::encode_cfl;
pub use cfl_file::{CflFile, write_cfl};

//! numpy's `.npy` arrays and `.npz` archives of them, stored or deflated.
//!
//! Format: numpy.lib.format, versions 1 to 3. Read are bool, signed and unsigned integers, float32, float64, complex64,
//! complex128 and unicode text, of either byte order, in C or Fortran order. Python objects and structured types are
//! refused.

mod header;
mod npy;
mod npz;

pub(crate) use npy::encode as encode_npy;
pub use npy::{NpyElement, read_npy, write_npy};
pub use npz::{NpzFile, NpzWriter};

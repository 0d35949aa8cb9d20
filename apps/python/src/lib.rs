//! The compiled half of Diph's Python package: arrays in, arrays out. What users see is written in Python beside it.
//!
//! Every array is C-contiguous and of the one element type that its role has; the Python half converts. Nothing is copied here but
//! what a function keeps.

mod dictionary;
mod failure;
mod files;
mod interruptible;
mod operator;
mod plugins;
mod prior;
mod python_prior;
mod reconstruction;
mod sequence;

use std::ffi::OsString;

use diph::Launch;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

// Reconstructions allocate and free large arrays in every step, which the system's allocator returns to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the command line `words`, which `program` starts, and gives its exit code.
#[pyfunction]
fn command_line(py: Python<'_>, program: Vec<OsString>, words: Vec<OsString>) -> PyResult<u8> {
    let launch =
        Launch::hosted(program, words).ok_or_else(|| PyValueError::new_err("program: expected words, got none"))?;
    Ok(py.detach(move || diph::run_as(launch)))
}

#[pymodule]
mod _diph {
    use super::*;

    #[pymodule_export]
    use super::files::{maps_png, write_nifti};
    #[pymodule_export]
    use super::{
        command_line, dictionary::Dictionary, failure::Error, operator::Operator, plugins::Plugins, prior::Prior,
    };
    #[pymodule_export]
    use super::{reconstruction::reconstruct, sequence::Sequence};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

//! Parts out of plugins: those that come with Diph, and libraries.

use std::path::{Path, PathBuf};

use diph_core::FourierScale;
use diph_plugin_host::{Acquisition, ArrayData, Facts, HostServices, LoadError, Registry, SearchPath};
use diph_recon::Cancel;
use num_complex::Complex32;
use numpy::PyReadonlyArrayDyn;
use pyo3::exceptions::{PyFileNotFoundError, PyTypeError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use serde_json::Value;

use crate::failure::{Error, OrRaise, is_absent};
use crate::operator::Operator;
use crate::prior::Prior;

/// Parts by their names.
#[pyclass(frozen, module = "diph._diph")]
pub struct Plugins(Registry);

/// All plugins of the search path with these folders in front, and behind them those that come with Diph. Warns of those that cannot
/// be used.
pub fn registry(py: Python<'_>, folders: &[PathBuf], cancel: &Cancel) -> PyResult<Registry> {
    let mut registry = Registry::new(HostServices::new().cancel_flag(cancel.flag()));
    if let Some(missing) = folders.iter().find(|folder| !folder.is_dir()) {
        return Err(PyFileNotFoundError::new_err(format!("no such directory: {}", missing.display())));
    }
    registry.scan(&SearchPath::standard(folders));
    diph_built_in::register(&mut registry).map_err(load_failure)?;
    for failure in registry.failures() {
        let category = py.get_type::<PyUserWarning>();
        let text = std::ffi::CString::new(failure.to_string())?;
        PyErr::warn(py, &category, &text, 2)?;
    }
    Ok(registry)
}

fn load_failure(error: LoadError) -> PyErr {
    match is_absent(&error) {
        true => PyFileNotFoundError::new_err(error.to_string()),
        false => Error::new_err(error.to_string()),
    }
}

#[pymethods]
impl Plugins {
    /// Those of the search path and those that come with Diph; of `library` alone where one is given.
    #[new]
    #[pyo3(signature = (library = None, folders = Vec::new()))]
    fn new(py: Python<'_>, library: Option<PathBuf>, folders: Vec<PathBuf>) -> PyResult<Self> {
        match library {
            None => registry(py, &folders, &Cancel::default()).map(Self),
            Some(library) => opened(&library).map(Self),
        }
    }

    /// (id, kind, name, summary) of every part.
    fn components(&self) -> Vec<(String, String, String, String)> {
        let told = self.0.components().filter(|component| component.shadowed_by.is_none()).map(|component| {
            let told = component.descriptor;
            (told.id.clone(), told.kind.to_string(), told.name.clone(), told.summary.clone())
        });
        told.collect()
    }

    /// Creates an operator.
    fn operator(
        &self,
        id: &str,
        options: &str,
        arrays: Vec<(String, Bound<'_, PyAny>)>,
        facts: &str,
    ) -> PyResult<Operator> {
        let acquisition = acquisition(arrays, facts)?;
        Ok(Operator::new(self.0.create_operator(id, &json("options", options)?, &acquisition).or_raise()?.into()))
    }

    /// Creates a prior.
    fn prior(&self, id: &str, options: &str, arrays: Vec<(String, Bound<'_, PyAny>)>, facts: &str) -> PyResult<Prior> {
        let acquisition = acquisition(arrays, facts)?;
        Ok(Prior::new(self.0.create_prior(id, &json("options", options)?, &acquisition).or_raise()?))
    }
}

fn opened(library: &Path) -> PyResult<Registry> {
    let mut registry = Registry::new(HostServices::new());
    registry.open(library).map_err(load_failure)?;
    Ok(registry)
}

pub fn json(role: &str, text: &str) -> PyResult<Value> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(format!("{role}: {error}")))
}

/// Named arrays, copied, and facts as JSON.
fn acquisition(arrays: Vec<(String, Bound<'_, PyAny>)>, facts: &str) -> PyResult<Acquisition<'static>> {
    let mut facts: Facts =
        serde_json::from_str(facts).map_err(|error| PyValueError::new_err(format!("facts: {error}")))?;
    facts.fourier_scale.get_or_insert(FourierScale::Unitary);
    arrays.into_iter().try_fold(Acquisition::new(facts), |acquisition, (name, array)| {
        let data = array_data(&name, &array)?;
        Ok(acquisition.with(name, data))
    })
}

fn array_data(name: &str, array: &Bound<'_, PyAny>) -> PyResult<ArrayData<'static>> {
    if let Ok(array) = array.extract::<PyReadonlyArrayDyn<'_, Complex32>>() {
        return Ok(array.as_array().to_owned().into());
    }
    if let Ok(array) = array.extract::<PyReadonlyArrayDyn<'_, f32>>() {
        return Ok(array.as_array().to_owned().into());
    }
    match array.extract::<PyReadonlyArrayDyn<'_, f64>>() {
        Ok(array) => Ok(array.as_array().to_owned().into()),
        Err(_) => Err(PyTypeError::new_err(format!("{name}: expected an array of float32, float64 or complex64"))),
    }
}

//! Dictionaries and matching.

use std::path::PathBuf;

use diph_bloch::{DictionaryGrid, DictionaryMatcher};
use diph_core::{ImageShape, ParameterMaps, PhysicsProjector};
use diph_recon::Cancel;
use diph_recon::acquisition::read_dictionary;
use ndarray::ArrayD;
use num_complex::Complex32;
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayDyn, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArrayDyn, ToPyArray,
};
use pyo3::prelude::*;

use crate::failure::OrRaise;
use crate::interruptible::interruptible;
use crate::sequence::Sequence;

/// Projected image, parameter maps and amplitudes.
type Projected<'py> =
    (Bound<'py, PyArrayDyn<Complex32>>, Bound<'py, PyArrayDyn<f32>>, Bound<'py, PyArrayDyn<Complex32>>);

/// Bloch responses in a temporal subspace, ready for matching.
#[pyclass(frozen, module = "diph._diph")]
pub struct Dictionary(DictionaryMatcher);

impl Dictionary {
    /// The responses themselves.
    pub fn dictionary(&self) -> &diph_bloch::Dictionary {
        self.0.dictionary()
    }

    fn of(dictionary: diph_bloch::Dictionary) -> Self {
        Self(DictionaryMatcher::new(dictionary))
    }
}

#[pymethods]
impl Dictionary {
    /// Simulates the responses of a table (atom, parameter); of the built-in grid for the brain without one.
    #[staticmethod]
    fn simulate(
        py: Python<'_>,
        sequence: &Sequence,
        lut: Option<PyReadonlyArray2<'_, f32>>,
        coefficients: usize,
    ) -> PyResult<Self> {
        let grid = match lut {
            Some(lut) => DictionaryGrid::from_lut(lut.as_array()).or_raise()?,
            None => DictionaryGrid::brain(),
        };
        let (cancel, sequence) = (Cancel::default(), &sequence.0);
        let simulated = interruptible(py, &cancel, || {
            let is_cancelled = || cancel.is_cancelled();
            diph_bloch::Dictionary::simulate_unless(&is_cancelled, sequence, &grid, coefficients).map(Self::of)
        });
        simulated?.or_raise()
    }

    /// From the arrays of the `.mat` layout.
    #[staticmethod]
    fn from_arrays(
        lut: PyReadonlyArray2<'_, f32>,
        d: PyReadonlyArray2<'_, f32>,
        v: PyReadonlyArray2<'_, f32>,
        norm_d: PyReadonlyArray1<'_, f32>,
        coefficients: usize,
    ) -> PyResult<Self> {
        let (lut, d, v, norm_d) = (lut.as_array(), d.as_array(), v.as_array(), norm_d.as_array());
        diph_bloch::Dictionary::from_compressed(lut, d, v, norm_d, coefficients).map(Self::of).or_raise()
    }

    /// From a file.
    #[staticmethod]
    fn read(path: PathBuf, coefficients: usize) -> PyResult<Self> {
        read_dictionary(&path, coefficients).map(Self::of).or_raise()
    }

    /// Number of atoms.
    fn __len__(&self) -> usize {
        self.dictionary().len()
    }

    /// Names of the columns of `lut`.
    #[getter]
    fn parameters(&self) -> Vec<String> {
        self.dictionary().parameters().iter().map(|parameter| parameter.name.clone()).collect()
    }

    /// (atom, parameter).
    #[getter]
    fn lut<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f32>> {
        self.dictionary().lut().to_pyarray(py)
    }

    /// (atom, coefficient).
    #[getter]
    fn atoms<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f32>> {
        self.dictionary().atoms().to_pyarray(py)
    }

    /// (atom).
    #[getter]
    fn norms<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        self.dictionary().norms().to_pyarray(py)
    }

    /// (frame, coefficient).
    #[getter]
    fn basis<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f32>> {
        self.dictionary().basis().to_pyarray(py)
    }

    /// Nearest physical signals of an image, with parameters and amplitudes.
    fn project<'py>(&self, py: Python<'py>, x: PyReadonlyArrayDyn<'py, Complex32>) -> PyResult<Projected<'py>> {
        let (matcher, x) = (&self.0, x.as_array());
        let found = py.detach(move || {
            let (_, image) = ImageShape::split("matching", x.shape())?;
            let mut maps = ParameterMaps::zeros(matcher.parameters().to_vec(), &image);
            let mut z = ArrayD::zeros(x.shape());
            matcher.project(x, z.view_mut(), Some(&mut maps)).map(|()| (z, maps))
        });
        let (z, maps) = found.or_raise()?;
        Ok((z.into_pyarray(py), maps.values.into_pyarray(py), maps.amplitude.into_pyarray(py)))
    }
}

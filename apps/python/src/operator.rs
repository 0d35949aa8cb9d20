//! Acquisition operators.

use std::sync::Arc;

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions};
use diph_core::{ForwardOperator, FourierScale, ImageShape, Space, View, ViewMut};
use diph_nufft::{Accuracy, MrfOperator, MrfOptions, Trajectory};
use num_complex::Complex32;
use numpy::{IntoPyArray, PyArrayDyn, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::failure::OrRaise;

/// A linear operator between two spaces.
#[pyclass(frozen, module = "diph._diph")]
pub struct Operator(Arc<dyn ForwardOperator>);

/// One of the three maps of an operator.
type Map = fn(&dyn ForwardOperator, View<'_>, ViewMut<'_>) -> diph_core::Result<()>;

type Image<'py> = PyReadonlyArrayDyn<'py, Complex32>;

impl Operator {
    /// An operator that a plugin or the library has made.
    pub fn new(operator: Arc<dyn ForwardOperator>) -> Self {
        Self(operator)
    }

    /// Applies `map` without the interpreter's lock; into `out`, where one is given, and otherwise into a new array of `space`.
    fn apply<'py>(
        &self,
        py: Python<'py>,
        map: Map,
        x: &Image<'py>,
        space: &Space,
        out: Option<Bound<'py, PyArrayDyn<Complex32>>>,
    ) -> PyResult<Bound<'py, PyArrayDyn<Complex32>>> {
        let (operator, x) = (&*self.0, x.as_array());
        let Some(out) = out else {
            let result = py.detach(move || {
                let mut result = space.zeros();
                map(operator, x, result.view_mut()).map(|()| result)
            });
            return Ok(result.or_raise()?.into_pyarray(py));
        };
        let mut borrowed = out.try_readwrite()?;
        let view = borrowed.as_array_mut();
        py.detach(move || map(operator, x, view)).or_raise()?;
        drop(borrowed);
        Ok(out)
    }
}

#[pymethods]
impl Operator {
    /// Along any trajectory.
    #[staticmethod]
    #[pyo3(signature = (trajectory, basis, shape, coil_maps, weights, accuracy, unitary))]
    #[expect(clippy::too_many_arguments, reason = "one for each array of an acquisition")]
    fn mrf_nufft(
        py: Python<'_>,
        trajectory: PyReadonlyArray3<'_, f64>,
        basis: PyReadonlyArray2<'_, f32>,
        shape: (usize, usize),
        coil_maps: Option<PyReadonlyArray3<'_, Complex32>>,
        weights: Option<PyReadonlyArray2<'_, f32>>,
        accuracy: f64,
        unitary: bool,
    ) -> PyResult<Self> {
        let options = MrfOptions {
            trajectory: Trajectory::new(trajectory.as_array().to_owned()).or_raise()?,
            basis: basis.as_array().to_owned(),
            height: shape.0,
            width: shape.1,
            weights: weights.map(|weights| weights.as_array().to_owned()),
            coil_maps: coil_maps.map(|maps| maps.as_array().to_owned()),
            accuracy: Accuracy::new(accuracy).or_raise()?,
            normalisation: fourier_scale(unitary),
        };
        Ok(Self(Arc::new(py.detach(move || MrfOperator::new(options)).or_raise()?)))
    }

    /// On the image's grid.
    #[staticmethod]
    #[pyo3(signature = (trajectory, basis, shape, coil_maps, weights, unitary))]
    fn cartesian(
        py: Python<'_>,
        trajectory: PyReadonlyArray3<'_, f64>,
        basis: PyReadonlyArray2<'_, f32>,
        shape: Vec<usize>,
        coil_maps: Option<Image<'_>>,
        weights: Option<PyReadonlyArray2<'_, f32>>,
        unitary: bool,
    ) -> PyResult<Self> {
        let arrays = CartesianArrays {
            trajectory: trajectory.as_array(),
            basis: basis.as_array(),
            coil_maps: coil_maps.as_ref().map(|maps| maps.as_array()),
            weights: weights.as_ref().map(|weights| weights.as_array()),
        };
        let image = image_shape(&shape)?;
        let options = CartesianOptions { image, normalisation: fourier_scale(unitary) };
        Ok(Self(Arc::new(py.detach(move || CartesianOperator::new(arrays, &options)).or_raise()?)))
    }

    /// Short name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Axis lengths of images.
    #[getter]
    fn ishape(&self) -> Vec<usize> {
        self.0.domain().shape()
    }

    /// Axis lengths of samples.
    #[getter]
    fn oshape(&self) -> Vec<usize> {
        self.0.range().shape()
    }

    /// `A x`.
    #[pyo3(signature = (x, out = None))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        x: Image<'py>,
        out: Option<Bound<'py, PyArrayDyn<Complex32>>>,
    ) -> PyResult<Bound<'py, PyArrayDyn<Complex32>>> {
        self.apply(py, |operator, x, y| operator.forward(x, y), &x, self.0.range(), out)
    }

    /// `A^H y`.
    #[pyo3(signature = (y, out = None))]
    fn adjoint<'py>(
        &self,
        py: Python<'py>,
        y: Image<'py>,
        out: Option<Bound<'py, PyArrayDyn<Complex32>>>,
    ) -> PyResult<Bound<'py, PyArrayDyn<Complex32>>> {
        self.apply(py, |operator, y, x| operator.adjoint(y, x), &y, self.0.domain(), out)
    }

    /// `A^H A x`.
    #[pyo3(signature = (x, out = None))]
    fn normal<'py>(
        &self,
        py: Python<'py>,
        x: Image<'py>,
        out: Option<Bound<'py, PyArrayDyn<Complex32>>>,
    ) -> PyResult<Bound<'py, PyArrayDyn<Complex32>>> {
        self.apply(py, |operator, x, out| operator.normal(x, out), &x, self.0.domain(), out)
    }

    /// sqrt(w) in the shape of samples; `None` for unit weights.
    fn data_weights<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArrayDyn<f32>>>> {
        let weights = py.detach(|| self.0.data_weights()).or_raise()?;
        Ok(weights.map(|weights| weights.into_pyarray(py)))
    }
}

/// The factor in front of the Fourier sum.
fn fourier_scale(unitary: bool) -> FourierScale {
    if unitary { FourierScale::Unitary } else { FourierScale::TwiceOversampled }
}

/// The shape of an image, from the lengths that the user gave.
pub fn image_shape(lengths: &[usize]) -> PyResult<ImageShape> {
    ImageShape::try_from(lengths).map_err(|error| PyValueError::new_err(format!("shape: {error}")))
}

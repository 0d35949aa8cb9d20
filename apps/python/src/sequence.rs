//! Sequences and their signals.

use diph_bloch::{EpgFisp, Tissue};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;

use crate::failure::OrRaise;

/// Flip angles and times of an MRF sequence.
#[pyclass(frozen, module = "diph._diph")]
pub struct Sequence(pub(crate) diph_bloch::Sequence);

#[pymethods]
impl Sequence {
    /// From flip angles (rad) and times (s).
    #[new]
    #[pyo3(signature = (flip_angle, tr, te, ti = 0.0, inversion = true))]
    fn new(flip_angle: Vec<f64>, tr: Vec<f64>, te: f64, ti: f64, inversion: bool) -> PyResult<Self> {
        let sequence = diph_bloch::Sequence::new(flip_angle, tr, te, ti).or_raise()?;
        Ok(Self(if inversion { sequence } else { sequence.without_inversion() }))
    }

    /// The built-in schedule of 1000 frames.
    #[staticmethod]
    fn fisp() -> Self {
        Self(diph_bloch::Sequence::fisp())
    }

    /// The public Deli-CS schedule of 500 frames.
    #[staticmethod]
    fn deli_cs() -> Self {
        Self(diph_bloch::Sequence::deli_cs())
    }

    /// The first frames.
    fn truncated(&self, frames: usize) -> PyResult<Self> {
        self.0.clone().truncated(frames).map(Self).or_raise()
    }

    /// Number of frames.
    fn __len__(&self) -> usize {
        self.0.frames()
    }

    /// Flip angle of every frame (rad).
    #[getter]
    fn flip_angle<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.0.flip_angle_rad())
    }

    /// Repetition time of every frame (s).
    #[getter]
    fn tr<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.0.tr_s())
    }

    /// Signals of tissues by extended phase graphs, (tissue, frame).
    fn signals<'py>(
        &self,
        py: Python<'py>,
        t1: Vec<f64>,
        t2: Vec<f64>,
        b1: Vec<f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let tissue = |((t1_s, t2_s), b1)| Tissue { t1_s, t2_s, b1 };
        let tissues: Vec<Tissue> = t1.into_iter().zip(t2).zip(b1).map(tissue).collect();
        let simulator = EpgFisp::new(self.0.clone());
        Ok(py.detach(move || simulator.simulate(&tissues)).or_raise()?.into_pyarray(py))
    }
}

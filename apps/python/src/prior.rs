//! Priors of Diph, called from Python.

use diph_core::{Conditions, PriorContext, Rng, ScheduleEntry};
use ndarray::ArrayD;
use num_complex::Complex32;
use numpy::{IntoPyArray, PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use rand::SeedableRng;

use crate::failure::OrRaise;

/// A denoiser or proximal map.
#[pyclass(frozen, module = "diph._diph")]
pub struct Prior(Box<dyn diph_core::Prior>);

impl Prior {
    /// A prior that a plugin has made.
    pub fn new(prior: Box<dyn diph_core::Prior>) -> Self {
        Self(prior)
    }
}

#[pymethods]
impl Prior {
    /// Short name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// The denoised image. `schedule` is (index, timestep, abar) of an annealed run.
    fn denoise<'py>(
        &self,
        py: Python<'py>,
        noisy: PyReadonlyArrayDyn<'py, Complex32>,
        sigma: f32,
        schedule: Option<(usize, usize, f64)>,
        conditions: Vec<(String, PyReadonlyArrayDyn<'py, Complex32>)>,
        seed: u64,
    ) -> PyResult<Bound<'py, PyArrayDyn<Complex32>>> {
        let noisy = noisy.as_array();
        let conditions: Conditions<'_> =
            conditions.iter().map(|(name, image)| (name.clone(), image.as_array())).collect();
        let (prior, conditions) = (&self.0, &conditions);
        let clean = py.detach(move || {
            let mut clean = ArrayD::zeros(noisy.shape());
            let schedule = schedule.map(|(index, timestep, abar)| ScheduleEntry { index, timestep, abar });
            let mut rng = Rng::seed_from_u64(seed);
            let mut context = PriorContext { schedule, conditions, rng: &mut rng };
            prior.denoise(noisy, sigma, clean.view_mut(), &mut context).map(|_| clean)
        });
        Ok(clean.or_raise()?.into_pyarray(py))
    }

    /// (timestep, abar) of every step of an annealed run, least noisy first.
    fn noise_schedule(&self, py: Python<'_>, steps: usize) -> PyResult<Option<Vec<(usize, f64)>>> {
        let schedule = py.detach(|| self.0.noise_schedule(steps)).or_raise()?;
        Ok(schedule.map(|schedule| schedule.entries.iter().map(|entry| (entry.timestep, entry.abar)).collect()))
    }
}

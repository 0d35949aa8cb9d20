//! Python objects as priors.

use std::sync::{Arc, Mutex, PoisonError};

use diph_core::{Error, NoiseSchedule, Prior, PriorContext, Result, ScheduleEntry, SpatialAxes, View, ViewMut};
use num_complex::Complex32;
use numpy::{IntoPyArray, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rand::Rng;

/// What Python raised inside of a run, kept until the run has ended.
pub type Raised = Arc<Mutex<Option<PyErr>>>;

/// A Python object with `name`, `volumes`, `denoise(noisy, sigma, **context)` and `noise_schedule(steps)`, as `diph.denoisers.as_prior`
/// makes them.
pub struct PythonPrior {
    object: Py<PyAny>,
    name: String,
    axes: SpatialAxes,
    raised: Raised,
}

impl PythonPrior {
    /// The prior, which leaves what Python raises in `raised`.
    pub fn new(object: &Bound<'_, PyAny>, raised: Raised) -> PyResult<Self> {
        let axes = match object.getattr("volumes")?.extract()? {
            true => SpatialAxes::Either,
            false => SpatialAxes::Two,
        };
        Ok(Self { object: object.clone().unbind(), name: object.getattr("name")?.extract()?, axes, raised })
    }

    /// Runs `call` with the interpreter's lock; its exception ends the run with the same words.
    fn call<T>(&self, call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Result<T> {
        Python::attach(|py| {
            call(self.object.bind(py)).map_err(|error| {
                let failure = Error::external(&self.name, error.value(py));
                *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                failure
            })
        })
    }
}

impl Prior for PythonPrior {
    fn name(&self) -> &str {
        &self.name
    }

    fn spatial_axes(&self) -> SpatialAxes {
        self.axes
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        let seed = context.rng.next_u64();
        self.call(|object| {
            let py = object.py();
            let named = PyDict::new(py);
            named.set_item("seed", seed)?;
            if let Some(ScheduleEntry { index, timestep, abar }) = context.schedule {
                named.set_item("index", index)?;
                named.set_item("timestep", timestep)?;
                named.set_item("abar", abar)?;
            }
            for (name, image) in context.conditions {
                named.set_item(name, image.to_owned().into_pyarray(py))?;
            }
            // Python may keep the array, so that it gets one of its own.
            let noisy = noisy.to_owned().into_pyarray(py);
            let result = object.call_method("denoise", (noisy, sigma), Some(&named))?;
            let result: PyReadonlyArrayDyn<'_, Complex32> = result.extract()?;
            let result = result.as_array();
            if result.shape() != clean.shape() {
                let text = format!("expected an image {:?}, got {:?}", clean.shape(), result.shape());
                return Err(PyValueError::new_err(text));
            }
            clean.assign(&result);
            Ok(None)
        })
    }

    fn noise_schedule(&self, steps: usize) -> Result<Option<NoiseSchedule>> {
        let pairs: Option<Vec<(usize, f64)>> =
            self.call(|object| Ok(object.call_method1("noise_schedule", (steps,))?.extract()?))?;
        let entry = |(index, (timestep, abar))| ScheduleEntry { index, timestep, abar };
        Ok(pairs.map(|pairs| NoiseSchedule { entries: pairs.into_iter().enumerate().map(entry).collect() }))
    }
}

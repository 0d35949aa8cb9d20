//! Whole reconstructions: from arrays to maps, by the methods of the command line.

use std::path::PathBuf;
use std::sync::PoisonError;

use diph_core::{PlaneWise, StopReason};
use diph_datasets::QuantitativeMaps;
use diph_nufft::Trajectory;
use diph_plugin_host::Registry;
use diph_recon::acquisition::{CoilEstimate, density_compensation};
use diph_recon::config::Override;
use diph_recon::provenance::{PluginFile, Provenance};
use diph_recon::reconstruction::{Reconstructor, Step};
use diph_recon::slices::Truth;
use diph_recon::{
    Acquisition, Blame, Cancel, Evaluation, Method, Parts, ReconError, Reconstruction, quantitative_maps,
};
use num_complex::Complex32;
use numpy::{IntoPyArray, PyReadonlyArray2, PyReadonlyArray3, PyReadonlyArrayDyn};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use crate::dictionary::Dictionary;
use crate::failure::{Error, OrRaise};
use crate::interruptible::interruptible;
use crate::operator::image_shape;
use crate::plugins::{json, registry};
use crate::python_prior::{PythonPrior, Raised};

type Floats<'py> = PyReadonlyArrayDyn<'py, f32>;
type Complexes<'py> = PyReadonlyArrayDyn<'py, Complex32>;

/// What was measured.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Measured<'py> {
    kspace: PyReadonlyArray3<'py, Complex32>,
    trajectory: PyReadonlyArray3<'py, f64>,
    shape: Vec<usize>,
    weights: Option<PyReadonlyArray2<'py, f32>>,
    coil_maps: Option<Complexes<'py>>,
}

/// Maps that are known to be true, and where they count.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Reference<'py> {
    t1: Floats<'py>,
    t2: Floats<'py>,
    pd: Complexes<'py>,
    mask: PyReadonlyArrayDyn<'py, bool>,
}

/// Which method, and how it runs.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Run<'py> {
    method: String,
    settings: Vec<(String, String)>,
    seed: u64,
    prior: Option<Bound<'py, PyAny>>,
    plugin_dirs: Vec<PathBuf>,
    progress: Option<Py<PyAny>>,
    reference: Option<Reference<'py>>,
}

/// What a run gives.
struct Found {
    reconstruction: Reconstruction,
    evaluation: Evaluation,
    provenance: Provenance,
}

/// Reconstructs one slice or volume.
#[pyfunction]
pub fn reconstruct<'py>(
    py: Python<'py>,
    measured: Measured<'py>,
    dictionary: &Dictionary,
    run: Run<'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let settings = run.settings.iter().map(|(key, text)| Ok(Override::new(key, json(key, text)?)));
    let settings = settings.collect::<PyResult<Vec<_>>>()?;
    let mut method = Method::read(&run.method, &settings).map_err(ReconError::from).or_raise()?;
    method.check_overrides(&settings).map_err(ReconError::from).or_raise()?;
    let (cancel, raised) = (Cancel::default(), Raised::default());
    let registry = registry(py, &run.plugin_dirs, &cancel)?;
    let prior = run.prior.as_ref().map(|prior| PythonPrior::new(prior, raised.clone())).transpose()?;
    if prior.is_some() {
        method.prior = None;
    }
    let acquisition = acquisition(&measured, dictionary)?;
    let truth = run.reference.as_ref().map(truth).transpose()?;
    let samples = measured.kspace.as_array().into_dyn();
    let mut on_step = |step: &Step<'_>| tell(run.progress.as_ref(), step, &raised);
    let job = Job { registry: &registry, method: &method, truth: truth.as_ref(), cancel: &cancel, seed: run.seed };
    let found = interruptible(py, &cancel, || job.run(acquisition, prior, samples, &mut on_step))?;
    if let Some(error) = raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    result(py, found.or_raise()?)
}

struct Job<'a> {
    registry: &'a Registry,
    method: &'a Method,
    truth: Option<&'a Truth>,
    cancel: &'a Cancel,
    seed: u64,
}

impl Job<'_> {
    fn run(
        &self,
        mut acquisition: Acquisition,
        prior: Option<PythonPrior>,
        samples: diph_core::View<'_>,
        tell: &mut (dyn FnMut(&Step<'_>) -> diph_core::Result<()> + Send),
    ) -> Result<Found, ReconError> {
        let (name, method) = (&self.method.name, self.method);
        let kspace = samples.view().into_dimensionality().step(name)?;
        if acquisition.coil_maps.is_none() && samples.shape()[0] > 1 {
            acquisition =
                Parts::with_estimated_coils(self.registry, method, &acquisition, kspace, CoilEstimate::default())?;
        }
        let mut configuration = serde_json::to_value(method).step(name)?;
        let mut parts = Parts::create(self.registry, method, &acquisition).step(name)?;
        if let Some(prior) = prior {
            configuration["prior"] = serde_json::json!({ "python": diph_core::Prior::name(&prior) });
            parts = parts.with_prior(PlaneWise::fitted(Box::new(prior), &acquisition.image).step(name)?);
        }
        let reconstructor = Reconstructor::new(method, &parts, samples.view()).step(name)?;
        let reconstruction = reconstructor.run(self.seed, &mut |step| {
            tell(step)?;
            Ok(self.cancel.flow())
        });
        let reconstruction = reconstruction.step(name)?;
        self.cancel.check()?;
        if matches!(reconstruction.stop, StopReason::Breakdown(_)) {
            let message =
                "the solver broke down, its result is not to be used; check the step and the weights".to_owned();
            return Err(message).step(name);
        }
        let evaluation = Evaluation::of(&reconstruction, parts.unweighted(), samples, self.truth).step(name)?;
        let mut provenance = Provenance::new(&[], configuration, self.seed);
        provenance.plugins = parts.provenance().iter().map(PluginFile::of).collect();
        Ok(Found { reconstruction, evaluation, provenance })
    }
}

/// The acquisition, with density compensation where the user gave no weights.
fn acquisition(measured: &Measured<'_>, dictionary: &Dictionary) -> PyResult<Acquisition> {
    let image = image_shape(&measured.shape)?;
    let trajectory = measured.trajectory.as_array().to_owned();
    let density_compensation = match &measured.weights {
        Some(weights) => weights.as_array().to_owned(),
        None if image.is_volume() => {
            let text = "weights: expected an array (frame, sample) with the trajectory of a volume: density compensation is \
                        computed for planes only; give ones where samples fill the grid evenly";
            return Err(PyValueError::new_err(text));
        }
        None => density_compensation(&Trajectory::new(trajectory.clone()).or_raise()?, &image).or_raise()?,
    };
    let coil_maps = measured.coil_maps.as_ref().map(|maps| maps.as_array().to_owned());
    Ok(Acquisition { trajectory, density_compensation, dictionary: dictionary.dictionary().clone(), coil_maps, image })
}

fn truth(reference: &Reference<'_>) -> PyResult<Truth> {
    let [t1, t2] = [&reference.t1, &reference.t2].map(|map| map.as_array().to_owned());
    let maps = QuantitativeMaps::new(t1, t2, reference.pd.as_array().to_owned());
    let maps = maps.map_err(|error| PyValueError::new_err(format!("reference: {error}")))?;
    Ok(Truth { maps, mask: reference.mask.as_array().to_owned(), tsmi: None })
}

/// Tells Python of a step; what it raises ends the run.
fn tell(progress: Option<&Py<PyAny>>, step: &Step<'_>, raised: &Raised) -> diph_core::Result<()> {
    let Some(progress) = progress else { return Ok(()) };
    Python::attach(|py| {
        let told = progress.call1(py, (step.iteration, step.max_iterations, step.relative_change));
        told.map(drop).map_err(|error| {
            let failure = diph_core::Error::external("progress", error.value(py));
            *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            failure
        })
    })
}

fn result<'py>(py: Python<'py>, found: Found) -> PyResult<Bound<'py, PyDict>> {
    let Found { reconstruction, evaluation, provenance } = found;
    let maps = quantitative_maps(&reconstruction.maps).or_raise()?;
    let text = |value: serde_json::Result<Value>| {
        value.map(|value| value.to_string()).map_err(|error| Error::new_err(error.to_string()))
    };
    let result = PyDict::new(py);
    result.set_item("t1", maps.t1.into_pyarray(py))?;
    result.set_item("t2", maps.t2.into_pyarray(py))?;
    result.set_item("pd", maps.pd.into_pyarray(py))?;
    result.set_item("tsmi", reconstruction.tsmi.into_pyarray(py))?;
    result.set_item("iterations", reconstruction.iterations)?;
    result.set_item("seconds", reconstruction.elapsed.as_secs_f64())?;
    result.set_item("metrics", text(serde_json::to_value(&evaluation))?)?;
    result.set_item("provenance", text(serde_json::to_value(&provenance))?)?;
    Ok(result)
}

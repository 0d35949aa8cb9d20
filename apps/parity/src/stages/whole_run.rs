//! Whole runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use diph_core::{AnnealedState, ForwardOperator, ImageShape, ParameterMaps, metrics};
use diph_datasets::QuantitativeMaps;
use ndarray::{Array2, ArrayD, Ix2, Ix3};
use num_complex::Complex32;

use crate::recorded_run::network_of;
use crate::relative_error::{relative_error, worst};
use crate::{Comparison, RecordedRun, RecordedSampler, Reference, RunMetrics, Stage};
use diph_recon::{Blame, ReconError};

const TSMI: &str = "tsmi_ref_*.npz";
const MAPS: &str = "qmaps_*.npz";
const MASK: &str = "mask_*.npz";
/// Below the spacing of any dictionary's parameters, above rounding.
const SAME_ATOM: f64 = 1e-6;

/// A whole run with the recorded noise: metrics of every step, and the final images.
pub struct WholeRun {
    /// Name of the run in its files.
    pub tag: String,
}

/// What the metrics of a step are measured against, in units of the reference factor.
struct Truth {
    tsmi: ArrayD<Complex32>,
    maps: QuantitativeMaps,
    mask: Array2<bool>,
    samples: ArrayD<Complex32>,
    operator: Arc<dyn ForwardOperator>,
}

impl WholeRun {
    fn file(&self) -> String {
        format!("mrfdiph_{}.npz", self.tag)
    }
}

impl Stage for WholeRun {
    fn name(&self) -> String {
        format!("whole run, {}", self.tag)
    }

    fn files(&self) -> Vec<String> {
        let mut files = RecordedSampler::files(network_of(&self.tag));
        files.extend([TSMI, MAPS, MASK].map(String::from));
        files.push(self.file());
        files
    }

    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError> {
        let meta = reference.folder.meta()?;
        let run = meta.run(&self.tag)?;
        let sampler = RecordedSampler::new(reference, &meta, run)?;
        let truth = Truth::read(reference, &sampler, meta.ref_factor)?;
        let (mut state, mut maps) = (sampler.start()?, None);
        let mut ours = Vec::new();
        for theirs in &run.log {
            reference.cancel.check()?;
            sampler.step(&mut state)?;
            let found = maps_of(&sampler, &state)?;
            ours.push(truth.metrics(theirs.i, &state, &found)?);
            maps = Some(found);
        }
        let mut comparisons = compare_metrics(run, &ours);
        comparisons.extend(self.compare_images(reference, run, &state)?);
        if let Some(maps) = &maps {
            comparisons.extend(self.compare_maps(reference, run, maps, &truth.mask)?);
        }
        Ok(comparisons)
    }
}

impl WholeRun {
    fn compare_images(
        &self,
        reference: &Reference<'_>,
        run: &RecordedRun,
        state: &AnnealedState,
    ) -> Result<Vec<Comparison>, ReconError> {
        let (folder, file, shape) = (&reference.folder, self.file(), state.x_t.shape());
        let tolerance = Tolerances::of(run).image;
        let compare = |name, theirs, ours| {
            let name: &str = name;
            Comparison::error(format!("final {name}"), relative_error(&theirs, ours), tolerance)
        };
        Ok(vec![
            compare("x_tilde", folder.complex(&file, "x_tilda", shape)?, &state.x_tilde),
            compare("x_hat", folder.complex(&file, "x_hat", shape)?, &state.x_hat),
            compare("z", folder.complex(&file, "z_t", shape)?, &RecordedSampler::physics(state)?.z),
            compare("x_t", folder.channels(&file, "x_t", shape)?, &state.x_t),
        ])
    }

    /// Voxels with another value, not errors: a voxel whose atom differs can be off by any amount.
    fn compare_maps(
        &self,
        reference: &Reference<'_>,
        run: &RecordedRun,
        maps: &ParameterMaps,
        mask: &Array2<bool>,
    ) -> Result<Vec<Comparison>, ReconError> {
        let (folder, file) = (&reference.folder, self.file());
        let qmaps = folder.array::<f32, Ix3>(&file, "qmaps", "(T1 T2 RePD ImPD, y, x)")?;
        let theirs = QuantitativeMaps::from_stacked(qmaps.view().into_dyn()).file(&folder.path(&file)?)?;
        let (height, width) = mask.dim();
        folder.check_shape(&file, "qmaps", &[4, height, width], qmaps.shape())?;
        let compare = |name: &str, theirs: &ArrayD<f32>| -> Result<Comparison, ReconError> {
            let ours = maps.parameter(name).step("comparing maps")?;
            let errors = metrics::absolute_percentage_errors(theirs, ours, mask);
            let equal = errors.iter().filter(|error| **error < SAME_ATOM).count();
            let limit = (errors.len() as f64 * Tolerances::of(run).flips) as usize;
            let other = Comparison::count(format!("final {name}, voxels with another"), errors.len() - equal, limit);
            let median = metrics::median(&errors);
            Ok(other.with_note(format!("of {} voxels of the mask; median error {median:.1e}", errors.len())))
        };
        Ok(vec![compare("T1", &theirs.t1)?, compare("T2", &theirs.t2)?])
    }
}

fn maps_of(sampler: &RecordedSampler, state: &AnnealedState) -> Result<ParameterMaps, ReconError> {
    if let Some(maps) = &RecordedSampler::physics(state)?.maps {
        return Ok(maps.clone());
    }
    let [height, width] = sampler.acquisition().image.plane_lengths();
    let mut maps = ParameterMaps::zeros(sampler.projector().parameters().to_vec(), &ImageShape::plane(height, width));
    let mut projected = ArrayD::zeros(state.x_hat.raw_dim());
    sampler.projector().project(state.x_hat.view(), projected.view_mut(), Some(&mut maps)).step("matching")?;
    Ok(maps)
}

impl Truth {
    fn read(reference: &Reference<'_>, sampler: &RecordedSampler, factor: f32) -> Result<Self, ReconError> {
        let folder = &reference.folder;
        let domain = sampler.operator().domain().shape().to_vec();
        let operator = reference.operator(sampler.acquisition(), false)?;
        let maps = folder.array::<f32, Ix3>(MAPS, "qmaps", "(T1 T2 RePD ImPD, y, x)")?;
        let maps = QuantitativeMaps::from_stacked(maps.view().into_dyn()).file(&folder.path(MAPS)?)?;
        let mask = folder.array::<bool, Ix2>(MASK, "mask", "(y, x)")?;
        let [height, width] = sampler.acquisition().image.plane_lengths();
        folder.check_shape(MAPS, "qmaps", &[height, width], maps.t1.shape())?;
        folder.check_shape(MASK, "mask", &[height, width], mask.shape())?;
        Ok(Self {
            tsmi: folder.complex(TSMI, "tsmi_ref", &domain)?.mapv(|value| value / factor),
            maps,
            mask,
            samples: reference.samples(&*operator)?.mapv(|value| value / factor),
            operator,
        })
    }

    fn metrics(&self, i: usize, state: &AnnealedState, maps: &ParameterMaps) -> Result<RunMetrics, ReconError> {
        let mut kspace = self.operator.range().zeros();
        self.operator.forward(state.x_hat.view(), kspace.view_mut()).step("forward")?;
        let mape = |name, reference: &ArrayD<f32>| -> Result<f64, ReconError> {
            let values = maps.parameter(name).step("metrics")?;
            Ok(metrics::mean(&metrics::absolute_percentage_errors(reference, values, &self.mask)))
        };
        Ok(RunMetrics {
            i,
            nrmse_xtilda: relative_error(&self.tsmi, &state.x_tilde),
            nrmse_xhat: relative_error(&self.tsmi, &state.x_hat),
            nrmse_zt: relative_error(&self.tsmi, &RecordedSampler::physics(state)?.z),
            nrmse_kspace_xhat: relative_error(&self.samples, &kspace),
            mape_t1: mape("T1", &self.maps.t1)?,
            mape_t2: mape("T2", &self.maps.t2)?,
        })
    }
}

/// A metric of a step, ours and theirs.
#[derive(Clone, Copy)]
struct Pair {
    step: usize,
    ours: f64,
    theirs: f64,
}

impl Pair {
    fn deviation(&self) -> f64 {
        (self.ours / self.theirs - 1.0).abs()
    }
}

/// For each metric the step at which it is farthest from the recorded one; then the last step.
fn compare_metrics(run: &RecordedRun, ours: &[RunMetrics]) -> Vec<Comparison> {
    let mut by_metric: BTreeMap<&str, Vec<Pair>> = BTreeMap::new();
    for (ours, theirs) in ours.iter().zip(&run.log) {
        for ((name, ours), (_, expected)) in ours.named().into_iter().zip(theirs.named()) {
            by_metric.entry(name).or_default().push(Pair { step: theirs.i, ours, theirs: expected });
        }
    }
    let tolerances = Tolerances::of(run);
    let compare = |(name, pairs): (&&str, &Vec<Pair>)| {
        let farthest = pairs.iter().max_by(|a, b| a.deviation().total_cmp(&b.deviation()))?;
        let tolerance = tolerances.of_metric(name);
        let Pair { step, ours, theirs } = farthest;
        let note = format!("farthest at step {step}: {ours:.4} / {theirs:.4}");
        Some(Comparison::error(format!("{name}, every step"), farthest.deviation(), tolerance).with_note(note))
    };
    let mut comparisons: Vec<Comparison> = by_metric.iter().filter_map(compare).collect();
    let last = by_metric.values().filter_map(|pairs| Some(pairs.last()?.deviation()));
    comparisons.push(Comparison::error("all metrics, last step", worst(last), tolerances.last));
    comparisons
}

/// What a run may differ by, about twice what it differs by.
struct Tolerances {
    t1: f64,
    /// The mean error of T2 is ruled by the few voxels of lowest T2, so that in the noisy steps single atoms show in it.
    t2: f64,
    /// NRMSE of images and k-space.
    nrmse: f64,
    /// All metrics of the last step.
    last: f64,
    /// Errors of images add up over all voxels, other than those of metrics, which average over them.
    image: f64,
    /// Share of the voxels of the mask with another atom in the end.
    flips: f64,
}

impl Tolerances {
    /// Matching decides between atoms that fit nearly equally well, and the loop amplifies the difference, the more the weaker
    /// the prior's pull: with a fixed gamma, a third of the voxels end at another atom. Without matching in the loop nothing is
    /// amplified.
    fn of(run: &RecordedRun) -> Self {
        match run.dict_match {
            false => Self { t1: 0.012, t2: 0.04, nrmse: 1e-4, last: 1.5e-3, image: 2e-4, flips: 0.002 },
            true if run.lmbda <= 1e-4 => Self { t1: 0.035, t2: 0.1, nrmse: 4e-3, last: 0.025, image: 0.05, flips: 0.2 },
            true => Self { t1: 0.04, t2: 0.09, nrmse: 0.02, last: 0.06, image: 0.5, flips: 0.6 },
        }
    }

    fn of_metric(&self, name: &str) -> f64 {
        match name {
            "mape_t1" => self.t1,
            "mape_t2" => self.t2,
            _ => self.nrmse,
        }
    }
}

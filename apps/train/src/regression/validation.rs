//! How well the network answers what it has not seen, beside methods without it.

use diph_datasets::QuantitativeMaps;
use diph_plugin_host::Registry;
use diph_recon::config::Override;
use diph_recon::evaluation::VoxelErrors;
use diph_recon::{Blame, DEFAULT_OPERATOR, Method, Parts, ReconError, Reconstruction, quantitative_maps, reconstruct};
use diph_regression::RegressionNetwork;
use ndarray::{Array3, ArrayD, Ix3};
use num_complex::Complex32;
use serde::Serialize;
use serde_json::json;

use super::first_stage::{Explained, FirstStage};
use super::samples::HeldOut;
use super::{RegressionData, RegressionRunConfig};

const RECONSTRUCTING: &str = "reconstructing held-out slices";

/// Bounds in seconds between the ranges of true T1 and T2 that errors are told for, beside all: about white matter, grey matter,
/// mixtures and fluid.
const T1_BOUNDS: [f32; 3] = [1.0, 1.6, 2.5];
const T2_BOUNDS: [f32; 3] = [0.03, 0.06, 0.12];

/// One line of `validation.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidationRow {
    /// Step of the network; 0 for methods without one.
    pub step: u64,
    /// `unet`, or the method beside it.
    pub method: String,
    /// What was held out: `maps` of volumes, or `phantom`.
    pub held_out: &'static str,
    /// `T1` or `T2`.
    pub map: &'static str,
    /// Range of true values, `all` for every voxel.
    pub range: String,
    /// The errors over all held-out voxels of the mask in that range.
    #[serde(flatten)]
    pub errors: VoxelErrors,
}

impl ValidationRow {
    /// Names of the columns.
    pub const HEADER: &str =
        "step,method,held_out,map,range_s,voxels,mape_percent,bias_percent,median_ape_percent,median_bias_percent";

    /// The row as a line of the file.
    pub fn line(&self) -> String {
        let Self { step, method, held_out, map, range, errors } = self;
        let VoxelErrors { voxels, mape_percent, bias_percent, median_ape_percent, median_bias_percent } = errors;
        format!(
            "{step},{method},{held_out},{map},{range},{voxels},{mape_percent:.3},{bias_percent:.3},\
             {median_ape_percent:.3},{median_bias_percent:.3}\n"
        )
    }
}

/// A held-out slice and the image that the network sees of it.
struct Case {
    held_out: &'static str,
    truth: QuantitativeMaps,
    mask: ArrayD<bool>,
    image: Array3<Complex32>,
    /// For a second stage, what the first made of the image.
    explained: Option<Explained>,
}

/// Held-out slices, each measured once.
pub(super) struct Validation {
    cases: Vec<Case>,
}

impl Validation {
    /// Measures the held-out slices, and reconstructs them without a network: with `mmse` always, for its image is what the
    /// network sees, and with `lrtv` where `with_lrtv`. Gives the errors of these methods.
    pub fn new(
        registry: &Registry,
        data: &RegressionData,
        config: &RegressionRunConfig,
        with_lrtv: bool,
    ) -> Result<(Self, Vec<ValidationRow>), ReconError> {
        let mmse = method("mmse", config)?;
        let lrtv = with_lrtv.then(|| method("lrtv", config)).transpose()?;
        let methods: Vec<&Method> = [Some(&mmse), lrtv.as_ref()].into_iter().flatten().collect();
        let first = FirstStage::open(config, &data.acquisition.dictionary)?;
        let (mut cases, mut rows) = (Vec::new(), Vec::new());
        for held_out in &data.held_out {
            let found = reconstructions(registry, held_out, &methods, config.training.seed)?;
            rows.extend(rows_of(held_out, &methods, &found, config.mask_threshold)?);
            let of_mmse = found.into_iter().next().unwrap_or_default();
            for (index, (truth, reconstruction)) in held_out.maps.iter().zip(of_mmse).enumerate() {
                let image = reconstruction.x_hat.into_dimensionality::<Ix3>().step(RECONSTRUCTING)?;
                let (mask, truth) = (truth.mask(config.mask_threshold), truth.clone());
                let explain =
                    |first: &FirstStage| held_out.explained(first, held_out.samples(index)?.view(), image.view());
                let explained = first.as_ref().map(explain).transpose().step(RECONSTRUCTING)?;
                cases.push(Case { held_out: held_out.kind, truth, mask, image, explained });
            }
        }
        Ok((Self { cases }, rows))
    }

    /// The errors of a network, without mirror images; of a second stage without the mean with the first.
    pub fn run(&self, step: u64, network: &RegressionNetwork) -> Result<Vec<ValidationRow>, ReconError> {
        let mut found = Vec::new();
        for case in &self.cases {
            let explained = case.explained.as_ref().map(|Explained { maps, residual }| (residual.view(), maps));
            let maps = network.maps(case.image.view(), explained, false).step("validating the network")?;
            found.push(QuantitativeMaps { t1: maps.t1.into_dyn(), t2: maps.t2.into_dyn(), pd: maps.pd.into_dyn() });
        }
        let mut kinds: Vec<&str> = self.cases.iter().map(|case| case.held_out).collect();
        kinds.dedup();
        let of_kind = |kind: &'static str| {
            let pairs = self.cases.iter().zip(&found).filter(|(case, _)| case.held_out == kind);
            errors(step, "unet", kind, pairs.map(|(case, maps)| (&case.truth, &case.mask, maps)))
        };
        Ok(kinds.into_iter().flat_map(of_kind).collect())
    }
}

/// Errors of methods on the held-out slices of a regression run's data.
///
/// # Errors
/// Naming the method or the plugin to blame.
pub fn judge_methods(
    registry: &Registry,
    data: &RegressionData,
    config: &RegressionRunConfig,
    methods: &[&Method],
) -> Result<Vec<ValidationRow>, ReconError> {
    let mut rows = Vec::new();
    for held_out in &data.held_out {
        let found = reconstructions(registry, held_out, methods, config.training.seed)?;
        rows.extend(rows_of(held_out, methods, &found, config.mask_threshold)?);
    }
    Ok(rows)
}

/// The reconstructions of held-out slices by every method: (method, slice).
fn reconstructions(
    registry: &Registry,
    held_out: &HeldOut,
    methods: &[&Method],
    seed: u64,
) -> Result<Vec<Vec<Reconstruction>>, ReconError> {
    let measure = |index| held_out.samples(index).step("measuring held-out slices");
    let samples = (0..held_out.maps.len()).map(measure).collect::<Result<Vec<_>, _>>()?;
    let of_method = |method: &&Method| {
        let parts = Parts::create(registry, method, &held_out.acquisition).step(RECONSTRUCTING)?;
        samples.iter().map(|samples| reconstruct(method, &parts, samples.view(), seed)).collect()
    };
    methods.iter().map(of_method).collect()
}

fn rows_of(
    held_out: &HeldOut,
    methods: &[&Method],
    found: &[Vec<Reconstruction>],
    mask_threshold: f32,
) -> Result<Vec<ValidationRow>, ReconError> {
    let mut rows = Vec::new();
    for (method, reconstructions) in methods.iter().zip(found) {
        let mut pairs = Vec::new();
        for (truth, reconstruction) in held_out.maps.iter().zip(reconstructions) {
            let maps = quantitative_maps(&reconstruction.maps).step(RECONSTRUCTING)?;
            pairs.push((truth, truth.mask(mask_threshold), maps));
        }
        let pairs = pairs.iter().map(|(truth, mask, maps)| (*truth, mask, maps));
        rows.extend(errors(0, &method.name, held_out.kind, pairs));
    }
    Ok(rows)
}

/// A method as this run uses it: with its operator and its spectrum.
fn method(name: &str, config: &RegressionRunConfig) -> Result<Method, ReconError> {
    let mut changes = Vec::new();
    if config.data.operator != DEFAULT_OPERATOR {
        changes.push(Override::new("operator", json!({ "id": config.data.operator, "options": {} })));
    }
    if let (Some(path), "mmse") = (&config.spectrum, name) {
        changes.push(Override::new("prior.options.spectrum", json!(path)));
    }
    Ok(Method::read(name, &changes)?)
}

/// The rows of a method: errors over the voxels of all cases, and over those of every range.
fn errors<'a>(
    step: u64,
    method: &str,
    held_out: &'static str,
    found: impl Iterator<Item = (&'a QuantitativeMaps, &'a ArrayD<bool>, &'a QuantitativeMaps)>,
) -> Vec<ValidationRow> {
    let (mut t1, mut t2) = (Vec::new(), Vec::new());
    for (truth, mask, maps) in found {
        t1.extend(relative_errors(&truth.t1, &maps.t1, mask));
        t2.extend(relative_errors(&truth.t2, &maps.t2, mask));
    }
    let mut rows = Vec::new();
    for (map, errors, bounds) in [("T1", t1, T1_BOUNDS), ("T2", t2, T2_BOUNDS)] {
        let mut row = |range: String, errors: &[f64]| {
            rows.extend(VoxelErrors::of(errors).map(|errors| ValidationRow {
                step,
                method: method.into(),
                held_out,
                map,
                range,
                errors,
            }));
        };
        let of = |least: f32, greatest: f32| -> Vec<f64> {
            errors.iter().filter(|(truth, _)| (least..greatest).contains(truth)).map(|(_, error)| *error).collect()
        };
        row("all".into(), &of(0.0, f32::INFINITY));
        let edges: Vec<f32> = [0.0].into_iter().chain(bounds).collect();
        for (index, least) in edges.iter().enumerate() {
            match edges.get(index + 1) {
                Some(greatest) => row(format!("{least}-{greatest}"), &of(*least, *greatest)),
                None => row(format!("{least}-"), &of(*least, f32::INFINITY)),
            }
        }
    }
    rows
}

/// True values of the mask that are not 0, each with the signed relative error.
fn relative_errors(truth: &ArrayD<f32>, found: &ArrayD<f32>, mask: &ArrayD<bool>) -> Vec<(f32, f64)> {
    let inside = truth.iter().zip(found).zip(mask).filter(|((truth, _), inside)| **inside && **truth > 0.0);
    inside.map(|((truth, found), _)| (*truth, f64::from(found - truth) / f64::from(*truth))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_for_all_and_for_every_range() {
        let truth = QuantitativeMaps {
            t1: ArrayD::from_shape_vec(vec![1, 4], vec![0.8, 1.2, 3.0, 0.9]).unwrap(),
            t2: ArrayD::from_elem(vec![1, 4], 0.05),
            pd: ArrayD::from_elem(vec![1, 4], Complex32::ONE),
        };
        let mut found = truth.clone();
        (found.t1[[0, 0]], found.t1[[0, 1]], found.t1[[0, 3]]) = (0.4, 1.8, 90.0);
        let mask = ArrayD::from_shape_vec(vec![1, 4], vec![true, true, true, false]).unwrap();
        let rows = errors(7, "unet", "maps", [(&truth, &mask, &found)].into_iter());
        let row = |map: &str, range: &str| rows.iter().find(|row| row.map == map && row.range == range).unwrap().errors;
        let all = row("T1", "all");
        assert_eq!(all.voxels, 3);
        assert!((all.mape_percent - 100.0 / 3.0).abs() < 1e-3 && all.bias_percent.abs() < 1e-3, "{all:?}");
        assert!((row("T1", "0-1").bias_percent + 50.0).abs() < 1e-3);
        assert!((row("T1", "1-1.6").median_bias_percent - 50.0).abs() < 1e-3);
        assert_eq!(row("T2", "0.03-0.06").voxels, 3);
        assert!(!rows.iter().any(|row| row.map == "T2" && row.range == "0-0.03"), "no voxel, no row");
        assert_eq!(rows[0].line().matches(',').count(), ValidationRow::HEADER.matches(',').count());
    }
}

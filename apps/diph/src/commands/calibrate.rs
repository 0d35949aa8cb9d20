//! `diph calibrate`: what the deviations of posterior samples are worth.

use std::fmt::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, SliceId};
use diph_formats::check_writable_folder;
use diph_plugin_host::Registry;
use diph_recon::acquisition::{Fingerprint, MeasurementSource};
use diph_recon::evaluation::whole_head;
use diph_recon::study::StoredSlice;
use diph_recon::uncertainty::{Calibration, CalibrationSource, Coverage, ErrorPairs, Reliability};
use diph_recon::{Blame, Method, ReconError, parameter_maps, write_bytes, write_json};
use diph_render::reliability_figure;
use serde::Serialize;

use super::compare::read_methods;
use super::{MeasurementArgs, Work};
use crate::Context;
use crate::output::{AppError, Table};
use crate::study_output::StudyOutput;

/// Arguments of `diph calibrate`.
#[derive(Args, Debug)]
pub struct CalibrateArgs {
    /// Which measurement: slices with reference maps, of people that nothing was trained on and that no result is shown of
    #[command(flatten)]
    pub measurement: MeasurementArgs,
    /// Methods that draw samples: built-in names or method files, separated by commas
    #[arg(long, value_name = "NAME|FILE.json,..", value_delimiter = ',', required = true)]
    pub methods: Vec<String>,
    /// Folder for calibrations, tables, plots and results
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Samples to take deviations over
    #[arg(long, value_name = "N", default_value = "8", value_parser = parse_samples)]
    pub samples: NonZero<usize>,
    /// Bring slices to these brightnesses first, the median of |PD| over tissue, so that the calibration holds for other people and
    /// receivers; needs --simulate
    #[arg(long, value_name = "PD,PD,..", value_delimiter = ',', value_parser = parse_brightness, requires = "simulate")]
    pub brightness: Vec<f32>,
}

/// What was found of a method: a part of `reliability.json`.
#[derive(Serialize)]
struct Calibrated {
    method: String,
    voxels: usize,
    maps: [Reliability; 3],
}

/// Slices and their acquisition.
struct Data<'a> {
    folder: &'a DatasetFolder,
    slices: &'a [SliceId],
    /// Its fingerprint.
    acquisition: String,
}

impl CalibrateArgs {
    /// Runs what is missing and writes for every method `calibration.json`, `method.json` with it, `reliability.json`, `.csv` and `.png`.
    ///
    /// # Errors
    /// Naming the flag, the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let methods = read_methods(&self.methods)?;
        if let Some(method) = methods.iter().find(|method| !method.solver.draws_samples()) {
            let message =
                format!("`{}` has no posterior to sample from, so that there is nothing to calibrate", method.name);
            return Err(AppError::usage("--methods", message));
        }
        let opened = self.measurement.open(context)?;
        let from = opened.source();
        let Some(folder) = from.folder() else {
            let message = "expected a data folder with reference maps; name one with --dataset instead";
            return Err(AppError::usage("--kspace", message));
        };
        check_writable_folder(&self.out).file(&self.out)?;
        let slices = self.measurement.selected(from)?;
        for id in &slices {
            if !folder.maps_path(*id).exists() {
                return Err(ReconError::input(&folder.maps_path(*id), "expected reference maps of every slice").into());
            }
        }
        let acquisition = self.measurement.source(from).read(image_of(folder, &slices)?, &context.cancel)?;
        let registry = self.measurement.registry(context)?;
        let data = Data { folder, slices: &slices, acquisition: Fingerprint::of(&acquisition).text() };
        let calibrate = |method| self.calibrate(context, &registry, &data, method);
        let calibrated = methods.into_iter().map(calibrate).collect::<Result<Vec<_>, _>>()?;
        context.output.result(&calibrated, || summary(&calibrated, &self.out))
    }

    fn calibrate(
        &self,
        context: &Context,
        registry: &Registry,
        data: &Data<'_>,
        mut method: Method,
    ) -> Result<Calibrated, AppError> {
        let (folder, slices) = (data.folder, data.slices);
        // What is fitted is what samples say of themselves.
        method.calibration = None;
        let out = self.out.join(&method.name);
        let mut observer = StudyOutput::new(&context.output);
        let mut pairs = ErrorPairs::default();
        let brightnesses: Vec<Option<f32>> = match self.brightness.is_empty() {
            true => vec![None],
            false => self.brightness.iter().copied().map(Some).collect(),
        };
        for brightness in brightnesses {
            let results = out.join(brightness.map_or("as-measured".into(), |value| format!("brightness-{value}")));
            let work = Work { method: &method, overrides: &[], samples: self.samples, brightness, out: &results };
            let from = MeasurementSource::Folder(folder);
            self.measurement.resume(context, registry, from, slices, work, &mut observer)?.whole()?;
            for id in slices {
                take_in(&mut pairs, folder, &StoredSlice::new(&results, *id))?;
            }
        }
        let fitted = pairs.fit().ok_or_else(|| {
            AppError::usage("--slices", format!("expected some hundred voxels to fit to, got {}", pairs.voxels()))
        })?;
        let maps = pairs.reliability(&fitted);
        let [t1, t2, pd] = fitted;
        let calibration = Calibration {
            acquisition: data.acquisition.clone(),
            method: method.fingerprint(),
            samples: self.samples.get(),
            voxels: pairs.voxels(),
            t1,
            t2,
            pd,
        };
        write_json(&out.join("calibration.json"), &calibration)?;
        method.calibration = Some(CalibrationSource::Given(calibration.into()));
        write_json(&out.join("method.json"), &method)?;
        let found = Calibrated { method: method.name.clone(), voxels: pairs.voxels(), maps };
        write_json(&out.join("reliability.json"), &found)?;
        write_bytes(&out.join("reliability.csv"), csv(&found.maps).as_bytes())?;
        const STEP: &str = "drawing the reliability";
        if let Some(figure) = reliability_figure(&found.method, &found.maps).step(STEP)? {
            write_bytes(&out.join("reliability.png"), &figure.to_png().step(STEP)?)?;
        }
        Ok(found)
    }
}

/// The spatial lengths of the maps.
fn image_of(folder: &DatasetFolder, slices: &[SliceId]) -> Result<ImageShape, ReconError> {
    let id = slices.first().ok_or_else(|| ReconError::setting("slices", "expected at least one"))?;
    let path = folder.maps_path(*id);
    ImageShape::try_from(folder.maps(*id).file(&path)?.lengths()).file(&path)
}

/// Takes in the head of a slice.
fn take_in(pairs: &mut ErrorPairs, folder: &DatasetFolder, stored: &StoredSlice) -> Result<(), ReconError> {
    let truth = folder.maps(stored.id).file(&folder.maps_path(stored.id))?;
    let deviations = stored.uncertainty()?.and_then(|uncertainty| uncertainty.deviations);
    let deviations =
        deviations.ok_or("it holds no deviations; remove it to have it made again").file(&stored.folder)?;
    let maps = parameter_maps(&stored.maps()?);
    pairs.push(&maps, &deviations, &truth, whole_head(truth.pd.view()).view()).file(&stored.folder)
}

fn csv(maps: &[Reliability]) -> String {
    let mut csv = String::from("map,low,high,voxels,spread,deviation,observed,");
    csv += "samples_within_1_percent,samples_within_2_percent,samples_z_mean,samples_z_rms,";
    csv += "calibrated_within_1_percent,calibrated_within_2_percent,calibrated_z_mean,calibrated_z_rms\n";
    for map in maps {
        for range in &map.ranges {
            let [low, high] = range.range;
            let (voxels, spread, deviation) = (range.samples.voxels, range.spread, range.deviation);
            let _ = write!(csv, "{},{low},{high},{voxels},{spread},{deviation},{}", map.map, range.observed);
            for Coverage { within_1_percent, within_2_percent, z_mean, z_rms, .. } in [range.samples, range.calibrated]
            {
                let _ = write!(csv, ",{within_1_percent},{within_2_percent},{z_mean},{z_rms}");
            }
            csv.push('\n');
        }
    }
    csv
}

fn summary(methods: &[Calibrated], out: &Path) -> String {
    let mut table = Table::new(["method", "map", "deviations", "within 1", "within 2", "mean z", "rms z", "voxels"]);
    for method in methods {
        for map in &method.maps {
            for (kind, coverage) in [("samples", map.samples), ("calibrated", map.calibrated)] {
                let Some(coverage) = coverage else { continue };
                let Coverage { voxels, within_1_percent, within_2_percent, z_mean, z_rms } = coverage;
                table.row([
                    method.method.clone(),
                    map.map.clone(),
                    kind.into(),
                    format!("{within_1_percent:.1} %"),
                    format!("{within_2_percent:.1} %"),
                    format!("{z_mean:+.2}"),
                    format!("{z_rms:.2}"),
                    voxels.to_string(),
                ]);
            }
        }
    }
    let [one, two] = Coverage::NOMINAL;
    table.note(format!(
        "Errors of logarithms; normal ones have {one:.1} % within 1 and {two:.1} % within 2 deviations."
    ));
    table.note("The calibrated rows are of the slices that were fitted: judge a calibration on others, with `diph compare --samples`.");
    table.note(format!("calibrations, methods and plots in {}", out.display()));
    table.to_string()
}

fn parse_samples(text: &str) -> Result<NonZero<usize>, String> {
    match text.parse().map(NonZero::<usize>::new) {
        Ok(Some(count)) if count.get() > 1 => Ok(count),
        _ => Err("expected at least 2 samples, for one has no deviation".into()),
    }
}

fn parse_brightness(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a positive number, the median of |PD| over tissue".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_what_they_expect() {
        assert_eq!(parse_samples("8").unwrap().get(), 8);
        assert!(["1", "0", "-3", "x"].iter().all(|text| parse_samples(text).unwrap_err().contains("at least 2")));
        assert_eq!(parse_brightness("0.005"), Ok(0.005));
        assert!(["0", "-1", "inf", "x"].iter().all(|text| parse_brightness(text).is_err()));
    }
}

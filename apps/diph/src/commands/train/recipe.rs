//! `diph train --recipe standard`: everything that a new acquisition needs, one after the other.

use std::path::PathBuf;

use diph_formats::is_there;
use diph_recon::config::{Override, read_json};
use diph_recon::method::Method;
use diph_recon::{Blame, write_json};
use diph_train::{RegressionData, RegressionRunConfig, RunConfig, RunFolder, judge_methods};
use serde_json::json;

use super::regression::error_table;
use super::{Objective, Outcome, TrainArgs};
use crate::Context;
use crate::output::AppError;

/// The stages in their order, by the names of their results in the folder and in front of `--set`.
const SPECTRUM: &str = "spectrum";
const REGRESSION: &str = "regression";
const DIFFUSION: &str = "diffusion";

/// The method that the trained diffusion prior serves.
const METHOD: &str = "mrf-diph-conditional";

impl TrainArgs {
    /// Learns the spectrum, trains the regression network and the diffusion prior, and judges them on held-out slices. What is
    /// there already is kept: `--resume` goes on in the stage that was not finished.
    pub(super) fn cook(&self, context: &Context) -> Result<Outcome, AppError> {
        self.check_stages()?;
        if self.force {
            return Err(AppError::usage("--force", "has no effect on a recipe, which replaces nothing; leave it out"));
        }
        if !self.resume && is_there(RunFolder::new(&self.spectrum_file()).path()).file(&self.out)? {
            let message =
                format!("{} holds a recipe's results; add --resume to go on, or name another", self.out.display());
            return Err(AppError::usage("--out", message));
        }
        if !is_there(self.spectrum_file()).file(&self.spectrum_file())? {
            context.output.note("stage 1 of 4: spectrum");
            context.output.note(self.stage_of_spectrum().learn_spectrum(context)?.text);
        }
        context.output.note("stage 2 of 4: regression network");
        let regression = self.stage_of_regression();
        let trained = regression.train_regression(context)?;
        context.output.note(trained.map(|outcome| outcome.text).unwrap_or_default());
        context.output.note("stage 3 of 4: diffusion prior");
        let diffusion = self.stage_of_diffusion();
        let trained = diffusion.train_diffusion(context)?;
        context.output.note(trained.map(|outcome| outcome.text).unwrap_or_default());
        context.output.note("stage 4 of 4: held-out slices");
        self.judge(context, &RunFolder::new(&regression.out), &RunFolder::new(&diffusion.out))
    }

    /// Writes the method files, and the errors of the methods beside those without a network.
    fn judge(&self, context: &Context, regression: &RunFolder, diffusion: &RunFolder) -> Result<Outcome, AppError> {
        let spectrum = Override::new("prior.options.spectrum", json!(absolute(self.spectrum_file())?));
        let unet = Method::read(&regression.method().display().to_string(), &[])?;
        let prior = diffusion_method(diffusion)?;
        let (unet_file, prior_file) = (self.out.join("unet.json"), self.out.join(format!("{METHOD}.json")));
        write_json(&unet_file, &unet)?;
        write_json(&prior_file, &prior)?;
        let (mmse, lrtv) = (Method::read("mmse", &[spectrum])?, Method::read("lrtv", &[])?);
        let path = regression.config();
        let config = RegressionRunConfig::load(read_json(&path)?, &path.display().to_string(), &[])?;
        let registry = context.registry()?;
        let spinner = context.output.spinner("reconstructing held-out slices");
        let data = RegressionData::open(&registry, &config)?;
        let rows = judge_methods(&registry, &data, &config, &[&mmse, &lrtv, &unet, &prior])?;
        drop(spinner);
        let summary = json!({ "methods": [unet_file, prior_file], "errors": rows });
        write_json(&self.out.join("recipe.json"), &summary)?;
        let text = format!(
            "{}reconstruct with `diph recon --method {}` or `--method {}`",
            error_table(&rows),
            unet_file.display(),
            prior_file.display()
        );
        Ok(Outcome { summary, text })
    }

    fn stage_of_spectrum(&self) -> Self {
        Self {
            objective: Objective::Spectrum,
            out: self.spectrum_file(),
            resume: false,
            validation_vols: None,
            phantom_share: None,
            ..self.stage(SPECTRUM)
        }
    }

    fn stage_of_regression(&self) -> Self {
        let spectrum = Some(self.spectrum_file());
        Self { objective: Objective::Regression, spectrum, ..self.stage(REGRESSION) }
    }

    fn stage_of_diffusion(&self) -> Self {
        Self { objective: Objective::Diffusion, ..self.stage(DIFFUSION) }
    }

    /// The arguments of a stage, which goes on where its folder has a configuration.
    fn stage(&self, name: &str) -> Self {
        let out = self.out.join(name);
        // What cannot be looked at is opened, which fails with the reason.
        let resume = is_there(RunFolder::new(&out).config()).unwrap_or(true);
        let prefix = format!("{name}.");
        let overrides =
            self.overrides.iter().filter_map(|text| text.strip_prefix(&prefix).map(str::to_owned)).collect();
        Self { out, resume, overrides, recipe: None, ..self.clone() }
    }

    fn spectrum_file(&self) -> PathBuf {
        self.out.join(SPECTRUM).with_extension("safetensors")
    }

    /// Fails on an override that no stage reads.
    fn check_stages(&self) -> Result<(), AppError> {
        let is_of_a_stage = |text: &&String| {
            let stage = text.split('.').next().unwrap_or_default();
            [SPECTRUM, REGRESSION, DIFFUSION].contains(&stage)
        };
        match self.overrides.iter().find(|text| !is_of_a_stage(text)) {
            Some(text) => {
                let expected =
                    format!("expected `{SPECTRUM}.`, `{REGRESSION}.` or `{DIFFUSION}.` before the key of a recipe");
                Err(AppError::usage("--set", format!("{text}: {expected}")))
            }
            None => Ok(()),
        }
    }
}

/// The method with the prior of a run.
fn diffusion_method(folder: &RunFolder) -> Result<Method, AppError> {
    let path = folder.config();
    let config = RunConfig::load(read_json(&path)?, &path.display().to_string(), &[])?;
    let rate = config.training.ema_rates.first().copied().unwrap_or_default();
    let condition = config.training.model.condition.clone();
    let changes = [
        Override::new("prior.options.checkpoint", json!(absolute(folder.average(rate))?)),
        Override::new("condition", json!(condition)),
    ];
    // A calibration of the shipped network says nothing of this one.
    Ok(Method { calibration: None, ..Method::read(METHOD, &changes)? })
}

fn absolute(path: PathBuf) -> Result<PathBuf, AppError> {
    Ok(std::path::absolute(&path).file(&path)?)
}

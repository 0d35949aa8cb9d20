//! `diph train --objective regression`.

use std::path::Path;
use std::time::Duration;

use diph_plugin_host::Registry;
use diph_recon::config::read_json;
use diph_train::{
    RegressionData, RegressionRun, RegressionRunConfig, RegressionSummary, RunFolder, RunOptions, TrainingProgress,
    ValidationRow, regression_plan, regression_time,
};
use serde_json::{Value, json};

use super::{Outcome, TrainArgs, apply, text as utf8, time};
use crate::Context;
use crate::output::{AppError, BlameFlag, Table};

impl TrainArgs {
    /// Trains a regression network; a dry run has no outcome.
    pub(super) fn train_regression(&self, context: &Context) -> Result<Option<Outcome>, AppError> {
        let of_diffusion = [("--condition", self.condition.is_some()), ("--intensity", self.intensity.is_some())];
        self.refuse("regression", &of_diffusion)?;
        self.refuse("regression", &[("--force", self.force)])?;
        let folder = RunFolder::new(&self.out);
        let config = self.regression_configuration(&folder)?;
        self.check_used(&config.data)?;
        let registry = context.registry()?;
        let estimate = plan(context, &registry, &config)?;
        let Some(_lock) = self.begin(context, &folder, &estimate)? else { return Ok(None) };
        let spinner = context.output.spinner("preparing the maps");
        let data = RegressionData::open(&registry, &config)?;
        drop(spinner);
        context.cancel.check()?;
        if !data.has_held_out() {
            context.output.note("nothing is held out (--phantom or --validation-vols), so there is no validation");
        }
        let options = RunOptions {
            cancel: &context.cancel,
            hashes: &context.hashes,
            command_line: &context.command_line,
            checkpoint_every: Duration::from_secs_f64(60.0 * self.checkpoint_minutes),
        };
        let steps = config.training.steps as usize;
        let spinner = context.output.spinner("measuring the images, and held-out slices with mmse and lrtv");
        let run = RegressionRun::open(options, &registry, folder, &data, config)?;
        drop(spinner);
        let bar = context.output.bar("training", steps);
        let summary = run.run(&mut |progress: &TrainingProgress| {
            bar.set(progress.done as usize, progress.total as usize);
            bar.message(format!("loss {:.4}, {} left", progress.loss, time(progress.seconds_left)));
        })?;
        drop(bar);
        Ok(Some(Outcome { summary: json!(summary), text: said(&summary) }))
    }

    /// The configuration: built in, of a file, or of the run to resume, with what the flags say on top.
    fn regression_configuration(&self, folder: &RunFolder) -> Result<RegressionRunConfig, AppError> {
        let path = folder.config();
        if self.resume {
            let stored = RegressionRunConfig::load(read_json(&path)?, &path.display().to_string(), &[])?;
            let asked = self.regression_overridden(read_json(&path)?, &path)?;
            if stored != asked {
                let message =
                    format!("{}: another configuration is asked for; start another run for it", path.display());
                return Err(AppError::usage("--resume", message));
            }
            return Ok(stored);
        }
        self.check_unused(folder)?;
        match &self.config {
            Some(file) => self.regression_overridden(read_json(file)?, file),
            None => self.regression_overridden(
                RegressionRunConfig::built_in()?,
                Path::new("the built-in configuration of regression"),
            ),
        }
    }

    fn regression_overridden(&self, mut base: Value, origin: &Path) -> Result<RegressionRunConfig, AppError> {
        let origin = origin.display().to_string();
        let own = [
            ("init_from", self.init_from.as_deref().map(|path| utf8("--init-from", path)).transpose()?),
            ("spectrum", self.spectrum.as_deref().map(|path| utf8("--spectrum", path)).transpose()?),
        ];
        apply(&mut base, &origin, self.shared_keys()?.into_iter().chain(own))?;
        Ok(RegressionRunConfig::load(base, &origin, &self.parsed_overrides()?)?)
    }
}

fn plan(
    context: &Context,
    registry: &Registry,
    config: &RegressionRunConfig,
) -> Result<diph_core::MemoryEstimate, AppError> {
    const WHERE: &str = "the training configuration";
    let estimate = regression_plan(registry, config).flag(WHERE)?;
    let advice = "take a smaller network, `training.crop`, `training.batch` or `training.pool`";
    context.memory.check("training", &estimate, advice)?;
    context.output.note(format!("training: memory about {estimate}"));
    if let Some(line) = regression_time(config).flag(WHERE)? {
        context.output.note(line);
    }
    Ok(estimate)
}

fn said(summary: &RegressionSummary) -> String {
    let RegressionSummary { steps, loss, seconds_per_step, checkpoint, method, validation } = summary;
    format!(
        "{}{steps} steps, loss {loss:.4}, {seconds_per_step:.2} s per step; network {}; use it with `--method {}`",
        error_table(validation),
        checkpoint.display(),
        method.display()
    )
}

/// Errors over all held-out voxels; empty where nothing is held out.
pub(super) fn error_table(rows: &[ValidationRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["held out", "method", "map", "MAPE", "bias", "median", "median bias"]);
    for row in rows.iter().filter(|row| row.range == "all") {
        let errors = &row.errors;
        table.row([
            row.held_out.to_owned(),
            row.method.clone(),
            row.map.to_owned(),
            format!("{:.1} %", errors.mape_percent),
            format!("{:+.1} %", errors.bias_percent),
            format!("{:.1} %", errors.median_ape_percent),
            format!("{:+.1} %", errors.median_bias_percent),
        ]);
    }
    format!("{table}\n")
}

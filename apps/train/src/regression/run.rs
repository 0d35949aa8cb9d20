//! A run that trains a regression network, from its folder's point of view.

use std::path::PathBuf;
use std::time::Instant;

use diph_formats::{check_regular, is_there};
use diph_network::{Checkpoint, WeightFormat};
use diph_plugin_host::Registry;
use diph_recon::config::Override;
use diph_recon::provenance::{PluginFile, Provenance};
use diph_recon::{Blame, DEFAULT_OPERATOR, Method, ReconError, write_bytes, write_json};
use diph_regression::{RegressionConfig, RegressionNetwork, Trainer, TrainingConfig};
use serde::Serialize;
use serde_json::json;

use super::first_stage::FirstStage;
use super::samples::MeasuredMaps;
use super::validation::Validation;
use super::{RegressionData, RegressionRunConfig, ValidationRow};
use crate::training_loop::{Steps, train};
use crate::training_run::{check_unchanged, cut_validation, inputs, without_folders};
use crate::{RunFolder, RunOptions, TrainingLog, TrainingProgress};

/// Steps that the shown loss is a mean over.
const SHOWN_STEPS: usize = 50;

/// What a run says at its end.
#[derive(Clone, Debug, Serialize)]
pub struct RegressionSummary {
    /// Steps that are done.
    pub steps: u64,
    /// Mean loss of the last steps.
    pub loss: f64,
    /// Mean seconds per step since the run was started or resumed.
    pub seconds_per_step: f64,
    /// The averaged network.
    pub checkpoint: PathBuf,
    /// The method that runs it.
    pub method: PathBuf,
    /// Errors over all held-out voxels: of the network, and of the methods beside it where this run measured them.
    pub validation: Vec<ValidationRow>,
}

/// A run with everything that it writes.
pub struct RegressionRun<'a> {
    options: RunOptions<'a>,
    folder: RunFolder,
    config: RegressionRunConfig,
    samples: MeasuredMaps<'a>,
    trainer: Trainer,
    log: TrainingLog,
    validation: Validation,
    last_rows: Vec<ValidationRow>,
}

impl<'a> RegressionRun<'a> {
    /// Starts a run in a new folder, or goes on where its folder has a state already.
    ///
    /// # Errors
    /// Naming the key or the file to blame: weights to start from that are of another architecture, a state that belongs to
    /// another configuration, a file that has changed since the run began.
    pub fn open(
        options: RunOptions<'a>,
        registry: &Registry,
        folder: RunFolder,
        data: &'a RegressionData,
        config: RegressionRunConfig,
    ) -> Result<Self, ReconError> {
        let path = folder.state();
        let (samples, trainer) = match is_there(&path).file(&path)? {
            true => resumed(options, &folder, data, &config)?,
            false if folder.has_progress()? => {
                let message = "no such file, and the run has steps or networks that beginning again would replace; put the \
                               state back, or start another run with --out";
                return Err(ReconError::input(&path, message));
            }
            false => started(options, &folder, data, &config)?,
        };
        let log = TrainingLog::open(&folder.log(), trainer.step_number())?;
        let known = cut_validation(&folder, trainer.step_number())?;
        let (validation, baselines) = Validation::new(registry, data, &config, known.is_empty())?;
        if known.is_empty() && !baselines.is_empty() {
            let lines: String = baselines.iter().map(ValidationRow::line).collect();
            write_bytes(&folder.validation(), format!("{}\n{lines}", ValidationRow::HEADER).as_bytes())?;
        }
        Ok(Self { options, folder, config, samples, trainer, log, validation, last_rows: baselines })
    }

    /// Trains to the last step, or until the caller stops it; what was reached is kept either way. `on_step` hears of every step.
    ///
    /// # Errors
    /// [`ReconError::Cancelled`] when the caller stops it; otherwise naming the step or the file that failed.
    pub fn run(mut self, on_step: &mut dyn FnMut(&TrainingProgress)) -> Result<RegressionSummary, ReconError> {
        let baselines = std::mem::take(&mut self.last_rows);
        let checkpoint_every = self.options.checkpoint_every;
        let seconds_per_step = train(&mut self, checkpoint_every, on_step)?;
        let rows = self.validate();
        self.save()?;
        let rows = rows?;
        let over_all = baselines.into_iter().chain(rows).filter(|row| row.range == "all");
        Ok(RegressionSummary {
            steps: self.trainer.step_number(),
            loss: self.log.recent_loss(SHOWN_STEPS),
            seconds_per_step,
            checkpoint: self.average(),
            method: self.folder.method(),
            validation: over_all.collect(),
        })
    }

    /// Judges the average.
    fn validate(&self) -> Result<Vec<ValidationRow>, ReconError> {
        let average = self.trainer.average().step("averaging the network")?;
        let step = self.trainer.step_number();
        let network =
            RegressionNetwork::new(&average, self.config.training.precision).step("validating the network")?;
        let rows = self.validation.run(step, &network)?;
        if !rows.is_empty() {
            let lines: String = rows.iter().map(ValidationRow::line).collect();
            let text = cut_validation(&self.folder, step.saturating_sub(1))? + &lines;
            write_bytes(&self.folder.validation(), text.as_bytes())?;
        }
        Ok(rows)
    }

    /// The method `unet` with this run's network and spectrum, or `unet-cascade` with its second stage.
    fn method(&self) -> Result<Method, ReconError> {
        let absolute = |path: PathBuf| std::path::absolute(&path).file(&path);
        let average = json!(absolute(self.average())?);
        let (name, mut changes) = match &self.config.first_stage {
            None => ("unet", vec![Override::new("estimator.options.checkpoint", average)]),
            Some(first) => {
                let first = json!(absolute(first.clone())?);
                let changes = vec![
                    Override::new("estimator.options.checkpoint", first.clone()),
                    Override::new("refinement.options.checkpoint", first),
                    Override::new("refinement.options.second_checkpoint", average),
                ];
                ("unet-cascade", changes)
            }
        };
        if let Some(path) = &self.config.spectrum {
            changes.push(Override::new("prior.options.spectrum", json!(absolute(path.clone())?)));
        }
        if self.config.data.operator != DEFAULT_OPERATOR {
            changes.push(Override::new("operator", json!({ "id": self.config.data.operator, "options": {} })));
        }
        // That of the shipped network says nothing of this one.
        Ok(Method { calibration: None, ..Method::read(name, &changes)? })
    }

    fn average(&self) -> PathBuf {
        self.folder.average(self.config.training.ema_rate)
    }
}

impl Steps for RegressionRun<'_> {
    fn counted(&self) -> (u64, u64) {
        (self.trainer.step_number(), self.trainer.config().settings.steps)
    }

    fn recent_loss(&self) -> f64 {
        self.log.recent_loss(SHOWN_STEPS)
    }

    fn step(&mut self) -> Result<(), ReconError> {
        self.options.cancel.check()?;
        let begin = Instant::now();
        let step = self.trainer.step(&self.samples).step("training")?;
        self.log.record(&step.into(), self.config.training.batch, begin.elapsed().as_secs_f64())
    }

    /// Writes the state first: whatever happens to the rest, the run can go on.
    fn save(&self) -> Result<(), ReconError> {
        let path = self.folder.state();
        self.trainer.save(&path).file(&path)?;
        let average = self.trainer.average().step("averaging the network")?;
        let path = self.average();
        average.write(&path, WeightFormat::F32).file(&path)?;
        if let Some(picture) = self.log.picture().step("drawing the loss")? {
            write_bytes(&self.folder.loss_picture(), &picture)?;
        }
        write_json(&self.folder.method(), &self.method()?)
    }

    /// Validates first: a run that is killed in between validates again when it gets here again. The state is saved whatever becomes
    /// of the validation.
    fn checkpoint(&self) -> Result<(), ReconError> {
        let validated = self.validate();
        self.save()?;
        validated.map(drop)
    }
}

fn started<'a>(
    options: RunOptions<'_>,
    folder: &RunFolder,
    data: &'a RegressionData,
    config: &RegressionRunConfig,
) -> Result<(MeasuredMaps<'a>, Trainer), ReconError> {
    let first = FirstStage::open(config, &data.acquisition.dictionary)?;
    let samples = MeasuredMaps::new(data, config, first, None).step("measuring the images")?;
    let [t1, t2] = data.ranges();
    let model = RegressionConfig {
        unet: config.unet.clone(),
        normalisation: samples.normalisation().clone(),
        t1,
        t2,
        basis: data.basis().outer_iter().map(|row| row.to_vec()).collect(),
        training: Some(json!({
            "diph_version": env!("CARGO_PKG_VERSION"),
            "data": without_folders(&config.data),
            "variation": config.variation,
        })),
    };
    let training = TrainingConfig { model, settings: config.training.clone() };
    training.check().setting("the training configuration")?;
    let trainer = match &config.init_from {
        None => Trainer::new(training).setting("the training configuration")?,
        Some(path) => {
            let weights = Checkpoint::<RegressionConfig>::read(path).file(path)?;
            Trainer::starting_from(training, &weights).file(path)?
        }
    };
    write_json(&folder.config(), config)?;
    let configuration = serde_json::to_value(config).step("writing the provenance")?;
    let mut provenance = Provenance::new(options.command_line, configuration, config.training.seed);
    provenance.plugins = vec![PluginFile::of(&data.operator)];
    provenance.inputs = inputs(options.hashes, &data.files)?;
    write_json(&folder.provenance(), &provenance)?;
    // Before the first line of the log: a run with steps and no state has lost its state.
    let path = folder.state();
    trainer.save(&path).file(&path)?;
    Ok((samples, trainer))
}

fn resumed<'a>(
    options: RunOptions<'_>,
    folder: &RunFolder,
    data: &'a RegressionData,
    config: &RegressionRunConfig,
) -> Result<(MeasuredMaps<'a>, Trainer), ReconError> {
    let path = folder.state();
    let average = folder.average(config.training.ema_rate);
    for file in [average, path.clone(), folder.log(), folder.loss_picture(), folder.validation()] {
        check_regular(&file).file(&file)?;
    }
    let trainer = Trainer::resume(&path).file(&path)?;
    let of_state = trainer.config();
    if of_state.settings != config.training || of_state.model.unet != config.unet {
        let message = format!("the state belongs to another configuration than {}", folder.config().display());
        return Err(ReconError::input(&path, message));
    }
    check_unchanged(folder, &inputs(options.hashes, &data.files)?)?;
    let normalisation = of_state.model.normalisation.clone();
    let first = FirstStage::open(config, &data.acquisition.dictionary)?;
    let samples = MeasuredMaps::new(data, config, first, Some(normalisation)).step("preparing the images")?;
    Ok((samples, trainer))
}

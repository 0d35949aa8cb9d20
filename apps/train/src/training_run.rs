//! A training run from its folder's point of view.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diph_diffusion::{Checkpoint, Parametrisation, SigmaData, Trainer, measure_gaussian_skip, measure_sigma_data};
use diph_formats::{check_regular, is_there};
use diph_network::WeightFormat;
use diph_recon::config::read_json;
use diph_recon::provenance::{FileHashes, InputFile, PluginFile, Provenance};
use diph_recon::{Blame, Cancel, ReconError, write_bytes, write_json};
use serde::Serialize;
use serde_json::json;

use crate::training_loop::{Steps, TrainingProgress, train};
use crate::{DataConfig, RunConfig, RunFolder, TrainingData, TrainingLog, Validation};

/// Samples that `sigma_data` is measured on.
const MEASURED_SAMPLES: u64 = 32;

/// What the measured size of the images is multiplied with to give `sigma_data`. Most of an image is dark background, and up to a
/// noise of `sigma_data` the network has to reproduce the noise to remove it, which a small network is slow to learn: with a
/// quarter, the error at a noise of 1 was 0.44 after 311 steps, with the whole size 0.61 after 700.
const SIGMA_DATA_SHARE: f64 = 0.25;

/// Steps that the shown loss is a mean over.
const SHOWN_STEPS: usize = 50;

const VALIDATION_HEADER: &str = "step,sigma,nrmse";

/// What a run is given by its caller.
#[derive(Clone, Copy)]
pub struct RunOptions<'a> {
    /// Ends the run between two steps; what was reached is kept.
    pub cancel: &'a Cancel,
    /// Hashes of the files that were read.
    pub hashes: &'a FileHashes,
    /// The command that asked for the run, for `provenance.json`; may be empty.
    pub command_line: &'a [String],
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// A run with everything that it writes.
pub struct TrainingRun<'a> {
    options: RunOptions<'a>,
    folder: RunFolder,
    data: TrainingData,
    trainer: Trainer,
    log: TrainingLog,
    validation: Option<Validation>,
}

impl<'a> TrainingRun<'a> {
    /// Starts a run in a new folder.
    ///
    /// # Errors
    /// Naming the key or the file to blame.
    pub fn start(
        options: RunOptions<'a>,
        folder: RunFolder,
        data: TrainingData,
        mut config: RunConfig,
    ) -> Result<Self, ReconError> {
        measure_sizes(&data, &mut config)?;
        config.training.check().setting("the training configuration")?;
        write_json(&folder.config(), &config)?;
        write_json(&folder.provenance(), &provenance(options, &data, &config)?)?;
        let mut training = config.training.clone();
        training.model.training = Some(json!({
            "diph_version": env!("CARGO_PKG_VERSION"),
            "data": without_folders(&config.data),
        }));
        let trainer = match &config.init_from {
            Some(path) => Trainer::starting_from(training, &Checkpoint::read(path).file(path)?),
            None => Trainer::new(training),
        };
        let trainer = trainer.setting("the training configuration")?;
        // Before the first line of the log: a run with steps and no state has lost its state.
        let path = folder.state();
        trainer.save(&path).file(&path)?;
        Self::new(options, folder, data, trainer)
    }

    /// Goes on with a run from its last state.
    ///
    /// # Errors
    /// When the state is damaged or belongs to another configuration, or a file that is trained on is not what it was.
    pub fn resume(
        options: RunOptions<'a>,
        folder: RunFolder,
        data: TrainingData,
        config: RunConfig,
    ) -> Result<Self, ReconError> {
        let path = folder.state();
        if !is_there(&path).file(&path)? {
            if !folder.has_progress()? {
                return Self::start(options, folder, data, config);
            }
            let message = "no such file, and the run has steps or networks that beginning again would replace; put the state \
                           back, or start another run with --out";
            return Err(ReconError::input(&path, message));
        }
        let averages = config.training.ema_rates.iter().map(|rate| folder.average(*rate));
        for file in averages.chain([path.clone(), folder.log(), folder.loss_picture(), folder.validation()]) {
            check_regular(&file).file(&file)?;
        }
        let trainer = Trainer::resume(&path).file(&path)?;
        let mut of_state = RunConfig { training: trainer.config().clone(), ..config.clone() };
        of_state.training.model.training = None;
        of_state.training.model.condition_optional = config.training.model.condition_optional;
        if let Some(difference) = of_state.first_difference(&config) {
            return Err(ReconError::input(&path, format!("the state belongs to another configuration: {difference}")));
        }
        check_unchanged(&folder, &inputs(options.hashes, &data.files)?)?;
        Self::new(options, folder, data, trainer)
    }

    fn new(
        options: RunOptions<'a>,
        folder: RunFolder,
        data: TrainingData,
        trainer: Trainer,
    ) -> Result<Self, ReconError> {
        let log = TrainingLog::open(&folder.log(), trainer.step_number())?;
        let validation = data.validation.as_ref().map(|samples| Validation::new(samples));
        let validation = validation.transpose().step("making samples for validation")?;
        cut_validation(&folder, trainer.step_number())?;
        Ok(Self { options, folder, data, trainer, log, validation })
    }

    /// Trains to the last step, or until the caller stops it; what was reached is kept either way. `on_step` hears of every step.
    ///
    /// # Errors
    /// [`ReconError::Cancelled`] when the caller stops it; otherwise naming the step or the file that failed.
    pub fn run(mut self, on_step: &mut dyn FnMut(&TrainingProgress)) -> Result<TrainingSummary, ReconError> {
        let checkpoint_every = self.options.checkpoint_every;
        let seconds_per_step = train(&mut self, checkpoint_every, on_step)?;
        self.checkpoint()?;
        Ok(TrainingSummary {
            steps: self.trainer.step_number(),
            loss: self.log.recent_loss(SHOWN_STEPS),
            seconds_per_step,
            checkpoints: self.averages().map(|(_, path)| path.display().to_string()).collect(),
        })
    }

    fn validate(&self) -> Result<(), ReconError> {
        let Some(validation) = &self.validation else { return Ok(()) };
        let step = self.trainer.step_number();
        let rate = self.trainer.config().ema_rates.first().copied();
        let checkpoint = self.trainer.checkpoint(rate).step("averaging the network")?;
        let errors = validation.run(&checkpoint).step("validating the network")?;
        let path = self.folder.validation();
        let mut text = cut_validation(&self.folder, step.saturating_sub(1))?;
        if text.is_empty() {
            let coefficients = (1..=checkpoint.config.unet.coefficients).map(|k| format!(",nrmse_c{k}"));
            text = format!("{VALIDATION_HEADER}{}\n", coefficients.collect::<String>());
            // Nothing is left of an image under infinite noise: there the condition alone speaks.
            if let Some((all, coefficients)) = validation.errors_of_condition() {
                text += &validation_line(0, f32::INFINITY, all, &coefficients);
            }
        }
        for (sigma, all, coefficients) in &errors.levels {
            text += &validation_line(step, *sigma, *all, coefficients);
        }
        write_bytes(&path, text.as_bytes())?;
        for (sample, picture) in errors.pictures.iter().enumerate() {
            write_bytes(&self.folder.sample_picture(step, sample), picture)?;
        }
        Ok(())
    }

    fn averages(&self) -> impl Iterator<Item = (f64, PathBuf)> + '_ {
        self.trainer.config().ema_rates.iter().map(|rate| (*rate, self.folder.average(*rate)))
    }
}

impl Steps for TrainingRun<'_> {
    fn counted(&self) -> (u64, u64) {
        (self.trainer.step_number(), self.trainer.config().steps)
    }

    fn recent_loss(&self) -> f64 {
        self.log.recent_loss(SHOWN_STEPS)
    }

    fn step(&mut self) -> Result<(), ReconError> {
        self.options.cancel.check()?;
        let begin = Instant::now();
        let step = self.trainer.step(&self.data.training).step("training")?;
        self.log.record(&step.into(), self.trainer.config().batch, begin.elapsed().as_secs_f64())
    }

    /// Validates first: a run that is killed in between validates again when it gets here again, and a state without its validation
    /// would never get one. The state is saved whatever becomes of the validation.
    fn checkpoint(&self) -> Result<(), ReconError> {
        let validated = self.validate();
        self.save()?;
        validated
    }

    /// Writes the state first: whatever happens to the rest, the run can go on.
    fn save(&self) -> Result<(), ReconError> {
        let path = self.folder.state();
        self.trainer.save(&path).file(&path)?;
        for (rate, path) in self.averages() {
            let checkpoint = self.trainer.checkpoint(Some(rate)).step("averaging the network")?;
            checkpoint.write(&path, WeightFormat::F32).file(&path)?;
        }
        if let Some(picture) = self.log.picture().step("drawing the loss")? {
            write_bytes(&self.folder.loss_picture(), &picture)?;
        }
        Ok(())
    }
}

/// Measures the size or the covariance of the images where the configuration leaves it to be measured, and notes their temporal basis.
/// Takes a while; nothing where it is given.
///
/// # Errors
/// When an image cannot be made.
pub fn measure_sizes(data: &TrainingData, config: &mut RunConfig) -> Result<(), ReconError> {
    if let Parametrisation::Edm { sigma_data } = &mut config.training.model.diffusion.parametrisation
        && sigma_data.is_missing()
    {
        let measured = measure_sigma_data(&data.training, MEASURED_SAMPLES).step("measuring the images")?;
        *sigma_data = SigmaData::EachCoefficient(measured.into_iter().map(|size| SIGMA_DATA_SHARE * size).collect());
    }
    if let Parametrisation::Gaussian(skip) = &mut config.training.model.diffusion.parametrisation
        && skip.is_missing()
    {
        *skip = measure_gaussian_skip(&data.training, MEASURED_SAMPLES, skip).step("measuring the images")?;
    }
    config.training.model.basis = Some(data.basis.outer_iter().map(|row| row.to_vec()).collect());
    Ok(())
}

fn provenance(options: RunOptions<'_>, data: &TrainingData, config: &RunConfig) -> Result<Provenance, ReconError> {
    let configuration = serde_json::to_value(config).step("writing the provenance")?;
    let mut provenance = Provenance::new(options.command_line, configuration, config.training.seed);
    provenance.plugins = vec![PluginFile::of(&data.operator)];
    provenance.inputs = inputs(options.hashes, &data.files)?;
    Ok(provenance)
}

/// The files that a run has read, with their hashes.
pub(crate) fn inputs(hashes: &FileHashes, files: &[PathBuf]) -> Result<Vec<InputFile>, ReconError> {
    files.iter().map(|path| hashes.of(path).file(path)).collect()
}

/// A run that goes on with other data is no run that never stopped: the files must be those that its provenance lists.
pub(crate) fn check_unchanged(folder: &RunFolder, now: &[InputFile]) -> Result<(), ReconError> {
    let path = folder.provenance();
    let json = read_json(&path)?;
    let then = serde_json::from_value::<Provenance>(json).file(&path)?.inputs;
    let is_new = |file: &&InputFile| !then.iter().any(|other| other.path == file.path);
    let is_gone = |file: &&InputFile| !now.iter().any(|other| other.path == file.path);
    let has_changed =
        |file: &&InputFile| then.iter().any(|other| other.path == file.path && other.sha256 != file.sha256);
    let difference = match (now.iter().find(has_changed), now.iter().find(is_new), then.iter().find(is_gone)) {
        (Some(file), ..) => (file, "has changed"),
        (_, Some(file), _) => (file, "is new"),
        (.., Some(file)) => (file, "is no longer read"),
        (None, None, None) => return Ok(()),
    };
    let (file, what) = difference;
    let message = format!(
        "{what} since the run in {} began; restore the data, or start another run with --out",
        folder.path().display()
    );
    Err(ReconError::input(Path::new(&file.path), message))
}

/// Lines of `validation.csv` up to a step; what an interrupted run has written beyond is cut off. Empty where there is none.
pub(crate) fn cut_validation(folder: &RunFolder, steps: u64) -> Result<String, ReconError> {
    let path = folder.validation();
    if !is_there(&path).file(&path)? {
        return Ok(String::new());
    }
    let text = std::fs::read_to_string(&path).file(&path)?;
    let is_kept = |line: &&str| {
        let step = line.split(',').next().unwrap_or_default();
        step == "step" || step.parse::<u64>().is_ok_and(|step| step <= steps)
    };
    let kept: String = text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    write_bytes(&path, kept.as_bytes())?;
    Ok(kept)
}

/// What goes into checkpoints, which travel: folders by their names, for where they lie is the machine's business.
pub(crate) fn without_folders(data: &DataConfig) -> DataConfig {
    let name = |path: &PathBuf| path.file_name().map_or_else(|| path.clone(), PathBuf::from);
    DataConfig {
        dataset: data.dataset.as_ref().map(name),
        acquisition: data.acquisition.as_ref().map(name),
        ..data.clone()
    }
}

fn validation_line(step: u64, sigma: f32, all: f64, coefficients: &[f64]) -> String {
    let coefficients: String = coefficients.iter().map(|error| format!(",{error:.6}")).collect();
    format!("{step},{sigma},{all:.6}{coefficients}\n")
}

/// What a run says at its end.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingSummary {
    /// Steps that are done.
    pub steps: u64,
    /// Mean loss of the last steps.
    pub loss: f64,
    /// Mean seconds per step since the run was started or resumed.
    pub seconds_per_step: f64,
    /// The averaged networks.
    pub checkpoints: Vec<String>,
}

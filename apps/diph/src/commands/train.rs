//! `diph train`: a diffusion prior from images, a regression network or a Gaussian prior from maps.

mod condition;
mod recipe;
mod regression;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use diph_core::MemoryEstimate;
use diph_formats::{FolderLock, OutputFile, check_not_input, check_writable_folder};
use diph_plugin_host::Registry;
use diph_recon::Blame;
use diph_recon::config::{Override, read_json};
use diph_recon::slices::Selection;
use diph_train::{
    DataConfig, FolderImages, RunConfig, RunFolder, RunOptions, SpectrumSettings, TrainingData, TrainingProgress,
    TrainingRun, learn_spectrum, measure_sizes, training_plan, training_time,
};
use serde_json::{Value, json};

pub use self::condition::Condition;
use super::{ImageSize, lossy, print_estimate};
use crate::Context;
use crate::output::{AppError, BlameFlag};

/// Arguments of `diph train`.
#[derive(Args, Clone, Debug)]
pub struct TrainArgs {
    /// Folder of the run: configuration, log, pictures, state and networks; for a spectrum the file to write; for a recipe the
    /// folder of its runs
    #[arg(long, value_name = "DIR|FILE")]
    pub out: PathBuf,
    /// What is learned
    #[arg(long, value_enum, default_value_t = Objective::Diffusion)]
    pub objective: Objective,
    /// Everything for an acquisition, one after the other: spectrum, regression network, diffusion prior; `--set` takes keys of
    /// their configurations with the name of the stage in front, for example `regression.training.steps=3000`
    #[arg(long, value_enum, conflicts_with_all = ["objective", "config", "init_from", "spectrum", "condition", "intensity", "images",
        "steps", "batch", "dry_run"])]
    pub recipe: Option<Recipe>,
    /// Go on with the run in the folder; equals a run that never stopped, bit for bit
    #[arg(long)]
    pub resume: bool,
    /// Data folder with images to train on
    #[arg(long, value_name = "DIR")]
    pub dataset: Option<PathBuf>,
    /// Volumes of the data folder, for example 1-9; -1 for all
    #[arg(long, allow_hyphen_values = true)]
    pub vols: Option<Selection>,
    /// Slices of each volume; -1 for all
    #[arg(long, allow_hyphen_values = true)]
    pub slices: Option<Selection>,
    /// Volumes that are held out and shown in `samples/` and `validation.csv`
    #[arg(long)]
    pub validation_vols: Option<Selection>,
    /// Which files of the data folder are the images
    #[arg(long, value_enum)]
    pub images: Option<Images>,
    /// Train on procedural brains of this size; subjects below 1000 are left to evaluation
    #[arg(long, value_name = "HEIGHTxWIDTH")]
    pub phantom: Option<ImageSize>,
    /// Share of the phantom where there is a data folder too
    #[arg(long, value_name = "SHARE")]
    pub phantom_share: Option<f64>,
    /// What the images are measured with: the acquisition of `diph demo`, or a data folder with trajectory and dictionary
    #[arg(long, value_name = "demo|DIR")]
    pub acquisition: Option<PathBuf>,
    /// How much of the sequence was kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, value_parser = super::parse_cut)]
    pub cut: Option<usize>,
    /// Sequence of the acquisition folder, to simulate voxels exactly instead of looking them up in its dictionary
    #[arg(long, value_name = "NAME|FILE.json")]
    pub sequence: Option<String>,
    /// Condition image of the network: adjoint, cg-N, the result of a method (a built-in one, or FILE.json), or none for an
    /// unconditional network
    #[arg(long, value_name = "NAME|FILE.json", value_parser = condition::parse_condition)]
    pub condition: Option<Condition>,
    /// What images are divided by: an intensity estimated from every measurement (default), or factors of the training set
    #[arg(long, value_enum)]
    pub intensity: Option<IntensityUnits>,
    /// Configuration instead of the built-in one, in the form of a run's `config.json`
    #[arg(long, value_name = "FILE.json", conflicts_with = "resume")]
    pub config: Option<PathBuf>,
    /// Weights that training starts from: the average of another run with a network of the same architecture
    #[arg(long, value_name = "FILE.safetensors")]
    pub init_from: Option<PathBuf>,
    /// Spectrum of the linear estimate (regression); by default the one that comes with Diph for the acquisition
    #[arg(long, value_name = "FILE.safetensors")]
    pub spectrum: Option<PathBuf>,
    /// Override a key of the configuration, for example `training.model.unet.model_channels=32`
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append)]
    pub overrides: Vec<String>,
    /// Steps of the optimiser
    #[arg(long)]
    pub steps: Option<u64>,
    /// Images of a step
    #[arg(long)]
    pub batch: Option<usize>,
    /// Seed of all random numbers
    #[arg(long)]
    pub seed: Option<u64>,
    /// Minutes between checkpoints
    #[arg(long, default_value_t = 5.0, value_parser = parse_minutes)]
    pub checkpoint_minutes: f64,
    /// Replace a spectrum of that name; the folder of a run is never replaced
    #[arg(long)]
    pub force: bool,
    /// Say how much memory it would need, and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// What a run learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Objective {
    /// The network of a diffusion prior
    Diffusion,
    /// The spectrum of the Gaussian prior of the method `mmse`, in seconds
    Spectrum,
    /// The network of the method `unet`, which reads T1, T2 and proton density off the linear estimate
    Regression,
}

/// What is trained for an acquisition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recipe {
    /// Spectrum, regression network, diffusion prior; then their errors on held-out slices beside those of `lrtv`
    Standard,
}

/// What a run says at its end, for programs and for people.
struct Outcome {
    summary: Value,
    text: String,
}

/// What images are divided by before the network sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IntensityUnits {
    /// An intensity estimated from every measurement
    Measured,
    /// Factors of the training set: the 95th percentile of |Re| and |Im| of images and of condition images
    Factors,
}

/// Which files of a data folder are the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Images {
    /// `qmaps`, from which images are simulated
    Maps,
    /// `reference_tsmi`, images as they are
    Tsmi,
}

impl From<Images> for FolderImages {
    fn from(images: Images) -> Self {
        match images {
            Images::Maps => Self::Maps,
            Images::Tsmi => Self::Tsmi,
        }
    }
}

impl TrainArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the flag, the key, the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let outcome = match (self.recipe, self.objective) {
            (Some(Recipe::Standard), _) => Some(self.cook(context)?),
            (None, Objective::Spectrum) => Some(self.learn_spectrum(context)?),
            (None, Objective::Regression) => self.train_regression(context)?,
            (None, Objective::Diffusion) => self.train_diffusion(context)?,
        };
        match outcome {
            Some(outcome) => context.output.result(&outcome.summary, || outcome.text),
            None => Ok(()),
        }
    }

    /// Trains a diffusion prior; a dry run has no outcome.
    fn train_diffusion(&self, context: &Context) -> Result<Option<Outcome>, AppError> {
        self.refuse("diffusion", &[("--spectrum", self.spectrum.is_some())])?;
        if self.force {
            return Err(AppError::usage("--force", "has no effect but with --objective spectrum; leave it out"));
        }
        let folder = RunFolder::new(&self.out);
        let mut config = self.configuration(&folder)?;
        self.check_used(&config.data)?;
        let registry = context.registry()?;
        let estimate = plan(context, &registry, &config)?;
        let Some(_lock) = self.begin(context, &folder, &estimate)? else { return Ok(None) };
        let steps = config.training.steps;
        let spinner = context.output.spinner("preparing the images");
        let mut data = TrainingData::open(&registry, &config)?;
        if self.measures_factors() {
            config.training.model.intensity = data.measure_factors().step("measuring the images")?;
        }
        drop(spinner);
        context.cancel.check()?;
        if data.validation.is_none() {
            context.output.note("nothing is held out (--phantom or --validation-vols), so there is no validation");
        }
        let options = RunOptions {
            cancel: &context.cancel,
            hashes: &context.hashes,
            command_line: &context.command_line,
            checkpoint_every: Duration::from_secs_f64(60.0 * self.checkpoint_minutes),
        };
        let run = match self.resume {
            true => TrainingRun::resume(options, folder, data, config)?,
            false => {
                let spinner = context.output.spinner("measuring the images");
                measure_sizes(&data, &mut config)?;
                drop(spinner);
                TrainingRun::start(options, folder, data, config)?
            }
        };
        let bar = context.output.bar("training", steps as usize);
        let summary = run.run(&mut |progress: &TrainingProgress| {
            bar.set(progress.done as usize, progress.total as usize);
            bar.message(format!("loss {:.4}, {} left", progress.loss, time(progress.seconds_left)));
        })?;
        drop(bar);
        let (steps, loss, out) = (summary.steps, summary.loss, self.out.display());
        let text =
            format!("{steps} steps, loss {loss:.4}, {:.2} s per step; networks in {out}", summary.seconds_per_step);
        Ok(Some(Outcome { summary: json!(summary), text }))
    }

    /// Takes the folder of a run; a dry run prints the estimate of its memory and takes none.
    fn begin(
        &self,
        context: &Context,
        folder: &RunFolder,
        estimate: &MemoryEstimate,
    ) -> Result<Option<FolderLock>, AppError> {
        if self.dry_run {
            print_estimate(context, estimate)?;
            return Ok(None);
        }
        check_writable_folder(&self.out).file(&self.out)?;
        let lock = FolderLock::take(&self.out).file(&self.out)?;
        // Another run may have begun and ended in between.
        self.check_unused(folder)?;
        folder.clean()?;
        Ok(Some(lock))
    }

    /// Learns a spectrum and writes its file.
    fn learn_spectrum(&self, context: &Context) -> Result<Outcome, AppError> {
        let of_networks = [
            ("--init-from", self.init_from.is_some()),
            ("--spectrum", self.spectrum.is_some()),
            ("--resume", self.resume),
            ("--validation-vols", self.validation_vols.is_some()),
            ("--phantom-share", self.phantom_share.is_some()),
            ("--condition", self.condition.is_some()),
            ("--intensity", self.intensity.is_some()),
            ("--steps", self.steps.is_some()),
            ("--batch", self.batch.is_some()),
            ("--dry-run", self.dry_run),
        ];
        self.refuse("spectrum", &of_networks)?;
        if self.out.is_dir() {
            let message = format!("{} is a folder; name the file to write", self.out.display());
            return Err(AppError::usage("--out", message));
        }
        let config = match &self.config {
            Some(file) => self.overridden(read_json(file)?, file)?,
            None => self.overridden(RunConfig::built_in()?, Path::new("the built-in training configuration"))?,
        };
        self.check_used(&config.data)?;
        let inputs: Vec<&Path> = self.config.as_deref().into_iter().collect();
        let out = OutputFile::new(&self.out, self.force, &inputs).file(&self.out)?;
        let registry = context.registry()?;
        let bar = context.output.bar("learning the spectrum", 1);
        let (coefficients, seed) = (config.training.model.unet.coefficients, config.training.seed);
        let settings = SpectrumSettings { coefficients, seed };
        let on_image = &mut |done, total| bar.set(done, total);
        let learned = learn_spectrum(&registry, &config.data, settings, &context.cancel, on_image)?;
        drop(bar);
        let bytes = learned.spectrum.to_bytes().step("writing the spectrum")?;
        check_not_input(&self.out, learned.files.iter().map(PathBuf::as_path)).file(&self.out)?;
        out.write(&bytes).file(&self.out)?;
        let (images, out) = (learned.spectrum.images(), self.out.display());
        let text = format!("spectrum of {images} images in {out}; use it with `--set prior.options.spectrum={out}`");
        Ok(Outcome { summary: json!({ "images": images, "spectrum": lossy(&self.out) }), text })
    }

    /// A run that goes on keeps the factors that it measured when it began.
    fn measures_factors(&self) -> bool {
        self.intensity == Some(IntensityUnits::Factors) && !self.resume
    }

    /// The configuration: built in, of a file, or of the run to resume, with what the flags say on top.
    fn configuration(&self, folder: &RunFolder) -> Result<RunConfig, AppError> {
        let path = folder.config();
        if self.resume {
            let stored = RunConfig::load(read_json(&path)?, &path.display().to_string(), &[])?;
            let asked = self.overridden(read_json(&path)?, &path)?;
            if self.intensity == Some(IntensityUnits::Factors) && stored.training.model.intensity == Default::default()
            {
                let message = "the run to resume estimates an intensity from every measurement; start another run";
                return Err(AppError::usage("--intensity", message));
            }
            return match stored.first_difference(&asked) {
                None => Ok(stored),
                Some(difference) => Err(AppError::usage(
                    "--resume",
                    format!("{}: {difference}; start another run for another configuration", path.display()),
                )),
            };
        }
        self.check_unused(folder)?;
        match &self.config {
            Some(file) => self.overridden(read_json(file)?, file),
            None if self.recipe.is_some() => {
                self.overridden(RunConfig::recipe()?, Path::new("the recipe's training configuration"))
            }
            None => self.overridden(RunConfig::built_in()?, Path::new("the built-in training configuration")),
        }
    }

    /// Fails when a new run would begin in a folder that has something in it.
    fn check_unused(&self, folder: &RunFolder) -> Result<(), AppError> {
        if self.resume || folder.is_unused()? {
            return Ok(());
        }
        let message =
            format!("{} exists; add --resume to go on with its run, or name another", folder.path().display());
        Err(AppError::usage("--out", message))
    }

    /// Fails on a flag that says something about images that are not trained on. That it repeats the default is no reason to
    /// pass over it: who writes it expects something else.
    fn check_used(&self, data: &DataConfig) -> Result<(), AppError> {
        const FOLDER: &str = "--dataset DIR";
        const PHANTOM: &str = "--phantom HEIGHTxWIDTH";
        let (no_folder, no_phantom) = (data.dataset.is_none(), data.phantom.is_none());
        let unused = [
            ("--vols", self.vols.is_some(), no_folder, FOLDER),
            ("--slices", self.slices.is_some(), no_folder, FOLDER),
            ("--validation-vols", self.validation_vols.is_some(), no_folder, FOLDER),
            ("--images", self.images.is_some(), no_folder, FOLDER),
            ("--phantom-share", self.phantom_share.is_some(), no_folder, FOLDER),
            ("--phantom-share", self.phantom_share.is_some(), no_phantom, PHANTOM),
        ];
        match unused.into_iter().find(|(_, given, lacking, _)| *given && *lacking) {
            Some((flag, .., wanted)) => {
                Err(AppError::usage(flag, format!("has no effect without {wanted}; add that or leave {flag} out")))
            }
            None => Ok(()),
        }
    }

    /// Keys that every objective has, with what the flags say of them.
    fn shared_keys(&self) -> Result<[(&'static str, Option<Value>); 13], AppError> {
        let size = self.phantom.map(<(usize, usize)>::from);
        let acquisition = match self.acquisition.as_deref() {
            Some(path) if path == Path::new("demo") => Some(Value::Null),
            path => path.map(|path| text("--acquisition", path)).transpose()?,
        };
        let dataset = self.dataset.as_deref().map(|path| text("--dataset", path)).transpose()?;
        Ok([
            ("data.dataset", dataset),
            ("data.vols", self.vols.as_ref().map(numbers)),
            ("data.slices", self.slices.as_ref().map(numbers)),
            ("data.validation_vols", self.validation_vols.as_ref().map(numbers)),
            ("data.images", self.images.map(|images| json!(FolderImages::from(images)))),
            ("data.phantom", size.map(|(height, width)| json!([height, width]))),
            ("data.phantom_share", self.phantom_share.map(|share| json!(share))),
            ("data.acquisition", acquisition),
            ("data.cut", self.cut.map(|cut| json!(cut))),
            ("data.sequence", self.sequence.as_ref().map(|name| json!(name))),
            ("training.steps", self.steps.map(|steps| json!(steps))),
            ("training.batch", self.batch.map(|batch| json!(batch))),
            ("training.seed", self.seed.map(|seed| json!(seed))),
        ])
    }

    fn parsed_overrides(&self) -> Result<Vec<Override>, AppError> {
        Ok(self.overrides.iter().map(|text| text.parse()).collect::<Result<Vec<Override>, _>>()?)
    }

    /// Fails on a flag that was given and says nothing to this objective.
    fn refuse(&self, objective: &str, flags: &[(&'static str, bool)]) -> Result<(), AppError> {
        match flags.iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                Err(AppError::usage(*flag, format!("has no effect with --objective {objective}; leave it out")))
            }
            None => Ok(()),
        }
    }

    fn overridden(&self, mut base: Value, origin: &Path) -> Result<RunConfig, AppError> {
        let measured = self.intensity == Some(IntensityUnits::Measured);
        let condition = self.condition.as_ref();
        let method = condition.and_then(Condition::file);
        let flags = [
            ("init_from", self.init_from.as_deref().map(|path| text("--init-from", path)).transpose()?),
            ("training.model.condition", condition.map(|condition| json!(condition.name()))),
            ("data.condition_method", method.map(|path| text("--condition", path)).transpose()?),
            ("training.model.unet.conditional", condition.map(|condition| json!(condition.name().is_some()))),
            // Factors of a configuration are those of the images that it was written for.
            ("training.model.intensity", (self.measures_factors() || measured).then(|| json!({}))),
            // Without a condition there is none to drop.
            (
                "training.condition_dropout",
                condition.filter(|condition| condition.name().is_none()).map(|_| json!(0.0)),
            ),
        ];
        let origin = origin.display().to_string();
        apply(&mut base, &origin, self.shared_keys()?.into_iter().chain(flags))?;
        let overrides = self.parsed_overrides()?;
        let gives_factors = |change: &Override| change.sets("training.model.intensity");
        if let Some(change) = overrides.iter().find(|change| self.measures_factors() && gives_factors(change)) {
            let message =
                format!("factors are measured, so that --set {} has no effect; leave one of them out", change.key());
            return Err(AppError::usage("--intensity", message));
        }
        Ok(RunConfig::load(base, &origin, &overrides)?)
    }
}

/// Lays the values that flags give over a configuration.
fn apply<'k>(
    base: &mut Value,
    origin: &str,
    keys: impl IntoIterator<Item = (&'k str, Option<Value>)>,
) -> Result<(), AppError> {
    for (key, value) in keys.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        Override::new(key, value).apply(base, origin)?;
    }
    Ok(())
}

/// What the run will need; announces a network that takes long.
fn plan(context: &Context, registry: &Registry, config: &RunConfig) -> Result<MemoryEstimate, AppError> {
    const WHERE: &str = "the training configuration";
    let estimate = training_plan(registry, config).flag(WHERE)?;
    let advice =
        "take a smaller network, batch or image, `training.microbatch=1` or `training.gradient_checkpointing=true`";
    context.memory.check("training", &estimate, advice)?;
    context.output.note(format!("training: memory about {estimate}"));
    if let Some(line) = training_time(&config.training, config.training.steps).flag(WHERE)? {
        context.output.note(line);
    }
    Ok(estimate)
}

/// A path that goes into the configuration of the run, which is JSON and holds text only.
fn text(flag: &str, path: &Path) -> Result<Value, AppError> {
    match path.to_str() {
        Some(path) => Ok(json!(path)),
        None => {
            let message =
                format!("{}: expected a path in UTF-8, since it goes into config.json; rename it", path.display());
            Err(AppError::usage(flag, message))
        }
    }
}

/// All is an empty list.
fn numbers(selection: &Selection) -> Value {
    json!(selection.named().collect::<Vec<_>>())
}

fn parse_minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if (0.0..=1e6).contains(&minutes) => Ok(minutes),
        _ => Err("expected a number of minutes of at least 0".into()),
    }
}

fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        0 => "under a minute".into(),
        1..60 => format!("{minutes} min"),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

//! `diph convert`: trajectories, dictionaries, results and networks from one file format to another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use diph_datasets::{DictionaryFile, IntensityFactors, QuantitativeMaps, SampleResults, TrajectoryFile};
use diph_diffusion::Checkpoint;
use diph_formats::{
    ArrayFile, ArrayLocation, FolderLock, NpzWriter, OutputFile, check_not_input, check_writable_folder,
};
use diph_network::WeightFormat;
use diph_recon::memory::{files, program};
use diph_recon::{Blame, ReconError};
use diph_regression::RegressionConfig;
use ndarray::Axis;
use serde::Serialize;
use serde_json::json;

use super::lossy;
use crate::Context;
use crate::output::{AppError, BlameFlag};

/// Arguments of `diph convert`.
#[derive(Args, Debug)]
pub struct ConvertArgs {
    /// What the file holds
    #[arg(value_enum)]
    pub what: Content,
    /// What images and PD of samples were divided by (default: 0.004, as in the Python code)
    #[arg(long, value_parser = parse_factor)]
    pub factor: Option<f32>,
    /// Bits of a checkpoint's weights: f32, f16 or bf16 (default: f32)
    #[arg(long, value_parser = parse_format)]
    pub format: Option<WeightFormat>,
    /// Replace files that hold something else
    #[arg(long)]
    pub force: bool,
    /// The file to read
    pub input: PathBuf,
    /// The file to write, its format by its extension (`.mat` or `.npz`; of an array `.npy`, `.npz` or `.cfl`); for samples a folder, for a checkpoint `.safetensors`
    pub output: PathBuf,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Trajectory and density compensation
    Trajectory,
    /// Dictionary of fingerprints
    Dictionary,
    /// `samples_*.npz` of the Python MRF-DiPh code, to one folder a sample with maps.npz and tsmi.npz in physical units
    Samples,
    /// One array of any format that is read, FILE:KEY where a file holds several: `.npy`, `.npz`, `.mat`, BART's `.cfl`; written as
    /// `.npy`, `.npz` or `.cfl`. The first dimension of BART is the last axis of numpy
    Array,
    /// Weights of a diffusion prior or of a regression network (`.safetensors`, or `.pt` with a `.json` beside it), for example an average of a training
    /// run with half the bits
    Checkpoint,
}

impl ConvertArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the file to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let (input, output) = (&self.input, &self.output);
        self.check_used()?;
        self.check_name()?;
        let array = self.array_location()?;
        let read: Vec<PathBuf> = array.as_ref().map_or_else(|| vec![input.clone()], ArrayLocation::files);
        let reading = program().and(files(read.iter().map(PathBuf::as_path)));
        context.memory.check("reading the file", &reading, "check whether it is what it should be")?;
        match (self.what, &array) {
            (Content::Samples, _) => self.convert_samples()?,
            (Content::Array, Some(location)) => self.convert_array(location)?,
            (content, _) => {
                let out = OutputFile::new(output, self.force, &[input]).file(output)?;
                let bytes = match content {
                    Content::Trajectory => TrajectoryFile::read(input).file(input)?.to_bytes(output).file(output)?,
                    Content::Dictionary => DictionaryFile::read(input).file(input)?.to_bytes(output).file(output)?,
                    Content::Array | Content::Checkpoint | Content::Samples => {
                        let (bytes, notes) = self.network()?;
                        context.output.note_all(notes.iter().map(|(what, value)| format!("{what}: {value}")));
                        bytes
                    }
                };
                out.write(&bytes).file(output)?;
            }
        }
        let result = json!({ "content": self.what, "input": lossy(input), "output": lossy(output) });
        context.output.result(&result, || format!("{} -> {}", input.display(), output.display()))
    }

    /// Fails on an output whose name says another form than it would have.
    fn check_name(&self) -> Result<(), AppError> {
        let named = |ending: &str| self.output.extension().is_some_and(|there| there.eq_ignore_ascii_case(ending));
        match self.what {
            Content::Trajectory | Content::Dictionary => ArrayFile::of_name(&self.output).map(drop).flag("OUTPUT"),
            Content::Checkpoint if !named("safetensors") => {
                let message = format!("{}: expected a name that ends in .safetensors", self.output.display());
                Err(AppError::usage("OUTPUT", message))
            }
            Content::Array | Content::Checkpoint | Content::Samples => Ok(()),
        }
    }

    /// The array that the input names.
    fn array_location(&self) -> Result<Option<ArrayLocation>, AppError> {
        let parse = |text: &str| text.parse::<ArrayLocation>();
        match (self.what, self.input.to_str()) {
            (Content::Array, Some(text)) => Ok(Some(parse(text).flag("INPUT")?)),
            (Content::Array, None) => Ok(Some(ArrayLocation::of_file(&self.input))),
            _ => Ok(None),
        }
    }

    /// Everything is made and checked before anything is written.
    fn convert_array(&self, location: &ArrayLocation) -> Result<(), ReconError> {
        let read = location.files();
        let inputs: Vec<&Path> = read.iter().map(PathBuf::as_path).collect();
        let entry = location.read().file(&location.path)?;
        let written = entry.array.to_files(&self.output, &entry.key).file(&self.output)?;
        for (path, bytes) in &written {
            OutputFile::new(path, self.force, &inputs).and_then(|file| file.check(bytes)).file(path)?;
        }
        for (path, bytes) in &written {
            OutputFile::new(path, self.force, &inputs).and_then(|file| file.write(bytes)).file(path)?;
        }
        Ok(())
    }

    /// One folder a sample. The Python code leaves images and PD divided by the intensity factor, which is undone here. Everything
    /// is made and checked before anything is written.
    fn convert_samples(&self) -> Result<(), ReconError> {
        let (input, output, factor) = (&self.input, &self.output, self.factor());
        check_not_input(output, [input.as_path()]).file(output)?;
        check_writable_folder(output).file(output)?;
        let samples = SampleResults::read(input).file(input)?;
        let mut written = Vec::new();
        for (index, qmaps) in samples.qmaps.axis_iter(Axis(0)).enumerate() {
            let mut maps = QuantitativeMaps::from_stacked(qmaps.into_dyn()).file(input)?;
            maps.pd.mapv_inplace(|pd| pd * factor);
            let maps = NpzWriter::compressed().with("qmaps", maps.to_stacked().file(input)?.view());
            let image = |images: &ndarray::Array4<num_complex::Complex32>| {
                images.index_axis(Axis(0), index).mapv(|value| value * factor)
            };
            let (z, x_hat, x_tilde) = (image(&samples.z_t), image(&samples.x_hat), image(&samples.x_tilda));
            let images =
                NpzWriter::new().with("z", z.view()).with("x_hat", x_hat.view()).with("x_tilde", x_tilde.view());
            for (name, archive) in [("maps.npz", maps), ("tsmi.npz", images)] {
                let path = output.join(format!("sample{index}")).join(name);
                written.push((archive.to_bytes().file(&path)?, path));
            }
        }
        let _lock = FolderLock::take(output).file(output)?;
        for (bytes, path) in &written {
            OutputFile::new(path, self.force, &[input]).and_then(|file| file.check(bytes)).file(path)?;
        }
        for (bytes, path) in &written {
            OutputFile::new(path, self.force, &[input]).and_then(|file| file.write(bytes)).file(path)?;
        }
        Ok(())
    }

    /// The bytes of a network of either kind in another number format, and its notes. Its own configuration says which it is.
    fn network(&self) -> Result<(Vec<u8>, BTreeMap<String, String>), AppError> {
        let (input, output) = (&self.input, &self.output);
        let format = self.format.unwrap_or(WeightFormat::F32);
        if diph_network::Checkpoint::<RegressionConfig>::read_config(input).is_ok() {
            let network = diph_network::Checkpoint::<RegressionConfig>::read(input).file(input)?;
            return Ok((network.to_bytes(output, format).file(output)?, network.notes));
        }
        let network = Checkpoint::read(input).file(input)?;
        Ok((network.to_bytes(output, format).file(output)?, network.notes))
    }

    fn factor(&self) -> f32 {
        self.factor.unwrap_or(IntensityFactors::default().reference)
    }

    /// Fails on a flag that is about another content.
    fn check_used(&self) -> Result<(), AppError> {
        let unused = match self.what {
            Content::Samples => self.format.map(|_| ("--format", "a checkpoint")),
            Content::Checkpoint => self.factor.map(|_| ("--factor", "samples")),
            Content::Array | Content::Trajectory | Content::Dictionary => {
                let factor = self.factor.map(|_| ("--factor", "samples"));
                factor.or(self.format.map(|_| ("--format", "a checkpoint")))
            }
        };
        match unused {
            Some((flag, content)) => {
                Err(AppError::usage(flag, format!("has no effect but on {content}; leave it out")))
            }
            None => Ok(()),
        }
    }
}

fn parse_factor(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        _ => Err("expected a finite number above 0".into()),
    }
}

fn parse_format(text: &str) -> Result<WeightFormat, String> {
    serde_json::from_value(json!(text)).map_err(|_| format!("expected f32, f16 or bf16, got `{text}`"))
}

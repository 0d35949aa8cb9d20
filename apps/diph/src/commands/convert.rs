//! `diph convert`: trajectories, dictionaries, results and networks from one file format to another.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use diph_datasets::{DictionaryFile, IntensityFactors, QuantitativeMaps, SampleResults, TrajectoryFile};
use diph_diffusion::Checkpoint;
use diph_formats::{NpzWriter, check_writable_file, check_writable_folder};
use diph_network::WeightFormat;
use diph_recon::{Blame, ReconError};
use ndarray::Axis;
use serde::Serialize;
use serde_json::json;

use crate::Context;
use crate::output::AppError;

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
    /// The file to read
    pub input: PathBuf,
    /// The file to write, its format by its extension (`.mat` or `.npz`); for samples a folder, for a checkpoint `.safetensors`
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
    /// Weights of a diffusion prior (`.safetensors`, or `.pt` with a `.json` beside it), for example an average of a training
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
        match self.what {
            Content::Samples => check_writable_folder(output).file(output)?,
            _ => check_writable_file(output).file(output)?,
        }
        match self.what {
            Content::Trajectory => TrajectoryFile::read(input).file(input)?.write(output).file(output)?,
            Content::Dictionary => DictionaryFile::read(input).file(input)?.write(output).file(output)?,
            Content::Samples => convert_samples(input, output, self.factor())?,
            Content::Checkpoint => {
                let format = self.format.unwrap_or(WeightFormat::F32);
                Checkpoint::read(input).file(input)?.write(output, format).file(output)?;
            }
        }
        let result = json!({ "content": self.what, "input": input, "output": output });
        context.output.result(&result, || format!("{} -> {}", input.display(), output.display()))
    }

    fn factor(&self) -> f32 {
        self.factor.unwrap_or(IntensityFactors::default().reference)
    }

    /// Fails on a flag that is about another content.
    fn check_used(&self) -> Result<(), AppError> {
        let unused = match self.what {
            Content::Samples => self.format.map(|_| ("--format", "a checkpoint")),
            Content::Checkpoint => self.factor.map(|_| ("--factor", "samples")),
            Content::Trajectory | Content::Dictionary => {
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

/// The Python code leaves images and PD divided by the intensity factor, which is undone here.
fn convert_samples(input: &Path, output: &Path, factor: f32) -> Result<(), ReconError> {
    let samples = SampleResults::read(input).file(input)?;
    for (index, qmaps) in samples.qmaps.axis_iter(Axis(0)).enumerate() {
        let mut maps = QuantitativeMaps::from_stacked(qmaps.into_dyn()).file(input)?;
        maps.pd.mapv_inplace(|pd| pd * factor);
        let path = output.join(format!("sample{index}/maps.npz"));
        NpzWriter::compressed().with("qmaps", maps.to_stacked().file(input)?.view()).write(&path).file(&path)?;
        let path = output.join(format!("sample{index}/tsmi.npz"));
        let image = |images: &ndarray::Array4<num_complex::Complex32>| {
            images.index_axis(Axis(0), index).mapv(|value| value * factor)
        };
        let (z, x_hat, x_tilde) = (image(&samples.z_t), image(&samples.x_hat), image(&samples.x_tilda));
        NpzWriter::new()
            .with("z", z.view())
            .with("x_hat", x_hat.view())
            .with("x_tilde", x_tilde.view())
            .write(&path)
            .file(&path)?;
    }
    Ok(())
}

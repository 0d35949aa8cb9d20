//! `diph export`: results in the layout of other tools.

use std::path::PathBuf;

use clap::Args;
use diph_recon::derivatives::{BidsDerivatives, Label, PatientAxes, VolumeGeometry};
use serde_json::json;

use super::lossy;
use crate::Context;
use crate::output::AppError;

/// Arguments of `diph export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Folder of results, as `diph recon --out` writes it
    pub results: PathBuf,
    /// BIDS data set; maps go to DIR/derivatives/diph as NIfTI files
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Distances of voxels along columns and rows of an image and of neighbouring slices in mm, for example 1.04x1.04x5
    #[arg(long, value_name = "XxYxZ", value_parser = parse_voxel_size)]
    pub voxel_size: [f64; 3],
    /// How the subject lay: directions in which x (columns), y (rows) and slices count up, for example LPS for axial slices. Without,
    /// files say that nobody knows
    #[arg(long, value_name = "LETTERS")]
    pub axes: Option<PatientAxes>,
    /// Label of the subject (default: vol with the number of the volume)
    #[arg(long, value_name = "LABEL")]
    pub subject: Option<Label>,
    /// Label of the session
    #[arg(long, value_name = "LABEL")]
    pub session: Option<Label>,
    /// Replace files that hold something else
    #[arg(long)]
    pub force: bool,
}

impl ExportArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the file to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        if self.axes.is_none() {
            let message = "the files will not say which side is left; name it with --axes, for example --axes LPS";
            context.output.warn(message);
        }
        let written = BidsDerivatives {
            results: &self.results,
            out: &self.out,
            subject: self.subject.clone(),
            session: self.session.clone(),
            geometry: VolumeGeometry { voxel_mm: self.voxel_size, axes: self.axes },
            force: self.force,
        }
        .write()?;
        let result = json!({ "files": written.iter().map(|path| lossy(path)).collect::<Vec<String>>() });
        let list = || written.iter().map(|path| path.display().to_string()).collect::<Vec<String>>().join("\n");
        context.output.result(&result, list)
    }
}

fn parse_voxel_size(text: &str) -> Result<[f64; 3], String> {
    let expected = || format!("expected three lengths in mm, for example 1.04x1.04x5, got `{text}`");
    let length = |text: &str| match text.parse::<f64>() {
        // The files have numbers of single precision.
        Ok(length) if (length as f32).is_finite() && length as f32 > 0.0 => Ok(length),
        _ => Err(expected()),
    };
    text.split('x').map(length).collect::<Result<Vec<f64>, String>>()?.try_into().map_err(|_| expected())
}

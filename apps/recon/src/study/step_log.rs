//! What a solver did, step by step.

use std::path::PathBuf;

use diph_core::{Error, Result};
use diph_formats::NpzWriter;

use crate::ReconError;
use crate::reconstruction::Step;
use crate::write_bytes;

/// Collects one line per step, and writes the images of the steps where that is asked for.
pub struct StepLog {
    folder: PathBuf,
    images: bool,
    lines: String,
}

impl StepLog {
    /// A log that goes to `folder`; `images` asks for the image of every step.
    pub fn new(folder: PathBuf, images: bool) -> Self {
        Self { folder, images, lines: "iteration,relative_change\n".into() }
    }

    /// Adds a step.
    ///
    /// # Errors
    /// When its image cannot be written.
    pub fn record(&mut self, step: &Step<'_>) -> Result<()> {
        self.lines += &format!("{},{:e}\n", step.iteration, step.relative_change);
        if !self.images {
            return Ok(());
        }
        let path = self.folder.join(format!("steps/step_{:04}.npz", step.iteration));
        let npz = NpzWriter::new().with("image", step.image.view());
        npz.write(path).map_err(|error| Error::external("step log", error))
    }

    /// Writes `steps.csv`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<(), ReconError> {
        write_bytes(&self.folder.join("steps.csv"), self.lines.as_bytes())
    }
}

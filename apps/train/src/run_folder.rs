//! The folder of a training run.

use std::path::{Path, PathBuf};

use diph_formats::remove_stale_temporaries;

use diph_recon::{Blame, ReconError};

/// Folder of pictures below that of the run.
const SAMPLES: &str = "samples";

/// The folder of a training run and the names of its files.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The folder at a path, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Removes the temporary files of a run that was killed while it wrote; nothing else.
    ///
    /// # Errors
    /// Naming the folder that cannot be listed or the file that cannot be removed.
    pub fn clean(&self) -> Result<(), ReconError> {
        for folder in [self.0.clone(), self.0.join(SAMPLES)] {
            remove_stale_temporaries(&folder).file(&folder)?;
        }
        Ok(())
    }

    /// The effective configuration.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.json")
    }

    /// What the run was made from.
    pub fn provenance(&self) -> PathBuf {
        self.0.join("provenance.json")
    }

    /// One line per step.
    pub fn log(&self) -> PathBuf {
        self.0.join("log.csv")
    }

    /// The curve of the loss.
    pub fn loss_picture(&self) -> PathBuf {
        self.0.join("loss.png")
    }

    /// Errors on held-out samples.
    pub fn validation(&self) -> PathBuf {
        self.0.join("validation.csv")
    }

    /// A picture of a held-out sample after a number of steps.
    pub fn sample_picture(&self, step: u64, sample: usize) -> PathBuf {
        self.0.join(SAMPLES).join(format!("step{step:06}_sample{sample}.png"))
    }

    /// Everything that resuming needs.
    pub fn state(&self) -> PathBuf {
        self.0.join("state.safetensors")
    }

    /// A method file that runs the trained network.
    pub fn method(&self) -> PathBuf {
        self.0.join("method.json")
    }

    /// The averaged network of a decay rate, ready to use.
    pub fn average(&self, rate: f64) -> PathBuf {
        self.0.join(format!("ema_{rate}.safetensors"))
    }
}

//! The folder of a training run.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use diph_formats::{is_left_over, is_there, remove_stale_temporaries};

use diph_recon::{Blame, ReconError};

/// Folder of pictures below that of the run.
const SAMPLES: &str = "samples";

/// What the names of averaged networks begin with.
const AVERAGE: &str = "ema_";

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

    /// Whether there is nothing in the folder but what a run leaves that was killed before it began.
    ///
    /// # Errors
    /// Naming the folder when it cannot be listed.
    pub fn is_unused(&self) -> Result<bool, ReconError> {
        let entries = match std::fs::read_dir(&self.0) {
            // What is no folder is refused when it is written.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(true),
            entries => entries.file(&self.0)?,
        };
        for entry in entries {
            let name = entry.file(&self.0)?.file_name();
            if !name.to_str().is_some_and(is_left_over) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the run has got anywhere: steps in its log, or networks.
    ///
    /// # Errors
    /// Naming what cannot be read.
    pub fn has_progress(&self) -> Result<bool, ReconError> {
        let log = self.log();
        if is_there(&log).file(&log)? && std::fs::read_to_string(&log).file(&log)?.lines().count() > 1 {
            return Ok(true);
        }
        for entry in std::fs::read_dir(&self.0).file(&self.0)? {
            let name = entry.file(&self.0)?.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(AVERAGE)) {
                return Ok(true);
            }
        }
        Ok(false)
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
        self.0.join(format!("{AVERAGE}{rate}.safetensors"))
    }
}

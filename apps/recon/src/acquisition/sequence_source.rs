//! Sequences by name or from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use diph_bloch::Sequence;
use diph_datasets::{is_pulseq, read_pulseq};

use super::pulseq_steps;
use crate::{Blame, ReconError};

/// A built-in sequence, or a file: JSON, or a Pulseq sequence that is simulated as it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSource {
    /// The built-in schedule of 1000 frames.
    Fisp,
    /// The public Deli-CS schedule of 500 frames.
    DeliCs,
    /// A file.
    File(PathBuf),
}

/// As it is typed.
impl fmt::Display for SequenceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fisp => f.write_str("fisp"),
            Self::DeliCs => f.write_str("deli-cs"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for SequenceSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "fisp" => Self::Fisp,
            "deli-cs" => Self::DeliCs,
            path => Self::File(path.into()),
        })
    }
}

impl SequenceSource {
    /// The sequence, built-in ones cut to `frames`. A file is taken as it is.
    ///
    /// # Errors
    /// When the file cannot be read or breaks a rule, or a built-in sequence has fewer frames.
    pub fn read(&self, frames: usize) -> Result<Sequence, ReconError> {
        match self {
            Self::Fisp => Sequence::fisp().truncated(frames).setting("cut"),
            Self::DeliCs => Sequence::deli_cs().truncated(frames).setting("cut"),
            Self::File(path) => read_file(path),
        }
    }
}

fn read_file(path: &Path) -> Result<Sequence, ReconError> {
    if is_pulseq(path) {
        let steps = pulseq_steps::steps(&read_pulseq(path).file(path)?);
        let steps = steps.map_err(|problem| ReconError::input(path, problem))?;
        return Sequence::of_steps(steps).file(path);
    }
    let text = diph_formats::read_text(path).file(path)?;
    Sequence::from_json(&text).file(path)
}

//! `diph info`: what a file is, and what to do with it.

use std::path::PathBuf;

use clap::Args;
use diph_datasets::FileDescription;
use diph_formats::CflFile;
use diph_recon::Blame;
use diph_recon::memory::{files, program};

use crate::Context;
use crate::output::AppError;

/// Arguments of `diph info`.
#[derive(Args, Debug)]
pub struct InfoArgs {
    /// A file or a data folder
    pub file: PathBuf,
}

impl InfoArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the file cannot be read, or is of no format that is known.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let paths = match CflFile::is_named_by(&self.file) {
            true => Vec::from(CflFile::files(&self.file)),
            false => vec![self.file.clone()],
        };
        let reading = program().and(files(paths.iter().map(PathBuf::as_path)));
        context.memory.check("reading the file", &reading, "check whether it is what it should be")?;
        let description = FileDescription::of(&self.file).file(&self.file)?;
        context.output.result(&description, || words(&self.file.display().to_string(), &description))
    }
}

fn words(name: &str, description: &FileDescription) -> String {
    let mut lines = vec![format!("{name}: {}", description.what)];
    lines.extend(description.facts.iter().map(|(fact, value)| format!("  {fact}: {value}")));
    if !description.missing.is_empty() {
        lines.push(format!("missing for a reconstruction: {}", description.missing.join(", ")));
    }
    lines.extend(description.command.iter().map(|command| format!("next: {command}")));
    lines.join("\n")
}

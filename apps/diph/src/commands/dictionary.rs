//! `diph dictionary`: fingerprints over a grid of tissues.

use std::path::{Path, PathBuf};

use clap::Args;
use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_formats::{ArrayFile, OutputFile};
use diph_recon::Blame;
use diph_recon::acquisition::{SequenceSource, dictionary_file};
use diph_recon::memory::dictionary_plan;
use serde_json::json;

use super::{Values, check_coefficients, lossy, print_estimate};
use crate::Context;
use crate::output::{AppError, BlameFlag};

/// 200 frames, as the other commands take by default.
const DEFAULT_CUT: usize = 3;

/// Arguments of `diph dictionary`.
#[derive(Args, Debug)]
pub struct DictionaryArgs {
    /// The sequence: fisp, deli-cs, a JSON file, or a Pulseq sequence (`.seq`)
    #[arg(long, value_name = "NAME|FILE")]
    pub sequence: SequenceSource,
    /// How much of a built-in sequence is kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames (default: 3)
    #[arg(long, value_parser = super::parse_cut)]
    pub cut: Option<usize>,
    /// T1 in seconds, as FIRST:STEP:LAST and single values (default: a grid for the brain)
    #[arg(long, value_name = "VALUES", requires = "t2")]
    pub t1: Option<Values>,
    /// T2 in seconds; pairs with T2 > T1 are left out
    #[arg(long, value_name = "VALUES", requires = "t1")]
    pub t2: Option<Values>,
    /// B1 factors: a third axis
    #[arg(long, value_name = "VALUES", requires = "t1")]
    pub b1: Option<Values>,
    /// Coefficients of the temporal subspace
    #[arg(long, default_value_t = 5)]
    pub coefficients: usize,
    /// The file to write: `.mat` (the Python code's layout) or `.npz`
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace a file of that name that holds something else
    #[arg(long)]
    pub force: bool,
    /// Say how much memory it would need, and stop
    #[arg(long)]
    pub dry_run: bool,
}

impl DictionaryArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the flag or the file to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        if let (SequenceSource::File(path), Some(_)) = (&self.sequence, self.cut) {
            let message = format!("has no effect: {} is taken as it is; leave it out", path.display());
            return Err(AppError::usage("--cut", message));
        }
        let sequence = self.sequence.read(Sequence::CUTS[self.cut.unwrap_or(DEFAULT_CUT)])?;
        check_coefficients(self.coefficients, sequence.frames())?;
        let parameters = if self.b1.is_some() { 3 } else { 2 };
        let estimate = dictionary_plan(self.atoms(), sequence.frames(), self.coefficients, parameters);
        let advice = "take fewer values of T1, T2 or B1, or fewer frames (--cut)";
        context.memory.check("simulating the dictionary", &estimate, advice)?;
        if self.dry_run {
            return print_estimate(context, &estimate);
        }
        let grid = self.grid()?;
        let inputs: Vec<&Path> = match &self.sequence {
            SequenceSource::File(path) => vec![path],
            _ => Vec::new(),
        };
        let out = OutputFile::new(&self.out, self.force, &inputs).file(&self.out)?;
        ArrayFile::of_name(&self.out).flag("--out")?;
        let spinner = context.output.spinner("simulating the dictionary");
        let is_cancelled = || context.cancel.is_cancelled();
        let dictionary = Dictionary::simulate_unless(&is_cancelled, &sequence, &grid, self.coefficients);
        let dictionary = dictionary.flag("--coefficients")?;
        drop(spinner);
        context.cancel.check()?;
        let bytes = dictionary_file(&dictionary).to_bytes(&self.out).file(&self.out)?;
        out.write(&bytes).file(&self.out)?;
        let (atoms, frames, left_out) = (dictionary.len(), dictionary.frames(), grid.left_out());
        let result = json!({
            "file": lossy(&self.out), "atoms": atoms, "frames": frames, "coefficients": self.coefficients, "left_out": left_out,
        });
        context.output.result(&result, || {
            format!(
                "{atoms} atoms over {frames} frames in {} ({left_out} pairs with T2 > T1 left out)",
                self.out.display()
            )
        })
    }

    /// Entries of the grid, counted without making it.
    fn atoms(&self) -> usize {
        let (Some(Values(t1)), Some(Values(t2))) = (&self.t1, &self.t2) else {
            return DictionaryGrid::BRAIN_ATOMS;
        };
        let b1 = self.b1.as_ref().map_or(1, |Values(b1)| b1.len());
        let mut sorted = t2.clone();
        sorted.sort_by(f64::total_cmp);
        t1.iter().map(|t1| sorted.partition_point(|t2| t2 <= t1)).sum::<usize>().saturating_mul(b1)
    }

    fn grid(&self) -> Result<DictionaryGrid, AppError> {
        let (Some(Values(t1)), Some(Values(t2))) = (&self.t1, &self.t2) else {
            return Ok(DictionaryGrid::brain());
        };
        let none = Vec::new();
        let b1 = self.b1.as_ref().map_or(&none, |Values(b1)| b1);
        DictionaryGrid::product(t1, t2, b1).flag("--t1, --t2, --b1")
    }
}

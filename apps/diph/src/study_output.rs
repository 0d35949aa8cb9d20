//! What a study says on the terminal while it works.

use diph_recon::ReconError;
use diph_recon::reconstruction::Step;
use diph_recon::study::{LoggedStep, Notice, ReconstructedSlice, StudyObserver};
use diph_render::StudyPictures;

use crate::output::{Bar, Output};

/// Prints notes and warnings, shows a bar for every sample, and draws the pictures.
pub struct StudyOutput<'a> {
    output: &'a Output,
    bar: Option<Bar>,
    /// What was drawn.
    pub pictures: StudyPictures,
}

impl<'a> StudyOutput<'a> {
    /// Through an output of the program.
    pub fn new(output: &'a Output) -> Self {
        Self { output, bar: None, pictures: StudyPictures::default() }
    }
}

impl StudyObserver for StudyOutput<'_> {
    fn notice(&mut self, notice: &Notice) {
        match notice.is_warning() {
            true => self.output.warn(notice),
            false => self.output.note(notice),
        }
    }

    fn sample_begins(&mut self, label: &str) {
        self.bar = None;
        self.bar = Some(self.output.bar(label, 1));
    }

    fn step(&mut self, step: &Step<'_>) {
        if let Some(bar) = &self.bar {
            bar.set(step.iteration, step.max_iterations);
        }
    }

    fn logged(&mut self, step: &LoggedStep<'_>) -> Result<(), ReconError> {
        self.pictures.logged(step)
    }

    fn reconstructed(&mut self, slice: &ReconstructedSlice<'_>) -> Result<(), ReconError> {
        self.bar = None;
        if slice.posterior.is_some() {
            self.output.note(format_args!("{} {}: {}", slice.method.name, slice.id, slice.summary));
        }
        self.pictures.reconstructed(slice)
    }
}

//! Progress of long work.

use indicatif::ProgressBar;

/// A progress bar; invisible where nobody looks. It vanishes when dropped.
#[derive(Debug)]
pub struct Bar(pub(super) ProgressBar);

impl Bar {
    /// Shows that `done` of `total` steps are finished.
    pub fn set(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    /// One more step is finished.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Says what is being worked on, at the end of the line.
    pub fn message(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }

    /// Finished steps.
    pub fn done(&self) -> usize {
        self.0.position() as usize
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

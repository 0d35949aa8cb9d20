//! Everything that is printed.

use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use diph_recon::Blame;

use super::{AppError, Bar, Exit, Mode};

/// Everything that is printed goes through here, so that bars, notes and results do not disturb each other.
#[derive(Debug)]
pub struct Output {
    mode: Mode,
    bars: MultiProgress,
    has_result: AtomicBool,
}

impl Output {
    /// Output for a person or a program. Bars show only where standard error is a terminal.
    pub fn new(mode: Mode) -> Self {
        let target = if mode == Mode::Human { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { mode, bars: MultiProgress::with_draw_target(target), has_result: AtomicBool::new(false) }
    }

    /// A bar for work of a known number of steps; several may stand at once.
    pub fn bar(&self, label: impl Into<String>, steps: usize) -> Bar {
        let bar = ProgressBar::new(steps as u64).with_style(bar_style()).with_prefix(label.into());
        Bar(self.bars.add(bar))
    }

    /// A turning sign for work of unknown length.
    pub fn spinner(&self, label: impl Into<String>) -> Bar {
        let spinner = self.bars.add(ProgressBar::new_spinner().with_style(spinner_style()).with_prefix(label.into()));
        spinner.enable_steady_tick(Duration::from_millis(120));
        Bar(spinner)
    }

    /// A line for people, on standard error; silent with `--quiet` and `--json`.
    pub fn note(&self, line: impl Display) {
        if self.mode == Mode::Human {
            self.say(&line.to_string());
        }
    }

    /// Several [notes](Self::note).
    pub fn note_all(&self, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.note(line));
    }

    /// A line about something that may spoil the result, on standard error, in every mode.
    pub fn warn(&self, line: impl Display) {
        self.say(&format!("warning: {line}"));
    }

    /// Says lines on standard error from any thread, in every mode, without disturbing bars.
    pub fn voice(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let bars = self.bars.clone();
        move |line| say(&bars, line)
    }

    /// The result of the command, once: as JSON for a program, as text for a person.
    ///
    /// # Errors
    /// [`AppError::Recon`] when standard output is closed.
    pub fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), AppError> {
        let text = match self.mode {
            Mode::Json => serde_json::to_string_pretty(value).step("printing the result")?,
            Mode::Human | Mode::Quiet => text(),
        };
        self.has_result.store(true, Ordering::Relaxed);
        Ok(self.print(&text).step("printing the result")?)
    }

    /// Says why the command ended early, and gives the code to end with. Standard error gets one line; for a program
    /// standard output gets `{"error": .., "exit_code": ..}`, unless it has the result already.
    pub fn fail(&self, error: &AppError) -> Exit {
        self.say(&format!("error: {error}"));
        if self.mode == Mode::Json && !self.has_result.load(Ordering::Relaxed) {
            let value = serde_json::json!({ "error": error.to_string(), "exit_code": error.exit() as u8 });
            // Whoever closed standard output does not want to hear of it; the exit code still tells.
            let _ = self.print(&value.to_string());
        }
        error.exit()
    }

    fn say(&self, line: &str) {
        say(&self.bars, line);
    }

    fn print(&self, text: &str) -> std::io::Result<()> {
        self.bars.suspend(|| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", text.trim_end())?;
            out.flush()
        })
    }
}

/// Standard error may be closed or on a full disk. Whoever cannot be told misses the line; the work goes on, and the exit code
/// still tells.
fn say(bars: &MultiProgress, line: &str) {
    let _ = bars.suspend(|| writeln!(std::io::stderr(), "{line}"));
}

fn bar_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix:24!} [{bar:32}] {pos:>4}/{len} {elapsed:>4} {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

fn spinner_style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix:24!} {spinner} {elapsed:>4} {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        assert!(ProgressStyle::with_template("{prefix:24!} [{bar:32}] {pos:>4}/{len} {elapsed:>4} {msg}").is_ok());
        assert!(ProgressStyle::with_template("{prefix:24!} {spinner} {elapsed:>4} {msg}").is_ok());
    }

    #[test]
    fn modes() {
        assert_eq!(Mode::from_flags(true, true), Mode::Json);
        assert_eq!(Mode::from_flags(true, false), Mode::Quiet);
        assert_eq!(Mode::from_flags(false, false), Mode::Human);
    }

    #[test]
    fn bars_count_where_nobody_looks() {
        let bar = Output::new(Mode::Json).bar("lrtv", 10);
        bar.step();
        bar.step();
        assert_eq!(bar.done(), 2);
        bar.set(7, 20);
        assert_eq!(bar.done(), 7);
    }

    #[test]
    fn a_failure_gives_its_exit_code() {
        let output = Output::new(Mode::Quiet);
        assert_eq!(output.fail(&AppError::Check("2 of 9 checks failed".into())), Exit::CheckFailed);
    }
}

//! One line per step.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use diph_formats::is_there;

use diph_recon::{Blame, ReconError, write_bytes};
use diph_render::{AxisScale, LinePlot, Series};

const HEADER: &str = "step,loss,gradient_norm,learning_rate,seconds,images_per_second";

/// Points of the drawn curve at most: noise hides what lies between them.
const CURVE_POINTS: usize = 300;

/// One step of an optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoggedStep {
    /// Its number, from 0.
    pub step: u64,
    /// Mean loss over its images.
    pub loss: f64,
    /// Euclidean norm of the gradient of all parameters, before clipping.
    pub gradient_norm: f64,
    /// Learning rate that it was done with.
    pub learning_rate: f64,
}

impl From<diph_diffusion::TrainingStep> for LoggedStep {
    fn from(step: diph_diffusion::TrainingStep) -> Self {
        let diph_diffusion::TrainingStep { step, loss, gradient_norm, learning_rate } = step;
        Self { step, loss, gradient_norm, learning_rate }
    }
}

impl From<diph_regression::TrainingStep> for LoggedStep {
    fn from(step: diph_regression::TrainingStep) -> Self {
        let diph_regression::TrainingStep { step, loss, gradient_norm, learning_rate } = step;
        Self { step, loss, gradient_norm, learning_rate }
    }
}

/// `log.csv`: what every step said, and how long it took. Grows with every step.
pub struct TrainingLog {
    path: PathBuf,
    file: File,
    losses: Vec<(u64, f64)>,
}

impl TrainingLog {
    /// Opens a log to go on after `steps` steps; what an interrupted run has written beyond them is cut off.
    ///
    /// # Errors
    /// Naming the file when it cannot be read or written.
    pub fn open(path: &Path, steps: u64) -> Result<Self, ReconError> {
        let old = if is_there(path).file(path)? { std::fs::read_to_string(path).file(path)? } else { String::new() };
        let (mut kept, mut losses) = (format!("{HEADER}\n"), Vec::new());
        for line in old.lines().skip(1) {
            // The last line may be half written.
            let Some(entry) = parse(line).filter(|(step, _)| *step <= steps) else { break };
            kept += &format!("{line}\n");
            losses.push(entry);
        }
        write_bytes(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).file(path)?;
        Ok(Self { path: path.to_owned(), file, losses })
    }

    /// Adds a step of `images` images that took so many seconds.
    ///
    /// # Errors
    /// Naming the file when it cannot be written.
    pub fn record(&mut self, step: &LoggedStep, images: usize, seconds: f64) -> Result<(), ReconError> {
        let LoggedStep { step, loss, gradient_norm, learning_rate } = *step;
        let done = step + 1;
        let rate = images as f64 / seconds;
        let line = format!("{done},{loss:.6e},{gradient_norm:.6e},{learning_rate:.6e},{seconds:.3},{rate:.3}\n");
        self.file.write_all(line.as_bytes()).file(&self.path)?;
        // As it will be read again, so that a run that goes on draws the same curve.
        self.losses.extend(parse(line.trim_end()));
        Ok(())
    }

    /// Mean loss of the last `count` steps.
    pub fn recent_loss(&self, count: usize) -> f64 {
        mean(&self.losses[self.losses.len().saturating_sub(count)..])
    }

    /// The loss over the steps as a PNG, averaged over stretches; `None` before the first step.
    pub fn picture(&self) -> diph_core::Result<Option<Vec<u8>>> {
        if self.losses.is_empty() {
            return Ok(None);
        }
        let stretch = self.losses.len().div_ceil(CURVE_POINTS);
        let point = |part: &[(u64, f64)]| {
            (part.iter().map(|(step, _)| *step as f64).sum::<f64>() / part.len() as f64, mean(part))
        };
        let plot = LinePlot {
            title: "Training".into(),
            x_label: "step".into(),
            y_label: format!("loss (mean over {stretch} steps)"),
            y_scale: AxisScale::Log,
            series: vec![Series { name: "loss".into(), points: self.losses.chunks(stretch).map(point).collect() }],
            ..LinePlot::default()
        };
        plot.draw()?.to_png().map(Some)
    }
}

fn mean(losses: &[(u64, f64)]) -> f64 {
    losses.iter().map(|(_, loss)| loss).sum::<f64>() / losses.len().max(1) as f64
}

/// Step and loss of a whole line.
fn parse(line: &str) -> Option<(u64, f64)> {
    let fields: Vec<&str> = line.split(',').collect();
    let complete = fields.len() == HEADER.split(',').count() && fields.iter().all(|field| field.parse::<f64>().is_ok());
    complete.then(|| Some((fields[0].parse().ok()?, fields[1].parse().ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resuming_cuts_off_what_came_after_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        let mut log = TrainingLog::open(&path, 0).unwrap();
        assert!(log.picture().unwrap().is_none());
        for step in 0..5 {
            let step = LoggedStep { step, loss: 1.0 / (step + 1) as f64, gradient_norm: 0.5, learning_rate: 1e-3 };
            log.record(&step, 2, 0.5).unwrap();
        }
        assert!((log.recent_loss(2) - (0.25 + 0.2) / 2.0).abs() < 1e-12);
        let picture = log.picture().unwrap();
        assert!(picture == TrainingLog::open(&path, 5).unwrap().picture().unwrap(), "of a run that goes on");
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "6,0.1").unwrap();
        drop(TrainingLog::open(&path, 5).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 6);
        let log = TrainingLog::open(&path, 3).unwrap();
        assert!(log.picture().unwrap().is_some());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 4);
        assert_eq!(text.lines().last(), Some("3,3.333333e-1,5.000000e-1,1.000000e-3,0.500,4.000"));
    }
}

//! One run of a worker: its events, and how it ended.

use std::fs;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diph_plugin_host::{manner_of_death, read_trace};
use diph_recon::{Blame, Cancel};

use super::worker::Event;
use crate::Context;
use crate::output::AppError;

/// How often a worker is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// What a worker told, and what ended it where it did not end itself.
pub struct Trial {
    /// What the trial reported, in its order.
    pub events: Vec<Event>,
    /// How it died, in words; `None` for a worker that came to its end.
    pub death: Option<String>,
    /// The first line that it printed, though nothing but the plugin could.
    pub printed: Option<String>,
}

impl Trial {
    /// Runs this program as a worker with `arguments`. `time_out` is the longest time without an event.
    ///
    /// # Errors
    /// When the worker cannot be started, or the user asks to stop.
    pub fn run(context: &Context, arguments: &[String], time_out: Duration) -> Result<Self, AppError> {
        const STEP: &str = "starting a process for the plugin";
        let folder = tempfile::tempdir().step(STEP)?;
        let [events, trace, words, printed] =
            ["events", "trace", "words", "printed"].map(|name| folder.path().join(name));
        let [errors, output] = [&words, &printed].map(fs::File::create);
        let mut child = context
            .launch
            .again()
            .args(arguments)
            .arg("--events")
            .arg(&events)
            .arg("--trace")
            .arg(&trace)
            .stdin(Stdio::null())
            .stdout(output.step(STEP)?)
            .stderr(errors.step(STEP)?)
            .spawn()
            .step(STEP)?;
        let end = wait(&mut child, &events, time_out, &context.cancel);
        // Whatever happens here, it does not stay behind.
        let _ = child.kill();
        let _ = child.wait();
        let end = end?;
        let events = read_events(&events);
        let is_whole = matches!(events.last(), Some(Event::Components(_) | Event::Done(_) | Event::Failed(..)));
        let death = (!is_whole).then(|| {
            let place = read_trace(&trace).unwrap_or_default();
            let place = if place.is_empty() { "outside of its functions".into() } else { place };
            let how = match end {
                None => format!("no answer after {} s", time_out.as_secs_f64()),
                Some(status) => manner_of_death(status),
            };
            match lines(&words).pop() {
                Some(line) => format!("died in {place}: {how}; its last words: {line}"),
                None => format!("died in {place}: {how}"),
            }
        });
        Ok(Self { events, death, printed: lines(&printed).into_iter().next() })
    }
}

/// Lines of a file that hold something.
fn lines(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// Waits for the end; `None` when nothing happened for too long.
fn wait(child: &mut Child, events: &Path, time_out: Duration, cancel: &Cancel) -> Result<Option<ExitStatus>, AppError> {
    let (mut length, mut last) = (0, Instant::now());
    loop {
        if let Some(status) = child.try_wait().step("waiting for the plugin")? {
            return Ok(Some(status));
        }
        cancel.check()?;
        let now = fs::metadata(events).map_or(0, |metadata| metadata.len());
        if now != length {
            (length, last) = (now, Instant::now());
        }
        if last.elapsed() > time_out {
            return Ok(None);
        }
        sleep(PAUSE);
    }
}

/// The whole lines of the file; a worker that died may have left half of one.
fn read_events(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
}

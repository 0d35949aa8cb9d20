//! Pulse sequences: flip angles and times of every frame.

mod built_in;

use std::f64::consts::TAU;

use diph_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::Step;
use crate::epg_played::with_real_signals;
use crate::played_sequence::PlayedSequence;

const OPERATION: &str = "sequence";

/// Longer than any repetition time of fingerprinting, and shorter than nearly all in milliseconds.
const LONGEST_TR_S: f64 = 5.0;

/// A sequence: FISP by its flip angles and times, or any other by its steps.
///
/// FISP (fast imaging with steady-state precession, unbalanced), optionally after an inversion pulse: inversion, TI, then for every frame
/// an RF pulse about x, the echo at TE, and one spoiler cycle before the next pulse. Steps ([`Step`]) hold preparations, segments and
/// balanced sequences too ([`of_steps`](Self::of_steps)).
///
/// # File form
/// A JSON object with exactly these keys; unknown ones are refused.
///
/// | key | type | meaning |
/// |---|---|---|
/// | `flip_angle_rad` | array of numbers | flip angle of every frame (rad) |
/// | `tr_s` | array of numbers, as many | time from the pulse of a frame to the next pulse (s) |
/// | `te_s` | number | echo time of every frame (s), below the shortest TR |
/// | `ti_s` | number | time from the inversion to the first pulse (s); no effect without inversion |
/// | `inversion` | true or false | whether a perfect inversion pulse comes first |
///
/// A sequence of steps has the one key `steps`, a list of
/// `{"pulse": {"angle_rad": 0.5, "phase_rad": 0}}`, `"invert"`, `{"wait_s": 0.01}`, `{"spoil": 1}` and `{"echo": {"phase_rad": 0}}`;
/// phases may be left out.
///
/// ```
/// let text = r#"{"flip_angle_rad": [0.1, 0.2], "tr_s": [0.012, 0.012], "te_s": 0.002, "ti_s": 0.02, "inversion": true}"#;
/// let sequence = diph_bloch::Sequence::from_json(text)?;
/// assert_eq!(sequence.frames(), 2);
/// assert_eq!(diph_bloch::Sequence::from_json(&sequence.to_json())?, sequence);
/// # Ok::<(), diph_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// Of a sequence of steps, what they amount to.
    file: SequenceFile,
    played: Option<PlayedSequence>,
}

/// The JSON form of steps.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepsFile {
    steps: Vec<Step>,
}

/// The JSON form, before it is checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SequenceFile {
    flip_angle_rad: Vec<f64>,
    tr_s: Vec<f64>,
    te_s: f64,
    ti_s: f64,
    inversion: bool,
}

impl Sequence {
    /// A sequence that starts with a perfect inversion, `ti_s` before the first pulse. Flip angles (rad) and repetition
    /// times (s) per frame, echo time (s).
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no frame, the two lists differ in length, a value is not finite, a TR is not
    /// positive, TE or TI is negative, or TE does not lie before the end of every TR.
    pub fn new(flip_angle_rad: Vec<f64>, tr_s: Vec<f64>, te_s: f64, ti_s: f64) -> Result<Self> {
        SequenceFile { flip_angle_rad, tr_s, te_s, ti_s, inversion: true }.try_into()
    }

    /// A sequence of any steps. Frames are its echoes.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no pulse before the first echo, a value is not finite, a wait is negative or longer than five
    /// minutes, dephasing adds up to more than 10000 cycles, or signals of different frames differ in their phase: dictionaries are real.
    pub fn of_steps(steps: Vec<Step>) -> Result<Self> {
        Ok(Self::of_played(with_real_signals(PlayedSequence::new(steps)?)?))
    }

    fn of_played(played: PlayedSequence) -> Self {
        let summary = played.summary();
        let file = SequenceFile {
            flip_angle_rad: summary.flip_angle_rad,
            tr_s: summary.tr_s,
            te_s: summary.te_s,
            ti_s: summary.ti_s.unwrap_or(0.0),
            inversion: summary.ti_s.is_some(),
        };
        Self { file, played: Some(played) }
    }

    /// The steps, where the sequence is given by them.
    pub(crate) fn played(&self) -> Option<&PlayedSequence> {
        self.played.as_ref()
    }

    /// The same FISP sequence without the inversion pulse.
    pub fn without_inversion(mut self) -> Self {
        self.file.inversion = false;
        self
    }

    /// Reads a sequence from its JSON form.
    ///
    /// # Errors
    /// [`Error::External`] when the text is not such an object; [`Error::Parameter`] when it breaks a rule of [`Sequence::new`] or
    /// [`Sequence::of_steps`], or when angles can only be in degrees, or times in milliseconds.
    pub fn from_json(text: &str) -> Result<Self> {
        let external = |error: serde_json::Error| Error::external(OPERATION, error);
        let value: serde_json::Value = serde_json::from_str(text).map_err(external)?;
        if value.get("steps").is_some() {
            return Self::of_steps(serde_json::from_value::<StepsFile>(value).map_err(external)?.steps);
        }
        let file: SequenceFile = serde_json::from_value(value).map_err(external)?;
        let sequence = Self::try_from(file)?;
        let in_degrees = sequence.file.flip_angle_rad.iter().find(|angle| angle.abs() > TAU);
        let in_milliseconds = sequence.file.tr_s.iter().find(|tr| **tr > LONGEST_TR_S);
        match (in_degrees, in_milliseconds) {
            (Some(angle), _) => {
                Err(Error::parameter(OPERATION, "flip_angle_rad", "radians, within +-2 pi; convert degrees", angle))
            }
            (None, Some(tr)) => {
                let expected = format!("seconds, at most {LONGEST_TR_S}; divide milliseconds by 1000");
                Err(Error::parameter(OPERATION, "tr_s", expected, tr))
            }
            (None, None) => Ok(sequence),
        }
    }

    /// The sequence in its JSON form.
    pub fn to_json(&self) -> String {
        match &self.played {
            Some(played) => serde_json::json!(StepsFile { steps: played.steps().to_vec() }).to_string(),
            None => serde_json::json!(self.file).to_string(),
        }
    }

    /// The sequence of the first `frames` frames.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `frames` is 0 or more than there are.
    pub fn truncated(mut self, frames: usize) -> Result<Self> {
        if frames == 0 || frames > self.frames() {
            let expected = format!("1 to {}", self.frames());
            return Err(Error::parameter(OPERATION, "number of frames", expected, frames));
        }
        if let Some(played) = self.played.take() {
            return Ok(Self::of_played(played.truncated(frames)?));
        }
        self.file.flip_angle_rad.truncate(frames);
        self.file.tr_s.truncate(frames);
        Ok(self)
    }

    /// Number of frames, one pulse and one echo each.
    pub fn frames(&self) -> usize {
        self.file.tr_s.len()
    }

    /// Flip angle of every frame (rad); of steps that of the last pulse before the echo.
    pub fn flip_angle_rad(&self) -> &[f64] {
        &self.file.flip_angle_rad
    }

    /// Repetition time of every frame (s), from its pulse to that of the next frame.
    pub fn tr_s(&self) -> &[f64] {
        &self.file.tr_s
    }

    /// Echo time (s); of steps that of the first frame.
    pub fn te_s(&self) -> f64 {
        self.file.te_s
    }

    /// Time from the (first) inversion to the next pulse (s).
    pub fn ti_s(&self) -> f64 {
        self.file.ti_s
    }

    /// Whether the sequence has an inversion pulse; one of FISP comes first.
    pub fn inversion(&self) -> bool {
        self.file.inversion
    }
}

impl TryFrom<SequenceFile> for Sequence {
    type Error = Error;

    fn try_from(file: SequenceFile) -> Result<Self> {
        let (flips, tr) = (&file.flip_angle_rad, &file.tr_s);
        if flips.is_empty() || flips.len() != tr.len() {
            return Err(Error::parameter(
                OPERATION,
                "flip_angle_rad and tr_s",
                "one entry per frame in both, at least one frame",
                format!("{} and {} entries", flips.len(), tr.len()),
            ));
        }
        if let Some(frame) = flips.iter().position(|flip| !flip.is_finite()) {
            return Err(Error::parameter(
                OPERATION,
                format!("flip_angle_rad[{frame}]"),
                "a finite angle",
                flips[frame],
            ));
        }
        if let Some(frame) = tr.iter().position(|tr| !(tr.is_finite() && *tr > 0.0)) {
            return Err(Error::parameter(OPERATION, format!("tr_s[{frame}]"), "a finite, positive time", tr[frame]));
        }
        for (name, time) in [("te_s", file.te_s), ("ti_s", file.ti_s)] {
            if !(time.is_finite() && time >= 0.0) {
                return Err(Error::parameter(OPERATION, name, "a finite time, not negative", time));
            }
        }
        let shortest = tr.iter().copied().fold(f64::INFINITY, f64::min);
        if file.te_s >= shortest {
            let expected = format!("less than every TR (the shortest is {shortest} s)");
            return Err(Error::parameter(OPERATION, "te_s", expected, file.te_s));
        }
        Ok(Self { file, played: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(flips: Vec<f64>, tr: Vec<f64>, te: f64, ti: f64, word: &str) {
        let error = Sequence::new(flips, tr, te, ti).expect_err("a broken rule");
        assert!(matches!(error, Error::Parameter { .. }));
        assert!(error.to_string().contains(word), "{error}");
    }

    #[test]
    fn broken_rules_are_named() {
        refused(vec![], vec![], 0.0, 0.0, "at least one frame");
        refused(vec![0.1], vec![0.01, 0.01], 0.0, 0.0, "1 and 2 entries");
        refused(vec![0.1, f64::NAN], vec![0.01, 0.01], 0.0, 0.0, "flip_angle_rad[1]");
        refused(vec![0.1, 0.1], vec![0.01, 0.0], 0.0, 0.0, "tr_s[1]");
        refused(vec![0.1], vec![0.01], 0.01, 0.0, "less than every TR");
        refused(vec![0.1], vec![0.01], -0.001, 0.0, "te_s");
        refused(vec![0.1], vec![0.01], 0.001, f64::INFINITY, "ti_s");
    }

    #[test]
    fn json_refuses_unknown_missing_and_impossible_entries() {
        let good = r#"{"flip_angle_rad": [0.1], "tr_s": [0.01], "te_s": 0.001, "ti_s": 0.02, "inversion": false}"#;
        assert!(!Sequence::from_json(good).expect("valid").inversion());
        for (from, to, word) in [
            ("\"te_s\"", "\"te\"", "unknown field `te`"),
            (", \"inversion\": false", "", "missing field `inversion`"),
            ("0.001", "0.5", "less than every TR"),
            ("[0.1]", "[60.0]", "convert degrees"),
            ("[0.01]", "[12.0]", "divide milliseconds by 1000"),
        ] {
            let error = Sequence::from_json(&good.replace(from, to)).expect_err("invalid").to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}

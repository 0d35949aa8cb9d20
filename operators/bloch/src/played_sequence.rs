//! Sequences of any kind, step by step.

use std::f64::consts::{PI, TAU};

use diph_core::{Error, Result};
use serde::{Deserialize, Serialize};

const OPERATION: &str = "sequence";

/// The longest wait: five minutes hold every pause between heartbeats or shots.
const LONGEST_WAIT_S: f64 = 300.0;

/// The most cycles of dephasing that may add up: memory grows with them.
const MOST_CYCLES: usize = 10_000;

/// One step of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// A pulse that takes no time; the transmit field (B1) scales its angle.
    Pulse {
        /// Flip angle (rad).
        angle_rad: f64,
        /// Direction of its axis against x (rad).
        #[serde(default)]
        phase_rad: f64,
    },
    /// An adiabatic inversion: 180 degrees about x, whatever the transmit field is.
    Invert,
    /// Nothing but relaxation (s).
    WaitS(f64),
    /// Dephasing by a number of cycles over the voxel; a negative number undoes as many.
    Spoil(i32),
    /// The signal of a frame.
    Echo {
        /// Phase of the receiver (rad).
        #[serde(default)]
        phase_rad: f64,
    },
}

/// Steps that are valid, and the numbers by which people know a sequence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlayedSequence {
    steps: Vec<Step>,
    most_orders: usize,
}

/// Flip angles and times of a sequence.
pub(crate) struct Summary {
    pub(crate) flip_angle_rad: Vec<f64>,
    pub(crate) tr_s: Vec<f64>,
    pub(crate) te_s: f64,
    /// From the first inversion to the next pulse, if there is an inversion.
    pub(crate) ti_s: Option<f64>,
}

impl PlayedSequence {
    /// Checks steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no echo, or one before the first pulse, a value is not finite, a wait is negative or longer
    /// than five minutes, or dephasing adds up to more than 10000 cycles.
    pub(crate) fn new(steps: Vec<Step>) -> Result<Self> {
        for (index, step) in steps.iter().enumerate() {
            check(index, step)?;
        }
        let is_pulse = |step: &Step| matches!(step, Step::Pulse { .. });
        let is_echo = |step: &Step| matches!(step, Step::Echo { .. });
        match (steps.iter().position(is_pulse), steps.iter().position(is_echo)) {
            (Some(pulse), Some(echo)) if pulse < echo => (),
            (pulse, echo) => {
                let got = format!("the first pulse at {pulse:?} and the first echo at {echo:?}");
                return Err(Error::parameter(OPERATION, "steps", "a pulse and an echo after it", got));
            }
        }
        Ok(Self { most_orders: most_orders(&steps)?, steps })
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The highest order of dephasing that can reach an echo.
    pub(crate) fn most_orders(&self) -> usize {
        self.most_orders
    }

    pub(crate) fn frames(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Echo { .. })).count()
    }

    /// The steps up to the echo of frame `frames - 1`.
    pub(crate) fn truncated(mut self, frames: usize) -> Result<Self> {
        let echoes = self.steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Echo { .. }));
        if let Some((last, _)) = echoes.take(frames).last() {
            self.steps.truncate(last + 1);
        }
        self.most_orders = most_orders(&self.steps)?;
        Ok(self)
    }

    /// The sequence with a receiver that is turned by an angle (rad) in every echo.
    pub(crate) fn with_turned_receiver(mut self, turn: f64) -> Self {
        for step in &mut self.steps {
            if let Step::Echo { phase_rad } = step {
                *phase_rad = (*phase_rad + turn + PI).rem_euclid(TAU) - PI;
            }
        }
        self
    }

    pub(crate) fn summary(&self) -> Summary {
        let (mut time, mut pulse, mut inverted, mut ti_s) = (0.0, None, None, None);
        let mut frames: Vec<(f64, f64, f64)> = Vec::new();
        for step in &self.steps {
            match *step {
                Step::WaitS(wait) => time += wait,
                Step::Invert => inverted = inverted.or(Some(time)),
                Step::Pulse { angle_rad, .. } => {
                    pulse = Some((time, angle_rad));
                    ti_s = ti_s.or(inverted.map(|inverted: f64| time - inverted));
                }
                Step::Echo { .. } => {
                    let (start, angle) = pulse.unwrap_or((time, 0.0));
                    frames.push((start, angle, time - start));
                }
                Step::Spoil(_) => (),
            }
        }
        let ends = frames.iter().skip(1).map(|(start, ..)| *start).chain([time]);
        Summary {
            tr_s: frames.iter().zip(ends).map(|((start, ..), end)| end - start).collect(),
            flip_angle_rad: frames.iter().map(|(_, angle, _)| *angle).collect(),
            te_s: frames.first().map_or(0.0, |(.., te)| *te),
            ti_s,
        }
    }
}

fn check(index: usize, step: &Step) -> Result<()> {
    let name = format!("steps[{index}]");
    let (value, expected, is_good) = match *step {
        Step::Pulse { angle_rad, phase_rad } => {
            let good = angle_rad.abs() <= 4.0 * PI && phase_rad.is_finite();
            (angle_rad, "an angle in radians, within 4 pi, and a finite phase; convert degrees", good)
        }
        Step::WaitS(wait) => (wait, "seconds, from 0 to 300", (0.0..=LONGEST_WAIT_S).contains(&wait)),
        Step::Echo { phase_rad } => (phase_rad, "a finite phase", phase_rad.is_finite()),
        Step::Invert | Step::Spoil(_) => return Ok(()),
    };
    if is_good { Ok(()) } else { Err(Error::parameter(OPERATION, name, expected, value)) }
}

/// What was dephased by n cycles needs as many to come back: neither before nor after a step there are more than this allows.
fn most_orders(steps: &[Step]) -> Result<usize> {
    let cycles = |step: &Step| if let Step::Spoil(cycles) = step { cycles.unsigned_abs() as usize } else { 0 };
    let all = steps.iter().map(cycles).fold(0usize, usize::saturating_add);
    let (mut before, mut most) = (0usize, 0);
    for step in steps {
        before = before.saturating_add(cycles(step));
        most = most.max(before.min(all - before.min(all)));
    }
    match most {
        most if most <= MOST_CYCLES => Ok(most),
        most => Err(Error::parameter(OPERATION, "steps", format!("at most {MOST_CYCLES} cycles of dephasing"), most)),
    }
}

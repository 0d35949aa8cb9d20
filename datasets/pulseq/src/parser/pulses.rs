//! RF pulses of a file.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::{Rasters, Shapes};
use crate::error::Result;
use crate::library::{Library, Line};
use crate::{PulseUse, PulseqError, RfPulse, Version};

/// The words of a line, whatever the version.
struct Words<'a> {
    id: &'a str,
    amplitude: &'a str,
    magnitude: &'a str,
    phase_shape: &'a str,
    time: &'a str,
    center: Option<&'a str>,
    delay: &'a str,
    frequency_ppm: &'a str,
    frequency: &'a str,
    phase: &'a str,
    purpose: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn of(line: &Line<'a>, version: Version) -> Result<Self> {
        let (time, frequency_ppm, center, purpose) = ("0", "0", None, None);
        Ok(match version.minor {
            5 => {
                let [
                    id,
                    amplitude,
                    magnitude,
                    phase_shape,
                    time,
                    center,
                    delay,
                    frequency_ppm,
                    _,
                    frequency,
                    phase,
                    letter,
                ] =
                    line.words("id, amplitude, magnitude, phase, time, center, delay, two ppm, frequency, phase, use")?;
                let (center, purpose) = (Some(center), Some(letter));
                Self {
                    id,
                    amplitude,
                    magnitude,
                    phase_shape,
                    time,
                    center,
                    delay,
                    frequency_ppm,
                    frequency,
                    phase,
                    purpose,
                }
            }
            4 => {
                let [id, amplitude, magnitude, phase_shape, time, delay, frequency, phase] =
                    line.words("id, amplitude, magnitude, phase, time, delay, frequency, phase")?;
                Self {
                    id,
                    amplitude,
                    magnitude,
                    phase_shape,
                    time,
                    center,
                    delay,
                    frequency_ppm,
                    frequency,
                    phase,
                    purpose,
                }
            }
            _ => {
                let [id, amplitude, magnitude, phase_shape, delay, frequency, phase] =
                    line.words("id, amplitude, magnitude, phase, delay, frequency, phase")?;
                Self {
                    id,
                    amplitude,
                    magnitude,
                    phase_shape,
                    time,
                    center,
                    delay,
                    frequency_ppm,
                    frequency,
                    phase,
                    purpose,
                }
            }
        })
    }
}

pub(super) fn pulses(
    lines: &[Line<'_>],
    version: Version,
    rasters: &Rasters,
    shapes: &Shapes,
) -> Result<Library<RfPulse>> {
    lines.iter().map(|line| pulse(line, version, rasters, shapes)).collect()
}

fn pulse(line: &Line<'_>, version: Version, rasters: &Rasters, shapes: &Shapes) -> Result<(u32, RfPulse)> {
    let words = Words::of(line, version)?;
    let shape = |word: &str| line.event(shapes, "shape", line.whole(word)?);
    let amplitude = line.number(words.amplitude)?;
    let magnitude = shape(words.magnitude)?;
    // A pulse without a shape of phases has none.
    let phases = if words.phase_shape == "0" { None } else { Some(shape(words.phase_shape)?) };
    let phase = |index: usize| phases.map_or(Some(0.0), |phases| phases.get(index).copied());
    let samples: Option<Vec<Complex64>> = magnitude
        .iter()
        .enumerate()
        .map(|(index, value)| Some(amplitude * value * Complex64::cis(TAU * phase(index)?)))
        .collect();
    let unequal = || PulseqError::line(line.number, "as many phases and times as magnitudes", line.text);
    let samples = samples.ok_or_else(unequal)?;
    let (times, steps, field, sampled_at) = if line.whole(words.time)? == 0 {
        let times: Vec<f64> = (0..samples.len()).map(|index| (index as f64 + 0.5) * rasters.pulse).collect();
        (times.clone(), vec![rasters.pulse; samples.len()], samples.clone(), times)
    } else {
        let knots: Vec<f64> = shape(words.time)?.iter().map(|time| time * rasters.pulse).collect();
        if knots.len() != samples.len() || knots.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(unequal());
        }
        let times = knots.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
        let steps = knots.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let field = samples.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
        (times, steps, field, knots)
    };
    let center = match words.center {
        Some(center) => line.amount(center)? * 1e-6,
        None => RfPulse::middle_of_plateau(&sampled_at, &samples),
    };
    let mut pulse = RfPulse {
        steps,
        field,
        times,
        center,
        delay: line.amount(words.delay)? * 1e-6,
        frequency: line.number(words.frequency)?,
        phase: line.number(words.phase)?,
        frequency_ppm: line.number(words.frequency_ppm)?,
        purpose: PulseUse::Undefined,
    };
    pulse.purpose = match words.purpose {
        Some(letter) => PulseUse::of_letter(letter)
            .ok_or_else(|| PulseqError::line(line.number, "a use of e, r, i, s, p, o or u", letter))?,
        None => pulse.guessed_use(),
    };
    Ok((line.whole(words.id)?, pulse))
}

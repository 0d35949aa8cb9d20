//! RF pulses and what they do to the magnetisation.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use crate::PulseUse;

/// A pulse that still inverts at this share of its amplitude is adiabatic.
const WEAKENED: f64 = 0.8;

/// The least rotation of an adiabatic inversion.
const INVERTS: f64 = 150.0 / 180.0 * PI;

/// An RF event: a complex shape in time.
#[derive(Clone, Debug, PartialEq)]
pub struct RfPulse {
    /// Length of every piece in seconds.
    pub(crate) steps: Vec<f64>,
    /// Field in every piece in Hz, in the frame of the carrier.
    pub(crate) field: Vec<Complex64>,
    /// Time of every piece's middle from the beginning of the shape in seconds.
    pub(crate) times: Vec<f64>,
    /// Where the pulse acts: from the beginning of the shape in seconds.
    pub center: f64,
    /// Time from the beginning of the block to that of the shape in seconds.
    pub delay: f64,
    /// Frequency of the carrier against resonance in Hz.
    pub frequency: f64,
    /// Phase of the carrier.
    pub phase: f64,
    /// Frequency relative to that of the scanner in 1e-6, which files of version 1.5 may have.
    pub frequency_ppm: f64,
    /// What it is for.
    pub purpose: PulseUse,
}

/// What a pulse does: one rotation, at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayedPulse {
    /// When, in seconds from the beginning of the sequence.
    pub time: f64,
    /// Angle of the rotation for spins on resonance in the middle of the slice; never negative.
    pub angle: f64,
    /// Direction of the axis against x in the transverse plane.
    pub phase: f64,
    /// Whether it inverts whatever its amplitude is, within reason (an adiabatic pulse).
    pub is_adiabatic: bool,
    /// What it is for.
    pub purpose: PulseUse,
    /// Whether a gradient selects a slice or slab meanwhile.
    pub is_selective: bool,
    /// Frequency of the carrier against resonance in Hz: which slice it is.
    pub frequency: f64,
}

impl RfPulse {
    /// The middle of the plateau of the largest amplitude, where a file names no centre.
    pub(crate) fn middle_of_plateau(times: &[f64], field: &[Complex64]) -> f64 {
        let most = field.iter().fold(0.0f64, |most, value| most.max(value.norm()));
        let is_top = |value: &Complex64| value.norm() >= most * 0.99999;
        let (first, last) = (field.iter().position(is_top), field.iter().rposition(is_top));
        let at = |index: Option<usize>| index.and_then(|index| times.get(index)).copied().unwrap_or(0.0);
        0.5 * (at(first) + at(last))
    }

    /// What the pulse does to spins on resonance. With a gradient those of the middle of the slice are on the carrier's frequency;
    /// without one, spins of water turn on by that frequency, and a pulse for fat leaves them as they are.
    pub(crate) fn play(&self, start: f64, is_selective: bool) -> PlayedPulse {
        let offset = if is_selective { 0.0 } else { self.frequency };
        let turned: Vec<Complex64> = self
            .field
            .iter()
            .zip(&self.times)
            .map(|(field, time)| field * Complex64::cis(TAU * offset * (time - self.center)))
            .collect();
        let sum: Complex64 = turned.iter().zip(&self.steps).map(|(field, step)| field * step).sum();
        let is_adiabatic = self.rotation(&turned, 1.0) > INVERTS && self.rotation(&turned, WEAKENED) > INVERTS;
        let is_for_others = self.purpose == PulseUse::Saturation && self.frequency_ppm != 0.0;
        PlayedPulse {
            time: start + self.delay + self.center,
            angle: if is_for_others { 0.0 } else { TAU * sum.norm() },
            phase: sum.arg() + self.phase + TAU * self.frequency * self.center,
            is_adiabatic: is_adiabatic && !is_for_others,
            purpose: self.purpose,
            is_selective,
            frequency: self.frequency,
        }
    }

    /// Angle between the longitudinal axis before and after, with the amplitude scaled: the product of the rotations of all pieces.
    fn rotation(&self, field: &[Complex64], scale: f64) -> f64 {
        let (mut a, mut b) = (Complex64::ONE, Complex64::ZERO);
        for (field, step) in field.iter().zip(&self.steps) {
            let half = PI * scale * field.norm() * step;
            let (sin, cos) = half.sin_cos();
            let axis = Complex64::cis(field.arg());
            let turn = Complex64::new(0.0, -sin) * axis;
            (a, b) = (a * cos - turn.conj() * b, turn * a + b * cos);
        }
        2.0 * b.norm().atan2(a.norm())
    }

    /// When the shape ends, from the beginning of the block.
    pub(crate) fn end(&self) -> f64 {
        self.delay + self.steps.iter().sum::<f64>()
    }

    /// The use of pulses in files before version 1.5, which do not say: up to 90 degrees they excite.
    pub(crate) fn guessed_use(&self) -> PulseUse {
        const MOST_OF_EXCITATION: f64 = 90.01 / 180.0 * PI;
        let sum: Complex64 = self.field.iter().zip(&self.steps).map(|(field, step)| field * step).sum();
        if TAU * sum.norm() < MOST_OF_EXCITATION { PulseUse::Excitation } else { PulseUse::Refocusing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(field: impl Fn(f64) -> Complex64, duration: f64) -> RfPulse {
        let steps = vec![duration / 1000.0; 1000];
        let times: Vec<f64> = (0..1000).map(|index| (f64::from(index) + 0.5) * duration / 1000.0).collect();
        let field: Vec<Complex64> = times.iter().map(|time| field(*time)).collect();
        let center = RfPulse::middle_of_plateau(&times, &field);
        let purpose = PulseUse::Undefined;
        RfPulse { steps, field, times, center, delay: 0.0, frequency: 0.0, phase: 0.0, frequency_ppm: 0.0, purpose }
    }

    #[test]
    fn a_block_turns_by_its_area() {
        let block = pulse(|_| Complex64::new(0.0, 250.0), 1e-3);
        let played = block.play(0.5, false);
        assert!((played.angle - PI / 2.0).abs() < 1e-9 && (played.phase - PI / 2.0).abs() < 1e-9);
        assert!((played.time - 0.5005).abs() < 1e-9);
        assert!(!played.is_adiabatic && !pulse(|_| Complex64::new(500.0, 0.0), 1e-3).play(0.0, false).is_adiabatic);
        assert_eq!(block.guessed_use(), PulseUse::Excitation);
    }

    #[test]
    fn a_hyperbolic_secant_inverts_at_any_amplitude() {
        let (duration, beta, mu) = (10e-3, 800.0, 4.9);
        let secant = |time: f64| {
            let envelope = 1.0 / (beta * (time - duration / 2.0)).cosh();
            Complex64::from_polar(1500.0 * envelope, mu * envelope.ln())
        };
        assert!(pulse(secant, duration).play(0.0, false).is_adiabatic);
    }

    #[test]
    fn a_pulse_for_fat_leaves_water() {
        let gauss = |time: f64| Complex64::new(80.0 * (-((time - 4e-3) / 1.5e-3).powi(2)).exp(), 0.0);
        let fat = RfPulse { frequency: -440.0, ..pulse(gauss, 8e-3) };
        assert!(fat.play(0.0, false).angle < 0.03, "{}", fat.play(0.0, false).angle);
        assert!(fat.play(0.0, true).angle > 1.0, "with a gradient, the frequency chooses a slice");
    }
}

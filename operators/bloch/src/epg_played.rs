//! Extended phase graphs of sequences of any kind.
//!
//! States as in Weigel (2015): F of every order from -N to N, where F- of order n is the conjugate of F of order -n, and Z of the orders
//! from 0 on. All are complex, since pulses turn about any axis.

use diph_core::{Error, Result};
use multiversion::multiversion;
use num_complex::Complex64;
use rayon::prelude::*;

use crate::Tissue;
use crate::played_sequence::{PlayedSequence, Step};

/// Tissues that are simulated side by side.
const LANES: usize = 8;
type Lanes = [f64; LANES];

/// Orders whose states are all smaller are left out. Pulses and relaxation make no state larger, so that one order less changes no later
/// signal by more than a few times this, of an equilibrium magnetisation of 1.
const NEGLIGIBLE: f64 = 1e-10;

/// The largest share of a signal that may stand across the axis of all others.
const MOST_ACROSS: f64 = 0.01;

/// Angles below (rad) come from rounding.
const ROUNDING: f64 = 1e-9;

/// Writes the signals of tissues that are known to be valid, row by row.
pub(crate) fn simulate_into(sequence: &PlayedSequence, tissues: &[Tissue], signals: &mut [f64]) {
    let frames = sequence.frames();
    signals.par_chunks_mut(LANES * frames).zip(tissues.par_chunks(LANES)).for_each_init(
        || States::new(sequence),
        |states, (rows, tissues)| {
            let last = tissues.len() - 1;
            let mut frame = 0;
            run(states, sequence, &std::array::from_fn(|lane| tissues[lane.min(last)]), &mut |re, _| {
                for (row, sample) in rows.chunks_exact_mut(frames).zip(re) {
                    row[frame] = *sample;
                }
                frame += 1;
            });
        },
    );
}

/// The signal of one tissue with its imaginary part.
pub(crate) fn complex_signal(sequence: &PlayedSequence, tissue: Tissue) -> Vec<Complex64> {
    let mut signal = Vec::with_capacity(sequence.frames());
    let mut states = States::new(sequence);
    run(&mut states, sequence, &[tissue; LANES], &mut |re, im| signal.push(Complex64::new(re[0], im[0])));
    signal
}

/// The sequence with a receiver that makes its signals real: they lie on one axis for all frames if pulses and receiver agree.
///
/// # Errors
/// [`Error::Parameter`] when signals of different frames differ in their phase: dictionaries are real.
pub(crate) fn with_real_signals(sequence: PlayedSequence) -> Result<PlayedSequence> {
    let usual = Tissue::new(1.0, 0.1);
    let signal = complex_signal(&sequence, usual);
    let energy: f64 = signal.iter().map(|value| value.norm_sqr()).sum();
    let squares: Complex64 = signal.iter().map(|value| value * value).sum();
    let turn = 0.5 * squares.arg();
    let across: f64 = signal.iter().map(|value| (value * Complex64::cis(-turn)).im.powi(2)).sum();
    if across > MOST_ACROSS * MOST_ACROSS * energy {
        let expected = "phases of pulses and echoes that give all signals the same phase, or the opposite";
        let got = format!("{:.1} % of the signal across the others", 100.0 * (across / energy).sqrt());
        return Err(Error::parameter("sequence", "steps", expected, got));
    }
    // A receiver that stands right stays as it is, to the last bit.
    Ok(if turn.abs() < ROUNDING { sequence } else { sequence.with_turned_receiver(turn) })
}

/// Real and imaginary parts of a state.
#[derive(Clone, Copy, Default)]
struct State {
    re: Lanes,
    im: Lanes,
}

impl State {
    fn is_below(&self, limit: f64) -> bool {
        self.re.iter().chain(&self.im).all(|part| part.abs() < limit)
    }
}

struct States {
    /// Order n at `center + n`.
    f: Vec<State>,
    z: Vec<State>,
    center: usize,
    /// Orders beyond are zero.
    top: usize,
}

impl States {
    fn new(sequence: &PlayedSequence) -> Self {
        let most = sequence.most_orders();
        Self { f: vec![State::default(); 2 * most + 1], z: vec![State::default(); most + 1], center: most, top: 0 }
    }

    fn start(&mut self) {
        self.f.fill(State::default());
        self.z.fill(State::default());
        self.z[0].re = [1.0; LANES];
        self.top = 0;
    }

    /// Orders that no longer matter are forgotten.
    fn forget(&mut self) {
        let zero = State::default();
        while self.top > 0 {
            let (n, c) = (self.top, self.center);
            if [&self.f[c + n], &self.f[c - n], &self.z[n]].iter().any(|state| !state.is_below(NEGLIGIBLE)) {
                return;
            }
            (self.f[c + n], self.f[c - n], self.z[n]) = (zero, zero, zero);
            self.top -= 1;
        }
    }

    /// Moves all transverse states by `cycles` orders; what leaves the orders that matter is lost.
    fn shift(&mut self, cycles: i32) {
        let (by, length) = (cycles.unsigned_abs() as usize, self.f.len());
        if by >= length {
            self.f.fill(State::default());
            return;
        }
        if cycles > 0 {
            self.f.copy_within(..length - by, by);
            self.f[..by].fill(State::default());
        } else {
            self.f.copy_within(by.., 0);
            self.f[length - by..].fill(State::default());
        }
        self.top = (self.top + by).min(self.center);
    }
}

/// Plays the sequence; `echo` gets real and imaginary parts of every signal.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn run(
    states: &mut States,
    sequence: &PlayedSequence,
    tissues: &[Tissue; LANES],
    echo: &mut dyn FnMut(&Lanes, &Lanes),
) {
    states.start();
    for step in sequence.steps() {
        match *step {
            Step::Pulse { angle_rad, phase_rad } => {
                pulse(states, std::array::from_fn(|lane| angle_rad * tissues[lane].b1), phase_rad);
                states.forget();
            }
            Step::Invert => pulse(states, [std::f64::consts::PI; LANES], 0.0),
            Step::WaitS(wait) if wait > 0.0 => relax(states, wait, tissues),
            Step::WaitS(_) => (),
            Step::Spoil(cycles) => states.shift(cycles),
            Step::Echo { phase_rad } => {
                // i exp(-i phase) F: an excitation about the receiver's axis gives a positive signal.
                let (sin, cos) = phase_rad.sin_cos();
                let State { re, im } = states.f[states.center];
                let real = std::array::from_fn(|lane| sin * re[lane] - cos * im[lane]);
                let imaginary = std::array::from_fn(|lane| cos * re[lane] + sin * im[lane]);
                echo(&real, &imaginary);
            }
        }
    }
}

#[inline(always)]
fn relax(states: &mut States, wait: f64, tissues: &[Tissue; LANES]) {
    let e1: Lanes = std::array::from_fn(|lane| (-wait / tissues[lane].t1_s).exp());
    let e2: Lanes = std::array::from_fn(|lane| (-wait / tissues[lane].t2_s).exp());
    let (center, top) = (states.center, states.top);
    let scale = |state: &mut State, by: &Lanes| {
        for ((re, im), by) in state.re.iter_mut().zip(&mut state.im).zip(by) {
            *re *= by;
            *im *= by;
        }
    };
    states.f[center - top..=center + top].iter_mut().for_each(|state| scale(state, &e2));
    states.z[..=top].iter_mut().for_each(|state| scale(state, &e1));
    for (z, e1) in states.z[0].re.iter_mut().zip(&e1) {
        *z += 1.0 - e1;
    }
}

/// A rotation by `angle` about the transverse axis at `phase`, on all orders.
#[inline(always)]
fn pulse(states: &mut States, angle: Lanes, phase: f64) {
    let (sin, cos): (Lanes, Lanes) = (angle.map(f64::sin), angle.map(f64::cos));
    let (kept, swapped) = (cos.map(|cos| 0.5 * (1.0 + cos)), cos.map(|cos| 0.5 * (1.0 - cos)));
    let ((s1, c1), (s2, c2)) = (phase.sin_cos(), (2.0 * phase).sin_cos());
    let center = states.center;
    for n in 0..=states.top {
        let (plus, minus, z) = (states.f[center + n], states.f[center - n], states.z[n]);
        let (mut new_plus, mut new_minus, mut new_z) = (State::default(), State::default(), State::default());
        for l in 0..LANES {
            // a = F of order n, b = the conjugate of F of order -n.
            let (ar, ai, br, bi, zr, zi) = (plus.re[l], plus.im[l], minus.re[l], -minus.im[l], z.re[l], z.im[l]);
            let s = sin[l];
            new_plus.re[l] = kept[l] * ar + swapped[l] * (c2 * br - s2 * bi) + s * (c1 * zi + s1 * zr);
            new_plus.im[l] = kept[l] * ai + swapped[l] * (c2 * bi + s2 * br) - s * (c1 * zr - s1 * zi);
            new_minus.re[l] = swapped[l] * (c2 * ar + s2 * ai) + kept[l] * br - s * (c1 * zi - s1 * zr);
            new_minus.im[l] = -(swapped[l] * (c2 * ai - s2 * ar) + kept[l] * bi + s * (c1 * zr + s1 * zi));
            // -i exp(-i phase) a and i exp(i phase) b.
            let (pr, pi) = (c1 * ai - s1 * ar, -(c1 * ar + s1 * ai));
            let (qr, qi) = (-(c1 * bi + s1 * br), c1 * br - s1 * bi);
            new_z.re[l] = 0.5 * s * (pr + qr) + cos[l] * zr;
            new_z.im[l] = 0.5 * s * (pi + qi) + cos[l] * zi;
        }
        states.f[center - n] = new_minus;
        states.f[center + n] = new_plus;
        states.z[n] = new_z;
    }
}

#[cfg(test)]
mod tests;

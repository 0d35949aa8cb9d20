//! Extended phase graph simulation of inversion-prepared FISP.

use diph_core::Result;
use multiversion::multiversion;
use ndarray::Array2;
use rayon::prelude::*;

use crate::{Sequence, Tissue, epg_played};

/// Tissues that are simulated side by side, one per SIMD lane: two of the widest registers. With only one, the compiler
/// unrolls the loops over lanes and then vectorises over orders with gathers, four times slower.
const LANES: usize = 16;
type Lanes = [f64; LANES];

/// An order of configuration states is left out as soon as the most it can still give to one sample of the signal
/// falls below this share of the norm that the signal has already. See [`EpgFisp`].
const NEGLIGIBLE: f64 = 1e-10;

/// Tissues that share scratch memory.
const CHUNK: usize = 8 * LANES;

/// EPG simulation (extended phase graphs; Weigel 2015) of a [`Sequence`] in real arithmetic and double precision.
///
/// With pulses about x and no off-resonance, the configurations F+ and F- are imaginary and Z is real: `F+_n = i f_n`,
/// `F-_n = i g_n`. A pulse leaves `(f + g)/2` as it is and turns the pair `((f - g)/2, Z)` by the flip angle.
///
/// **Which orders are kept.** A state of order n reaches the signal after n more frames at the earliest, so orders above
/// the number of remaining frames are never computed; that is exact. On its way down it decays at least by
/// exp(-TR/T2) per frame, so that its later effect is bounded by its amplitude times exp(-n TR/T2): the highest order
/// is dropped when that bound is below 1e-10 of the norm of the signal so far. The signal changes by less
/// than 1e-6 of its norm by this (measured: below 1e-8). At long T2 all orders stay.
///
/// Sequences that are given by their steps are simulated with complex states and any number of spoiler cycles, several times slower.
#[derive(Clone, Debug)]
pub struct EpgFisp {
    sequence: Sequence,
    negligible: f64,
}

impl EpgFisp {
    /// A simulator of `sequence`.
    pub fn new(sequence: Sequence) -> Self {
        Self { sequence, negligible: NEGLIGIBLE }
    }

    /// The sequence whose signals are simulated.
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// Signals (tissue, frame) at the echo of every frame, for an equilibrium magnetisation of 1.
    ///
    /// ```
    /// use diph_bloch::{EpgFisp, Sequence, Tissue};
    /// let sequence = Sequence::new(vec![0.5], vec![0.01], 0.0, 0.0)?.without_inversion();
    /// let signal = EpgFisp::new(sequence).simulate(&[Tissue::new(1.0, 0.1)])?;
    /// assert!((signal[[0, 0]] - 0.5f64.sin()).abs() < 1e-12);
    /// # Ok::<(), diph_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`](diph_core::Error::Parameter) when T1, T2 or B1 is not finite and positive.
    pub fn simulate(&self, tissues: &[Tissue]) -> Result<Array2<f64>> {
        for (index, tissue) in tissues.iter().enumerate() {
            tissue.check("EPG", index)?;
        }
        let mut signals = Array2::zeros((tissues.len(), self.sequence.frames()));
        self.simulate_into(tissues, signals.as_slice_mut().unwrap_or_default());
        Ok(signals)
    }

    /// Writes the signals of tissues that are known to be valid, row by row.
    pub(crate) fn simulate_into(&self, tissues: &[Tissue], signals: &mut [f64]) {
        if let Some(played) = self.sequence.played() {
            return epg_played::simulate_into(played, tissues, signals);
        }
        let mut order: Vec<usize> = (0..tissues.len()).collect();
        // Lanes with a similar T2 need similarly many orders, and lanes with one B1 share their flip angles.
        order.sort_by(|&i, &j| {
            let (a, b) = (&tissues[i], &tissues[j]);
            a.b1.total_cmp(&b.b1).then(a.t2_s.total_cmp(&b.t2_s)).then(i.cmp(&j))
        });
        let frames = self.sequence.frames();
        let mut rows: Vec<Option<&mut [f64]>> = signals.chunks_exact_mut(frames).map(Some).collect();
        let sorted_rows: Vec<_> = order.iter().map(|&index| rows[index].take()).collect();
        let mut blocks: Vec<_> = order.into_iter().zip(sorted_rows).collect();
        blocks.par_chunks_mut(CHUNK).for_each_init(
            || Block::new(frames),
            |block, chunk| {
                for lanes in chunk.chunks_mut(LANES) {
                    let last = lanes.len() - 1;
                    let members = std::array::from_fn(|lane| tissues[lanes[lane.min(last)].0]);
                    run(block, &self.sequence, &members, self.negligible);
                    for (lane, (_, row)) in lanes.iter_mut().enumerate() {
                        let samples = row.iter_mut().flat_map(|row| row.iter_mut());
                        samples.zip(&block.signal).for_each(|(sample, lanes)| *sample = lanes[lane]);
                    }
                }
            },
        );
    }
}

/// Configuration states of `LANES` tissues and their signal.
///
/// The spoiler moves every F+ one order up and every F- one order down. Instead of the values, the windows on them
/// move: order n of F+ lies at `f_start + n`, order n of F- at `g_start + n`.
struct Block {
    f: Vec<Lanes>,
    g: Vec<Lanes>,
    z: Vec<Lanes>,
    signal: Vec<Lanes>,
}

impl Block {
    fn new(frames: usize) -> Self {
        let zeros = |len| vec![[0.0; LANES]; len];
        Self { f: zeros(2 * frames + 1), g: zeros(2 * frames + 1), z: zeros(frames + 1), signal: zeros(frames) }
    }
}

/// Coefficients of one frame.
struct Frame {
    /// exp(-TR/T1) and exp(-TR/T2).
    e1: Lanes,
    e2: Lanes,
    /// Cosine and sine of the flip angle.
    cos: Lanes,
    sin: Lanes,
}

impl Frame {
    #[inline(always)]
    fn set_decay(&mut self, tr: f64, tissues: &[Tissue; LANES]) {
        for (lane, tissue) in tissues.iter().enumerate() {
            self.e1[lane] = (-tr / tissue.t1_s).exp();
            self.e2[lane] = (-tr / tissue.t2_s).exp();
        }
    }

    #[inline(always)]
    fn set_flip(&mut self, flip: f64, tissues: &[Tissue; LANES]) {
        let first = tissues[0].b1;
        let (sin, cos) = (flip * first).sin_cos();
        for (lane, &Tissue { b1, .. }) in tissues.iter().enumerate() {
            (self.sin[lane], self.cos[lane]) = if b1 == first { (sin, cos) } else { (flip * b1).sin_cos() };
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn run(block: &mut Block, sequence: &Sequence, tissues: &[Tissue; LANES], negligible: f64) {
    let frames = sequence.frames();
    let shortest_tr = sequence.tr_s().iter().copied().fold(f64::INFINITY, f64::min);
    let slowest_decay = tissues.iter().map(|tissue| (-shortest_tr / tissue.t2_s).exp()).fold(0.0, f64::max);
    let to_echo: Lanes = std::array::from_fn(|lane| (-sequence.te_s() / tissues[lane].t2_s).exp());
    let zero = [0.0; LANES];
    let mut frame = Frame { e1: zero, e2: zero, cos: zero, sin: zero };
    let mut energy = zero;
    let mut orders = 1;
    let (mut f_start, mut g_start) = (frames, 0);
    (block.f[f_start], block.g[g_start]) = (zero, zero);
    block.z[0] = std::array::from_fn(|lane| {
        if sequence.inversion() { 1.0 - 2.0 * (-sequence.ti_s() / tissues[lane].t1_s).exp() } else { 1.0 }
    });
    let mut tr_of_decay = None;
    for (t, (&flip, &tr)) in sequence.flip_angle_rad().iter().zip(sequence.tr_s()).enumerate() {
        if tr_of_decay != Some(tr) {
            frame.set_decay(tr, tissues);
            tr_of_decay = Some(tr);
        }
        frame.set_flip(flip, tissues);
        let f = &mut block.f[f_start..f_start + orders];
        let g = &mut block.g[g_start..g_start + orders];
        let z = &mut block.z[..orders];
        for lane in 0..LANES {
            // The pulse on order 0, where f = -g.
            let f_echo = frame.cos[lane] * f[0][lane] + frame.sin[lane] * z[0][lane];
            let sample = f_echo * to_echo[lane];
            block.signal[t][lane] = sample;
            energy[lane] += sample * sample;
        }
        pulse_and_relax(&frame, f, g, z);
        for (z, e1) in z[0].iter_mut().zip(&frame.e1) {
            *z += 1.0 - e1;
        }
        let remaining = frames - 1 - t;
        if remaining == 0 {
            break;
        }
        // Orders that can still reach the signal and matter to it.
        let mut top = orders;
        while top > 1 {
            let decay_to_signal = slowest_decay.powi(top as i32 - 1);
            if !below(negligible, decay_to_signal, &energy, [&f[top - 1], &g[top - 1], &z[top - 1]]) {
                break;
            }
            top -= 1;
        }
        let grown = (top + 1).min(remaining);
        // The spoiler: F+ gains an order, F- and Z start it empty; F+_0 is the conjugate of F-_0.
        f_start -= 1;
        g_start += 1;
        block.g[g_start + top - 1] = zero;
        block.z[top] = zero;
        block.g[g_start + top] = zero;
        block.f[f_start] = block.g[g_start].map(|value| -value);
        orders = grown;
    }
}

/// One pulse and the relaxation until the next one, on all orders.
#[inline(always)]
fn pulse_and_relax(frame: &Frame, f: &mut [Lanes], g: &mut [Lanes], z: &mut [Lanes]) {
    let Frame { e1, e2, cos, sin } = frame;
    let half_e2: Lanes = std::array::from_fn(|l| 0.5 * e2[l]);
    let cos_half_e2: Lanes = std::array::from_fn(|l| cos[l] * half_e2[l]);
    let sin_e2: Lanes = std::array::from_fn(|l| sin[l] * e2[l]);
    let cos_e1: Lanes = std::array::from_fn(|l| cos[l] * e1[l]);
    let half_sin_e1: Lanes = std::array::from_fn(|l| 0.5 * sin[l] * e1[l]);
    for ((f, g), z) in f.iter_mut().zip(g).zip(z) {
        for l in 0..LANES {
            let kept = half_e2[l] * (f[l] + g[l]);
            let difference = f[l] - g[l];
            let turned = cos_half_e2[l] * difference + sin_e2[l] * z[l];
            z[l] = cos_e1[l] * z[l] - half_sin_e1[l] * difference;
            f[l] = kept + turned;
            g[l] = kept - turned;
        }
    }
}

/// Whether an order with these states can change no later sample by more than `negligible` of the signal's norm so far.
#[inline(always)]
fn below(negligible: f64, decay: f64, energy: &Lanes, states: [&Lanes; 3]) -> bool {
    (0..LANES).all(|lane| {
        let amplitude = states.iter().map(|state| state[lane] * state[lane]).sum::<f64>();
        amplitude * (decay * decay) <= negligible * negligible * energy[lane]
    })
}

#[cfg(test)]
mod tests;

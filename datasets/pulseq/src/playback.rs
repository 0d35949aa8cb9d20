//! A sequence in time: pulses, readouts, and where gradients have moved k-space meanwhile.

use crate::{Adc, Block, PlayedPulse, PulseUse, PulseqFile};

/// Counter that marks readouts of noise.
const NOISE: &str = "NOISE";

/// A file as it is played.
#[derive(Clone, Debug)]
pub struct Playback<'a> {
    file: &'a PulseqFile,
    /// Beginning of every block in seconds, and the end of the last.
    starts: Vec<f64>,
    /// Gradient moment at the beginning of every block in 1/m.
    moments: Vec<[f64; 3]>,
    pulses: Vec<PlayedPulse>,
    readouts: Vec<PlayedReadout>,
}

/// A readout in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayedReadout {
    /// Its block.
    pub block: usize,
    /// Beginning of the first sample's interval in seconds from the beginning of the sequence.
    pub start: f64,
    /// Samples and their distance.
    pub adc: Adc,
    /// Whether it belongs to an image: a pulse came before, and no label says that it is noise.
    pub is_imaging: bool,
}

impl PlayedReadout {
    /// Time of a sample in seconds from the beginning of the sequence.
    pub fn time(&self, sample: usize) -> f64 {
        self.start + (sample as f64 + 0.5) * self.adc.dwell
    }
}

impl<'a> Playback<'a> {
    /// Plays a file.
    pub fn of(file: &'a PulseqFile) -> Self {
        let mut play = Self { file, starts: vec![0.0], moments: vec![[0.0; 3]], pulses: vec![], readouts: vec![] };
        let (mut time, mut moment, mut noise) = (0.0, [0.0; 3], 0);
        for (index, block) in file.blocks.iter().enumerate() {
            for label in block.labels.iter().filter(|label| label.name == NOISE) {
                noise = if label.is_increment { noise + label.value } else { label.value };
            }
            if let Some(at) = block.pulse {
                let is_selective = block.gradients.iter().flatten().any(|at| !file.gradients[*at].is_zero());
                play.pulses.push(file.pulses[at].play(time, is_selective));
            }
            if let Some(adc) = block.adc.map(|at| file.adcs[at]) {
                let is_imaging = noise == 0 && !play.pulses.is_empty();
                play.readouts.push(PlayedReadout { block: index, start: time + adc.delay, adc, is_imaging });
            }
            let gained = play.within(block, block.duration);
            moment = std::array::from_fn(|axis| moment[axis] + gained[axis]);
            time += block.duration;
            play.starts.push(time);
            play.moments.push(moment);
        }
        play
    }

    /// Length of the sequence in seconds. Waiting for triggers takes no time: nobody knows how long it is.
    pub fn duration(&self) -> f64 {
        self.starts.last().copied().unwrap_or(0.0)
    }

    /// All pulses in order.
    pub fn pulses(&self) -> &[PlayedPulse] {
        &self.pulses
    }

    /// All readouts in order.
    pub fn readouts(&self) -> &[PlayedReadout] {
        &self.readouts
    }

    /// Moment of a block's gradients in 1/m from its beginning.
    fn within(&self, block: &Block, time: f64) -> [f64; 3] {
        let moment = block.gradients.map(|at| at.map_or(0.0, |at| self.file.gradients[at].moment(time)));
        block.rotation.map_or(moment, |quaternion| rotated(quaternion, moment))
    }

    /// Moment of all gradients along x, y and z in 1/m since the beginning of the sequence, whatever pulses did.
    pub fn moment(&self, time: f64) -> [f64; 3] {
        let block = self.starts.partition_point(|start| *start <= time).saturating_sub(1);
        match self.file.blocks.get(block) {
            None => self.moments.last().copied().unwrap_or_default(),
            Some(events) => {
                let within = self.within(events, time - self.starts[block]);
                std::array::from_fn(|axis| self.moments[block][axis] + within[axis])
            }
        }
    }

    /// What a moment has to be raised by to be the position in k-space at `time`, and its sign: excitations put the origin where they
    /// are, refocusing pulses turn positions around.
    fn origin(&self, time: f64) -> [f64; 3] {
        let mut origin = [0.0; 3];
        let before = self.pulses.partition_point(|pulse| pulse.time <= time);
        let pulses = &self.pulses[..before];
        let excites = |pulse: &PlayedPulse| matches!(pulse.purpose, PulseUse::Excitation | PulseUse::Undefined);
        let last = pulses.iter().rposition(excites).unwrap_or(0);
        for pulse in &pulses[last..] {
            let moment = self.moment(pulse.time);
            if excites(pulse) {
                origin = moment.map(|moment| -moment);
            } else if pulse.purpose == PulseUse::Refocusing {
                origin = std::array::from_fn(|axis| -2.0 * moment[axis] - origin[axis]);
            }
        }
        origin
    }

    /// Positions (kx, ky, kz) of the samples of a readout in 1/m. Signals are the sum of `exp(-2 pi i k.r)` over the object.
    pub fn positions(&self, readout: &PlayedReadout) -> Vec<[f64; 3]> {
        let origin = self.origin(readout.start);
        let position = |sample| {
            let moment = self.moment(readout.time(sample));
            std::array::from_fn(|axis| moment[axis] + origin[axis])
        };
        (0..readout.adc.samples).map(position).collect()
    }

    /// Position (kx, ky, kz) in k-space at any time in 1/m.
    pub fn position(&self, time: f64) -> [f64; 3] {
        let (moment, origin) = (self.moment(time), self.origin(time));
        std::array::from_fn(|axis| moment[axis] + origin[axis])
    }

    /// When a readout is nearest to the centre of k-space, in seconds from the beginning of the sequence.
    pub fn echo_time(&self, readout: &PlayedReadout) -> f64 {
        let positions = self.positions(readout);
        let length = |position: &[f64; 3]| position.iter().map(|value| value * value).sum::<f64>();
        let nearest = positions.iter().enumerate().min_by(|(_, a), (_, b)| length(a).total_cmp(&length(b)));
        readout.time(nearest.map_or(0, |(sample, _)| sample))
    }
}

/// A vector that is turned by a unit quaternion (w, x, y, z).
fn rotated([w, x, y, z]: [f64; 4], v: [f64; 3]) -> [f64; 3] {
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let axis = [x, y, z];
    let once = cross(axis, v);
    let twice = cross(axis, once);
    std::array::from_fn(|at| v[at] + 2.0 * (w * once[at] + twice[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_about_z() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let [x, y, z] = rotated([half, 0.0, 0.0, half], [1.0, 0.0, 2.0]);
        assert!(x.abs() < 1e-12 && (y - 1.0).abs() < 1e-12 && (z - 2.0).abs() < 1e-12);
    }
}

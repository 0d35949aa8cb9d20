//! The header of one line.

use crate::{Counters, Readout, ReadoutFlag};

/// Bits of lines that hold no samples of receivers.
const END: u32 = 0;
const SYNCHRONOUS: u32 = 5;

/// What the bits of a line are in the format that readouts share.
const FLAGS: [(u32, ReadoutFlag); 11] = [
    (1, ReadoutFlag::RealTimeFeedback),
    (2, ReadoutFlag::HighPriorityFeedback),
    (14, ReadoutFlag::PhaseStabilizationReference),
    (15, ReadoutFlag::PhaseStabilization),
    (21, ReadoutFlag::PhaseCorrection),
    (22, ReadoutFlag::Calibration),
    (23, ReadoutFlag::CalibrationAndImaging),
    (24, ReadoutFlag::Reverse),
    (25, ReadoutFlag::Noise),
    (44, ReadoutFlag::Navigation),
    (51, ReadoutFlag::Dummy),
];

/// Where things stand in a line of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One header of 128 bytes before the samples of every receiver.
    Vb,
    /// One header of 192 bytes for all receivers, and one of 32 bytes for each.
    Vd,
}

impl Layout {
    /// Bytes of the first header of a line.
    pub(super) fn header(self) -> usize {
        if self == Self::Vb { 128 } else { 192 }
    }

    /// Bytes before the samples of a receiver.
    pub(super) fn before_samples(self) -> usize {
        if self == Self::Vb { 128 } else { 32 }
    }

    /// Bytes before the first receiver.
    pub(super) fn before_receivers(self) -> usize {
        if self == Self::Vb { 0 } else { 192 }
    }
}

/// What a line says about itself.
pub(super) struct Line {
    bits: u64,
    /// Bytes by its own word, which holds for lines that are no readouts.
    stated: u64,
    /// Line and partition at the centre of k-space.
    pub(super) center: [usize; 2],
    pub(super) readout: Readout,
}

impl Line {
    /// Reads a header of as many bytes as the layout has.
    pub(super) fn of(bytes: &[u8], layout: Layout, record: usize) -> Self {
        let at = |vb: usize, vd: usize| if layout == Layout::Vb { vb } else { vd };
        let array = |at: usize| -> [u8; 4] { std::array::from_fn(|byte| bytes.get(at + byte).copied().unwrap_or(0)) };
        let long = |at: usize| u32::from_le_bytes(array(at));
        let short = |at: usize| usize::from(u16::from_le_bytes([array(at)[0], array(at)[1]]));
        let real = |at: usize| f64::from(f32::from_le_bytes(array(at)));
        let mask = at(20, 40);
        let bits = u64::from(long(mask)) | u64::from(long(mask + 4)) << 32;
        let counter = |index: usize| short(at(32, 52) + 2 * index);
        let slice = at(96, 100);
        let [w, x, y, z] = std::array::from_fn(|part| real(slice + 12 + 4 * part));
        let flag = |(bit, flag): &(u32, ReadoutFlag)| u64::from(bits >> bit & 1 == 1) << (*flag as u32 - 1);
        Self {
            bits,
            // The word shares its bits with others.
            stated: u64::from(long(0) & 0x01ff_ffff),
            center: [short(at(76, 96)), short(at(78, 98))],
            readout: Readout {
                record,
                flags: FLAGS.iter().map(flag).sum(),
                samples: short(at(28, 48)),
                channels: short(at(30, 50)),
                discard_pre: short(at(60, 80)),
                discard_post: short(at(62, 82)),
                center_sample: short(at(64, 84)),
                encoding: 0,
                trajectory_dimensions: 0,
                dwell_time: 0.0,
                position: std::array::from_fn(|axis| real(slice + 4 * axis)),
                // Columns of the rotation: phase, read, slice, of which the first two have the opposite sign.
                phase_direction: [-1.0 + 2.0 * (y * y + z * z), -2.0 * (x * y + z * w), -2.0 * (x * z - y * w)],
                read_direction: [-2.0 * (x * y - z * w), -1.0 + 2.0 * (x * x + z * z), -2.0 * (y * z + x * w)],
                slice_direction: [2.0 * (x * z + y * w), 2.0 * (y * z - x * w), 1.0 - 2.0 * (x * x + y * y)],
                counters: Counters {
                    step_1: counter(0),
                    average: counter(1),
                    slice: counter(2),
                    step_2: counter(3),
                    contrast: counter(4),
                    phase: counter(5),
                    repetition: counter(6),
                    set: counter(7),
                    segment: counter(8),
                },
            },
        }
    }

    /// Whether it ends the measurement.
    pub(super) fn is_end(&self) -> bool {
        self.bits >> END & 1 == 1
    }

    /// Whether it holds samples of receivers.
    pub(super) fn is_readout(&self) -> bool {
        !self.is_end() && self.bits >> SYNCHRONOUS & 1 == 0
    }

    /// Bytes of the line with all receivers. Of readouts the stated number is not always right.
    pub(super) fn length(&self, layout: Layout) -> u64 {
        let of_receiver = layout.before_samples() + 8 * self.readout.samples;
        match self.is_readout() {
            true => (layout.before_receivers() + self.readout.channels * of_receiver) as u64,
            false => self.stated,
        }
    }
}

//! Blocks and what they hold besides pulses and gradients.

use std::fmt;

/// Version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number: 1.
    pub major: u32,
    /// Second number: 2 to 5.
    pub minor: u32,
    /// Third number.
    pub revision: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.revision)
    }
}

/// One block: events that start together. Pulses, gradients and readouts are places in the lists of the
/// [`PulseqFile`](crate::PulseqFile).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// Time until the next block in seconds.
    pub duration: f64,
    /// The pulse.
    pub pulse: Option<usize>,
    /// Gradients along x, y and z.
    pub gradients: [Option<usize>; 3],
    /// The readout.
    pub adc: Option<usize>,
    /// Labels that are set or raised, in order.
    pub labels: Vec<Label>,
    /// Whether it waits for a trigger such as a heartbeat.
    pub waits_for_trigger: bool,
    /// Quaternion (w, x, y, z) that turns the gradients of the block.
    pub rotation: Option<[f64; 4]>,
}

/// A counter or switch that a block changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name, for example `LIN`, `REP` or `NOISE`.
    pub name: String,
    /// The value.
    pub value: i64,
    /// Whether the value is added to that of the counter, and does not replace it.
    pub is_increment: bool,
}

/// A readout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adc {
    /// Number of samples.
    pub samples: usize,
    /// Time between two samples in seconds.
    pub dwell: f64,
    /// Time from the beginning of the block to that of the first sample's interval in seconds.
    pub delay: f64,
    /// Frequency of the receiver against resonance in Hz.
    pub frequency: f64,
    /// Phase of the receiver.
    pub phase: f64,
}

/// What a pulse is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PulseUse {
    /// It makes the signal: k-space starts anew.
    Excitation,
    /// It turns transverse magnetisation around: k changes its sign.
    Refocusing,
    /// It inverts.
    Inversion,
    /// It saturates.
    Saturation,
    /// It is part of a preparation.
    Preparation,
    /// Something else.
    Other,
    /// The file does not say.
    Undefined,
}

impl PulseUse {
    /// By the letter of version 1.5.
    pub(crate) fn of_letter(letter: &str) -> Option<Self> {
        Some(match letter {
            "e" => Self::Excitation,
            "r" => Self::Refocusing,
            "i" => Self::Inversion,
            "s" => Self::Saturation,
            "p" => Self::Preparation,
            "o" => Self::Other,
            "u" => Self::Undefined,
            _ => return None,
        })
    }
}

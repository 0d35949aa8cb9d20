//! Pulseq: sequence files (`.seq`, versions 1.2 to 1.5) and what a scanner does when it plays them.
//!
//! | step | type |
//! |---|---|
//! | the events of a file, as they are written | [`PulseqFile`], from [`PulseqFile::parse`] |
//! | the same in time: pulses, readouts, gradient moments | [`Playback`] |
//! | what one pulse does to the magnetisation | [`PlayedPulse`] |
//! | where one readout is in k-space | [`Playback::positions`] |
//!
//! Format: Layton et al., Magn Reson Med 2017, and the specification of the Pulseq project. Gradients are in Hz/m, moments and
//! positions in 1/m, times in seconds, angles in radians.
//!
//! A file of a stranger never panics and never makes more of itself than its length justifies: see [`PulseqFile::parse`].

mod error;
mod events;
mod gradient;
mod library;
mod parser;
mod playback;
mod pulse;
mod shape;

pub use error::PulseqError;
pub use events::{Adc, Block, Label, PulseUse, Version};
pub use gradient::Gradient;
pub use parser::PulseqFile;
pub use playback::{Playback, PlayedReadout};
pub use pulse::{PlayedPulse, RfPulse};

//! Bloch physics: sequences, EPG simulation, dictionaries and exact dictionary matching.
//!
//! | step | type |
//! |---|---|
//! | what the scanner played | [`Sequence`] (read from JSON or built in; FISP, or any [`Step`]s) |
//! | what a tissue answers | [`EpgFisp`] on [`Tissue`]s |
//! | which tissues to consider | [`DictionaryGrid`] |
//! | the responses in an SVD subspace | [`Dictionary`] |
//! | the nearest response of every voxel | [`DictionaryMatcher`], a [`PhysicsProjector`](diph_core::PhysicsProjector) |
//! | images that known maps would give | [`simulate_tsmi`], or [`Dictionary::lookup_tsmi`] on the dictionary's own grid |
//!
//! Times are in seconds, angles in radians. Signals are real: the RF pulses of FISP turn about x, nothing precesses off
//! resonance, so the transverse magnetisation stays on one axis; other sequences are accepted where their signals do. Its sign is such that an excitation from equilibrium
//! gives a positive signal and one right after an inversion a negative one.

mod dictionary;
mod dictionary_grid;
mod dictionary_matcher;
mod epg_fisp;
mod epg_played;
mod memory;
mod played_sequence;
mod sequence;
mod simulate_tsmi;
mod tissue;

pub use dictionary::Dictionary;
pub use dictionary_grid::DictionaryGrid;
pub use dictionary_matcher::{DictionaryMatcher, MatchStatistics, Matches};
pub use epg_fisp::EpgFisp;
pub use played_sequence::Step;
pub use sequence::Sequence;
pub use simulate_tsmi::simulate_tsmi;
pub use tissue::Tissue;

//! Parity: Diph's parts and whole runs against recorded outputs of the Python MRF-DiPh code.
//!
//! | what | where |
//! |---|---|
//! | a folder of recorded outputs | [`ReferenceFolder`], [`Meta`] |
//! | what stages are made of: operators, projector, networks, the annealed loop | [`Reference`], [`RecordedSampler`] |
//! | one comparison after the other | [`Stage`], `stages` |
//! | what came out | [`ParityReport`], [`StageReport`], [`Comparison`], [`AtomFlip`] |
//!
//! Matching against a dictionary is discontinuous: of two atoms that fit nearly equally well, rounding picks one. Voxels whose
//! atom differs are therefore counted, named and left out of the comparison of images.

#![deny(unsafe_code)]

mod atoms;
mod compare;
mod meta;
mod python_model;
mod recorded_run;
mod recorded_sampler;
mod reference;
mod reference_folder;
mod relative_error;
mod report;
mod stages;

pub use atoms::{Atom, AtomFlip};
pub use compare::{ParityObserver, compare};
pub use meta::Meta;
pub use python_model::PythonModel;
pub use recorded_run::{RecordedRun, RecordedSchedule, RunMetrics};
pub use recorded_sampler::RecordedSampler;
pub use reference::Reference;
pub use reference_folder::ReferenceFolder;
pub use report::{Comparison, Outcome, ParityReport, Quantity, Stage, StageReport};

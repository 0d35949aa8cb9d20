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

mod atom;
mod atom_flip;
mod atoms;
mod compare;
mod comparison;
mod meta;
mod outcome;
mod parity_report;
mod python_model;
mod quantity;
mod recorded_run;
mod recorded_sampler;
mod recorded_schedule;
mod reference;
mod reference_folder;
mod relative_error;
mod run_metrics;
mod stage;
mod stage_report;
mod stages;

pub use atom::Atom;
pub use atom_flip::AtomFlip;
pub use compare::{ParityObserver, compare};
pub use comparison::Comparison;
pub use meta::Meta;
pub use outcome::Outcome;
pub use parity_report::ParityReport;
pub use python_model::PythonModel;
pub use quantity::Quantity;
pub use recorded_run::RecordedRun;
pub use recorded_sampler::RecordedSampler;
pub use recorded_schedule::RecordedSchedule;
pub use reference::Reference;
pub use reference_folder::ReferenceFolder;
pub use run_metrics::RunMetrics;
pub use stage::Stage;
pub use stage_report::StageReport;

//! Reconstruction of quantitative MRI as a library: from measured k-space to parameter maps.
//!
//! | what | where |
//! |---|---|
//! | a reconstruction as data: which parts, out of which plugins, joined by which solver | [`method`] |
//! | how slices were measured: trajectory, dictionary, coil sensitivities | [`acquisition`] |
//! | solvers by name, and what they need | [`solver`] |
//! | the slices of a data folder and what is known to be true of them | [`slices`] |
//! | from one measurement to maps | [`reconstruction`] |
//! | how good maps are, in the mask and over the whole head, by tissue and range | [`evaluation`] |
//! | how sure maps are: deviations, calibration, trusted voxels | [`uncertainty`] |
//! | one method over many slices, and the files that it leaves behind | [`study`] |
//! | results in the layouts of other tools | [`derivatives`] |
//! | several methods over the same slices, and settings over a range of values | [`comparison`] |
//! | measurements that are made up | [`Simulation`] |
//! | memory and time, said before work starts | [`memory`] |
//! | what a result was made from | [`provenance`] |
//!
//! Nothing here prints or knows a flag: whoever calls hears of progress and of what is worth telling through an observer
//! ([`study::StudyObserver`], [`reconstruction::OnStep`]), ends work through a [`Cancel`] flag, and learns from a [`ReconError`]
//! which setting or file is to blame.

#![deny(unsafe_code)]

pub mod acquisition;
mod cancel;
pub mod comparison;
pub mod config;
pub mod derivatives;
mod error;
pub mod evaluation;
mod maps;
pub mod memory;
pub mod method;
pub mod provenance;
pub mod reconstruction;
mod simulation;
pub mod slices;
pub mod solver;
mod some_slices;
pub mod study;
pub mod uncertainty;
mod write;

pub use acquisition::Acquisition;
pub use cancel::Cancel;

pub use error::{Blame, NotEnoughMemory, ReconError, named};
pub use evaluation::Evaluation;
pub use maps::{parameter_maps, quantitative_maps, stacked_maps};
pub use method::{ConditionImage, Method};
pub use reconstruction::{Parts, Reconstruction, reconstruct};
pub use simulation::{CARTESIAN_OPERATOR, DEFAULT_OPERATOR, Simulation, SimulationRun};
pub use some_slices::{FailedSlice, SomeSlices};
pub use write::{json_bytes, write_bytes, write_json};

//! Results in the layouts of other tools.

mod bids;
mod geometry;

pub use bids::{BidsDerivatives, Label};
pub use geometry::{PatientAxes, VolumeGeometry};

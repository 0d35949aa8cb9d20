//! How sure maps are: deviations from posterior samples, their calibration on slices of known truth, and which voxels to trust.
//!
//! | item | what it is |
//! |---|---|
//! | [`MapStatistics`] | mean and spread of maps over samples, which come one at a time |
//! | [`Deviations`] | standard deviations of the logarithms of T1, T2 and PD, voxel by voxel |
//! | [`Recalibration`], [`Calibration`] | monotone maps from the spread of samples to the size of errors, fitted on other people |
//! | [`Uncertainty`] | what a result says of itself: deviations and trusted voxels |
//! | [`TrustRule`] | which voxels have a fit that is not to be trusted, from the data alone |
//! | [`Coverage`], [`MapCoverage`] | how often errors stay within the deviations |
//! | [`ErrorPairs`], [`Reliability`] | deviations beside errors, and what a calibration makes of them |
//!
//! Deviations are those of logarithms, because errors of relaxation times are factors: a T2 of 30 ms and one of 300 ms are both found
//! to 20 %, not to 20 ms. A deviation s says that the true value lies between `T exp(-s)` and `T exp(s)` in 68 % of such voxels. In files it
//! stands times the value, in seconds.

mod calibration;
mod coverage;
mod deviations;
mod error_pairs;
mod recalibration;
mod statistics;
mod trust;
mod uncertainty;

pub use calibration::{Calibration, CalibrationSource};
pub use coverage::{Coverage, MapCoverage};
pub use deviations::Deviations;
pub use error_pairs::{ErrorPairs, RangeReliability, Reliability};
pub use recalibration::Recalibration;
pub use statistics::MapStatistics;
pub use trust::TrustRule;
pub use uncertainty::Uncertainty;

//! Training of a regression network: from maps to measured samples, and what a run leaves behind.
//!
//! A sample is a slice that was varied ([`MapVariation`](crate::MapVariation)), measured afresh, and estimated linearly under the Gaussian prior, as the
//! method `unet` does it. A [`RegressionRun`] feeds them to [`Trainer`](diph_regression::Trainer), judges the network on held-out
//! slices beside `mmse` and `lrtv`, and writes a method file that `diph recon` takes.

mod config;
mod first_stage;
mod run;
mod samples;
mod validation;

pub use config::RegressionRunConfig;
pub use run::{RegressionRun, RegressionSummary};
pub use samples::RegressionData;
pub use validation::{ValidationRow, judge_methods};

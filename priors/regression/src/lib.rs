//! Supervised regression: a network that turns the image of a reconstruction into maps of T1, T2 and proton density.
//!
//! | module or type | what |
//! |---|---|
//! | [`RegressionConfig`], [`Normalisation`] | what a network expects, and the acquisition that it was trained for |
//! | [`Features`] | the network's input: an image without its scale, sizes and phase |
//! | [`target_planes`], [`Maps`] | maps as the network writes them, and back |
//! | [`loss_and_gradient`] | what training minimises: the relative errors that reconstructions are judged by |
//! | [`RegressionNetwork`] | a trained network, averaged over mirror images |
//! | [`RegressionEstimator`] | one network or a cascade of two as an [`Estimator`](diph_core::Estimator) |
//! | [`Trainer`], [`TrainingConfig`], [`TrainingSettings`], [`SampleSource`] | training that resumes bit for bit |
//!
//! The first stage sees one image, the linear MMSE estimate. A second stage sees the maps of the first as well, and an image of
//! what their signal leaves unexplained in the data.

mod basis;
mod config;
mod error;
mod estimator;
mod features;
mod loss;
mod maps;
mod network;
mod training;

pub use config::{Normalisation, RegressionConfig};
pub use error::{Error, Result};
pub use estimator::{IMAGE, RESIDUAL, RegressionEstimator};
pub use features::{Features, target_planes};
pub use loss::{Loss, loss_and_gradient};
pub use maps::{Maps, OUTPUTS, TARGETS};
pub use network::RegressionNetwork;
pub use training::{Sample, SampleSource, Trainer, TrainingConfig, TrainingSettings, TrainingStep};

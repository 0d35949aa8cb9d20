//! An instance of any kind.

use diph_core::Prior;

use crate::{PluginEstimator, PluginOperator, PluginProjector};

/// An instance of any kind, for tools that treat all plugins alike.
#[non_exhaustive]
pub enum PluginInstance {
    /// An instance that is an operator.
    Operator(PluginOperator),
    /// An instance that is a prior.
    Prior(Box<dyn Prior>),
    /// An instance that is a projector.
    Projector(PluginProjector),
    /// An instance that is an estimator.
    Estimator(PluginEstimator),
}

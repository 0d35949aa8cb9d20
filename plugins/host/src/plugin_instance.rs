//! An instance of any kind.

use diph_core::Prior;

use crate::{PluginEstimator, PluginOperator, PluginProjector};

/// An instance of any kind, for tools that treat all plugins alike.
#[non_exhaustive]
pub enum PluginInstance {
    /// An operator.
    Operator(PluginOperator),
    /// A prior.
    Prior(Box<dyn Prior>),
    /// A projector.
    Projector(PluginProjector),
    /// An estimator.
    Estimator(PluginEstimator),
}

//! An instance of any kind.

use crate::{PluginOperator, PluginPrior, PluginProjector};

/// An instance of any kind, for tools that treat all plugins alike.
#[non_exhaustive]
pub enum PluginInstance {
    /// An operator.
    Operator(PluginOperator),
    /// A prior.
    Prior(PluginPrior),
    /// A projector.
    Projector(PluginProjector),
}

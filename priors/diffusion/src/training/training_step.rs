//! What a step of training says.

/// One step of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingStep {
    /// Its number, from 0.
    pub step: u64,
    /// Mean loss of its images. About 1 in an untrained network with EDM or epsilon.
    pub loss: f64,
    /// Euclidean norm of the gradient of all parameters, before clipping.
    pub gradient_norm: f64,
    /// Learning rate that it was done with.
    pub learning_rate: f64,
}

//! Names by which the two sides ask each other for things.

/// Name of the one exported symbol.
pub const ENTRY_SYMBOL: &str = "diph_plugin_entry";
/// ID of [`Factory`](crate::Factory).
pub const FACTORY: &str = "diph.factory/1";
/// ID of [`MemoryEstimate`](crate::MemoryEstimate), beside the factory.
pub const MEMORY_ESTIMATE: &str = "diph.memory-estimate/1";
/// ID of [`TimeEstimate`](crate::TimeEstimate), beside the factory.
pub const TIME_ESTIMATE: &str = "diph.time-estimate/1";

/// Kind of a component with an [`OperatorVtable`](crate::OperatorVtable).
pub const KIND_FORWARD_OPERATOR: &str = "diph.forward-operator/1";
/// Kind of a component with a [`PriorVtable`](crate::PriorVtable).
pub const KIND_PRIOR: &str = "diph.prior/1";
/// Kind of a component with a [`ProjectorVtable`](crate::ProjectorVtable).
pub const KIND_PHYSICS_PROJECTOR: &str = "diph.physics-projector/1";
/// Kind of a component with an [`EstimatorVtable`](crate::EstimatorVtable).
pub const KIND_ESTIMATOR: &str = "diph.estimator/1";

/// Extension [`DataWeights`](crate::DataWeights) of an operator.
pub const OPERATOR_DATA_WEIGHTS: &str = "diph.forward-operator.data-weights/1";
/// Extension [`RegularisedInverse`](crate::RegularisedInverse) of an operator.
pub const OPERATOR_REGULARISED_INVERSE: &str = "diph.forward-operator.regularised-inverse/1";
/// Extension [`Preconditioner`](crate::Preconditioner) of an operator.
pub const OPERATOR_PRECONDITIONER: &str = "diph.forward-operator.preconditioner/1";
/// Extension [`NoiseSchedule`](crate::NoiseSchedule) of a prior.
pub const PRIOR_NOISE_SCHEDULE: &str = "diph.prior.noise-schedule/1";
/// Extension [`Proximal`](crate::Proximal) of a prior.
pub const PRIOR_PROXIMAL: &str = "diph.prior.proximal/1";
/// Extension [`Gaussian`](crate::Gaussian) of a prior.
pub const PRIOR_GAUSSIAN: &str = "diph.prior.gaussian/1";
/// Extension [`Batch`](crate::Batch) of a prior.
pub const PRIOR_BATCH: &str = "diph.prior.batch/1";

/// Extension [`HostLog`](crate::HostLog) of the host.
pub const HOST_LOG: &str = "diph.host.log/1";
/// Extension [`HostProgress`](crate::HostProgress) of the host.
pub const HOST_PROGRESS: &str = "diph.host.progress/1";
/// Extension [`HostCancel`](crate::HostCancel) of the host.
pub const HOST_CANCEL: &str = "diph.host.cancel/1";
/// Extension [`HostThreads`](crate::HostThreads) of the host.
pub const HOST_THREADS: &str = "diph.host.threads/1";

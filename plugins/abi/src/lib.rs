//! Stable C interface between Diph and its plugins: the Rust side of `include/diph_plugin.h`.
//!
//! The header is the specification: it states thread rule, shapes, units and ownership of every function, and the rules
//! on sizes, growth, tensors and errors that hold everywhere. The types here mirror it field by field, which
//! a test proves by compiling the header as C11 and as C++17. Only `#[repr(C)]` types, fixed-width integers, pointers with lengths
//! and `Option<extern "C" fn>` cross the border.
//!
//! The interface knows four kinds of components (operator, prior, projector, estimator) that work on tensors. They are made
//! from options, which are the user's alone, and an acquisition: named arrays and facts, of which the header has a table.
//!
//! A Rust plugin uses `diph-plugin-sdk` and a host `diph-plugin-host`; both hide this crate.

mod acquisition;
mod entry;
mod estimates;
mod estimator;
mod host;
mod ids;
mod operator;
mod prior;
mod projector;
mod sized_struct;
mod status;
mod tensor;

pub use acquisition::Acquisition;
pub use entry::{ABI_MAJOR, ABI_MINOR, Descriptor, Entry, Factory, Instance, InstanceVtable};
pub use estimates::{MemoryEstimate, MemorySink, TimeEstimate};
pub use estimator::EstimatorVtable;
pub use host::{Host, HostCancel, HostLog, HostProgress, HostThreads};
pub use ids::{
    ENTRY_SYMBOL, FACTORY, HOST_CANCEL, HOST_LOG, HOST_PROGRESS, HOST_THREADS, KIND_ESTIMATOR, KIND_FORWARD_OPERATOR,
    KIND_PHYSICS_PROJECTOR, KIND_PRIOR, MEMORY_ESTIMATE, OPERATOR_DATA_WEIGHTS, OPERATOR_PRECONDITIONER,
    OPERATOR_REGULARISED_INVERSE, PRIOR_BATCH, PRIOR_GAUSSIAN, PRIOR_NOISE_SCHEDULE, PRIOR_PROXIMAL, TIME_ESTIMATE,
};
pub use operator::{DataWeights, OperatorVtable, Preconditioner, RegularisedInverse};
pub use prior::{Batch, Gaussian, NoiseSchedule, PriorContext, PriorVtable, Proximal, ScheduleEntry};
pub use projector::{Parameter, ProjectorVtable};
pub use sized_struct::{SizedError, SizedStruct, copy_sized};
pub use status::{ErrorBuffer, Status, Str};
pub use tensor::{Axis, Dtype, NamedTensor, Space, Tensor};

/// Text of `diph_plugin.h`, the specification of the interface: programs that help to write plugins carry it with them.
pub const HEADER: &str = include_str!("../include/diph_plugin.h");

/// Text of `diph_options.h`, with which plugins in C and C++ read their options.
pub const OPTIONS_HEADER: &str = include_str!("../include/diph_options.h");

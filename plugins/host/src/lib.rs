//! Find, open and check Diph plugins, and create operators, priors, projectors and estimators from them.
//!
//! ```no_run
//! use diph_plugin_host::{Acquisition, HostServices, Registry, SearchPath};
//! use ndarray::Array2;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut registry = Registry::new(HostServices::new());
//! registry.scan(&SearchPath::standard(&[]));
//! let acquisition = Acquisition::default().with("gain", Array2::<f32>::ones((8, 8)));
//! let operator = registry.create_operator("example.gain", &serde_json::json!({"factor": 2.0}), &acquisition)?;
//! # Ok(())
//! # }
//! ```
//!
//! What comes out of a plugin implements the traits of `diph-core`. It checks shapes before a call, and after it the
//! status, that the plugin left the tensors' shapes alone, and that everything it wrote is finite. Every error
//! names the plugin, and the host goes on.
//!
//! Which files are opened: see [`Registry::scan`]. Libraries are never unloaded, since nobody can know which threads and
//! thread-local destructors of theirs are still alive.

mod acquisition;
mod arithmetic;
mod array_data;
mod call;
mod creation;
mod death;
mod descriptor;
mod estimator;
mod example;
mod host_services;
mod host_side;
mod inspect;
mod instance;
#[cfg(unix)]
mod isolation;
mod kind;
mod library;
mod load_error;
mod lock;
mod operator;
mod origin;
mod plugin_instance;
mod prior;
mod probes;
mod projector;
mod provenance;
mod registry;
mod requirements;
mod search_path;
#[cfg(unix)]
mod serve;
mod tensors;
mod trace;
mod trust;

pub use acquisition::{Acquisition, Facts, NamedArray};
pub use array_data::{ArrayData, ElementType};
pub use death::manner_of_death;
pub use descriptor::{Descriptor, check_id};
pub use estimator::PluginEstimator;
pub use example::{Example, ExampleArray, draw_image};
pub use host_services::{HostServices, LogLevel};
#[cfg(unix)]
pub use isolation::Isolation;
pub use kind::Kind;
pub use library::Library;
pub use load_error::LoadError;
pub use lock::{LockedComponent, LockedLibrary, PluginLock};
pub use operator::PluginOperator;
pub use origin::Origin;
pub use plugin_instance::PluginInstance;
pub use prior::PluginPrior;
pub use projector::PluginProjector;
pub use provenance::Provenance;
pub use registry::{Component, Registry};
pub use requirements::Requirements;
pub use search_path::SearchPath;
#[cfg(unix)]
pub use serve::serve_isolated;
pub use trace::{read_trace, trace_to, trace_work};

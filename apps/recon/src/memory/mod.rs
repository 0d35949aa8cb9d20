//! Memory and time that a command will need, said before it starts.
//!
//! Every part says what it will need, from shapes alone, through the plugin interface
//! ([`Registry::memory_estimate`](diph_plugin_host::Registry::memory_estimate),
//! [`Registry::time_estimate`](diph_plugin_host::Registry::time_estimate)); so does
//! [`Dictionary`](diph_bloch::Dictionary::memory_estimate). This module adds what the program itself holds
//! (k-space, images of the solver, files that are read), compares the sum with what is free, and refuses what cannot fit. Of
//! plugins that do not say, nothing is known; their part is left out, and a note says so.

mod available;
mod dictionary_plan;
mod memory_budget;
mod program;
mod reconstruction_plan;
mod running_time;
mod simulation_plan;

pub use available::{available_memory, resident_memory};
pub use dictionary_plan::dictionary_plan;
pub use memory_budget::MemoryBudget;
pub use program::{files, program, program_with_plugins};
pub use reconstruction_plan::{ReconstructionPlan, acquisition_memory, measurement_memory};
pub use running_time::{long_parts, long_time};
pub use simulation_plan::SimulationPlan;

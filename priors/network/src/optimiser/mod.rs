//! From gradients to better parameters.

mod adam_w;
mod gradient_sum;
mod parameter_state;
mod state_file;

pub use adam_w::{AdamW, gradient_norm};
pub use gradient_sum::GradientSum;
pub use parameter_state::ParameterState;
pub use state_file::{TrainingState, TrainingStateFile};

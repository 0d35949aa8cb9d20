//! From gradients to better parameters.

mod adam_w;
mod gradient_sum;
mod parameter_state;

pub use adam_w::{AdamW, gradient_norm};
pub use gradient_sum::GradientSum;
pub use parameter_state::ParameterState;

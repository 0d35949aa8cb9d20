//! What feature maps went through, the way back, and the memory of both.
//!
//! The tape knows no operation: each brings its own [`Step`] back.

mod arena;
mod gradients;
mod tape;

pub use arena::{Arena, Buffer};
pub use gradients::{Gradients, add_values};
pub(crate) use tape::{Slot, Step, Tape};

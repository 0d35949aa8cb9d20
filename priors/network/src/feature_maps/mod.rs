//! What flows through a network: feature maps that wait to be read, rows of numbers beside them, and what is done to both, each
//! operation with its own way back.

mod carry_back;
mod planes;
mod planes_back;
mod rows;
mod written;

pub use planes::Planes;
pub use rows::Rows;

//! What flows through a network: feature maps that wait to be read, rows of numbers beside them, and what is done to both, each
//! operation with its own way back.

mod attended;
mod carry_back;
mod convolved;
mod planes;
mod rows;
mod written;

pub use planes::Planes;
pub use rows::Rows;

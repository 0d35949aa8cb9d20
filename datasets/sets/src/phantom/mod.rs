//! A procedural brain: slices of endless subjects with known T1, T2 and proton density.

mod anatomy;
mod brain_phantom;
mod deep_brain;
mod noise_field;
mod shapes;
mod tissue;

pub use brain_phantom::{BrainPhantom, PhantomSlice};
pub use tissue::Tissue;

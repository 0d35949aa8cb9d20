//! From a measurement to maps: joins the parts that a method names.

mod parts;
mod posterior;
mod reconstructor;
mod result;
mod step;
mod stopwatch;

pub use parts::{Parts, part_provenance};
pub use posterior::{Posterior, PosteriorSum};
pub use reconstructor::{OnStep, Reconstructor, reconstruct};
pub use result::Reconstruction;
pub use step::Step;
pub use stopwatch::Stopwatch;

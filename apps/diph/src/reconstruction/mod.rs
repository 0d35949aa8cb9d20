//! From a measurement to maps: joins the parts that a method names.

mod acquisition;
mod evaluation;
mod parts;
mod reconstruct;
mod result;
mod truth;

pub use acquisition::Acquisition;
pub use evaluation::Evaluation;
pub use parts::Parts;
pub use reconstruct::reconstruct;
pub use result::Reconstruction;
pub use truth::Truth;

//! From a measurement to maps: joins the parts that a method names.

mod acquisition;
mod condition_image;
mod evaluation;
mod parts;
mod posterior;
mod reconstructor;
mod result;
mod step;
mod stopwatch;
mod truth;

pub use acquisition::Acquisition;
pub use condition_image::ConditionImage;
pub use evaluation::Evaluation;
pub use parts::Parts;
pub use posterior::{Posterior, qmaps};
pub use reconstructor::{OnStep, Reconstructor};
pub use result::Reconstruction;
pub use step::Step;
pub use stopwatch::Stopwatch;
pub use truth::Truth;

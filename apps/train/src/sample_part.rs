//! One source of a mixture.

use std::sync::Arc;

use crate::{ImageSource, Measurement};

/// One source of images, and how its images are measured.
#[derive(Clone)]
pub struct SamplePart {
    /// How often it is asked, relative to the other sources.
    pub share: f64,
    /// The images.
    pub images: Arc<dyn ImageSource>,
    /// The measurement of images of their size.
    pub measurement: Arc<Measurement>,
}

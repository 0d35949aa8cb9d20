//! What a prior may look at beside the noisy image.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{ScheduleEntry, View};

/// The one random generator of Diph: seeded, portable, and part of a solver's state.
pub type Rng = rand_chacha::ChaCha8Rng;

/// Condition images by name, such as `low_res`, in the shape (coefficient, [z,] y, x) of the noisy image. They are borrowed, so that
/// one image may bear several names and nothing is copied from call to call.
pub type Conditions<'a> = BTreeMap<String, View<'a>>;

/// Lends condition images that are kept by name.
pub fn lend_conditions(images: &BTreeMap<String, ArrayD<Complex32>>) -> Conditions<'_> {
    images.iter().map(|(name, image)| (name.clone(), image.view())).collect()
}

/// What a prior may look at beside the noisy image and its noise level.
pub struct PriorContext<'a> {
    /// Exact entry of the noise schedule in an annealed run.
    pub schedule: Option<ScheduleEntry>,
    /// Named condition images, for example `low_res`.
    pub conditions: &'a Conditions<'a>,
    /// Generator for priors that draw random numbers.
    pub rng: &'a mut Rng,
}

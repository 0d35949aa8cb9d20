//! What a prior may look at beside the noisy image.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::ScheduleEntry;

/// The one random generator of Diph: seeded, portable, and part of a solver's state.
pub type Rng = rand_chacha::ChaCha8Rng;

/// What a prior may look at beside the noisy image and its noise level.
pub struct PriorContext<'a> {
    /// Exact entry of the noise schedule in an annealed run.
    pub schedule: Option<ScheduleEntry>,
    /// Named condition images, for example `low_res`.
    pub conditions: &'a BTreeMap<String, ArrayD<Complex32>>,
    /// Generator for priors that draw random numbers.
    pub rng: &'a mut Rng,
}

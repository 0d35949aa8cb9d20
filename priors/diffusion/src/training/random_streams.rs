//! Generators that are functions of the seed and of what they are for.

use rand::SeedableRng;

use diph_core::Rng;

/// What a generator is for. Every stream of a ChaCha generator is independent of the others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    /// The parameters before training.
    Initialisation,
    /// The noise, noise level and condition dropout of an image.
    Sample(u64),
    /// Which of the images in use is drawn as this number.
    Choice(u64),
    /// The network's dropout in the microbatch that starts with an image.
    Dropout(u64),
}

impl Stream {
    pub fn rng(self, seed: u64) -> Rng {
        let mut rng = Rng::seed_from_u64(seed);
        rng.set_stream(match self {
            Self::Initialisation => 0,
            // Two streams for each image, none of them the first, and those of choices at the far end.
            Self::Sample(number) => number.wrapping_mul(2).wrapping_add(1),
            Self::Choice(number) => u64::MAX - number,
            Self::Dropout(number) => number.wrapping_mul(2).wrapping_add(2),
        });
        rng
    }
}

//! Diph against outputs of the authors' Python MRF-DiPh code on a small world (64 x 64, 100 frames of 256 samples).
//!
//! The files are not part of the project; every test says so and passes where they are absent. Operators and projectors come
//! out of the loaded plugins, as they do for a user.

mod matching;
mod operator;
mod sampler;
mod sequence;
mod world;

//! Receive coils: where they are sensitive, how their noise is correlated, and fewer of them that see the same.
//!
//! | what | where |
//! |---|---|
//! | sensitivities out of coil images, by ESPIRiT | [`Espirit`] |
//! | sensitivities out of coil images, by the covariance of neighbours | [`walsh`] |
//! | coil images out of k-space | [`coil_images`] |
//! | sensitivities of simulated coils | [`birdcage`] |
//! | coils of uncorrelated noise, out of a noise scan | [`Prewhitening`] |
//! | few virtual coils of the most energy | [`Compression`] |
//! | k-space or sensitivities of other coils, mixed from those that are there | [`mix`] |
//!
//! Sensitivities (coil, y, x) are normalised: the sum of squares over the coils is 1 wherever they are defined, and 0
//! elsewhere. There is one set of them: acquisition operators take one sensitivity for every coil and pixel, so that the
//! second set of soft-SENSE, for images that fold into themselves, would have nowhere to go.

#![deny(unsafe_code)]

mod birdcage;
mod coil_images;
mod compression;
mod covariance;
mod espirit;
mod mix;
mod prewhitening;
mod walsh;

pub use birdcage::birdcage;
pub use coil_images::coil_images;
pub use compression::{Compression, VirtualCoils};
pub use espirit::Espirit;
pub use mix::mix;
pub use prewhitening::Prewhitening;
pub use walsh::walsh;

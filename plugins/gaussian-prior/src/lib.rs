//! Plugin with the prior of `diph-gaussian`: `diph.gaussian`, a stationary normal distribution with a learned spectrum.
//!
//! | array | shape | |
//! |---|---|---|
//! | `basis` | (frame, coefficient) | real temporal basis of the acquisition: the spectrum has to be of the same span |
//!
//! Without the option `spectrum` it takes the first of the spectra that come with Diph whose basis is that of the acquisition.

use std::path::PathBuf;

use diph_core::{MemoryEstimate, Result};
use diph_gaussian::{GaussianPrior, Spectrum};
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, Uses, first_that_fits, plugin};
use ndarray::{ArrayView2, Ix2};
use num_complex::Complex32;
use schemars::JsonSchema;
use serde::Deserialize;

/// The spectra that come with Diph, by the names that messages have for them; see the card beside them.
const SHIPPED: [(&str, &[u8]); 2] = [
    ("deli-cs", include_bytes!("../../../priors/gaussian/weights/deli-cs.safetensors")),
    ("demo", include_bytes!("../../../priors/gaussian/weights/demo.safetensors")),
];

/// What a user may set of `diph.gaussian`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// File with the spectrum, as `diph train --objective spectrum` writes it. By default the one of those that come with
    /// Diph that is of the acquisition's temporal basis.
    spectrum: Option<PathBuf>,
    /// Scale of the proton density of the images that are denoised, in their units. Estimates in closed form do not look at it.
    scale: f32,
}

impl Default for Options {
    fn default() -> Self {
        Self { spectrum: None, scale: 1.0 }
    }
}

/// The component `diph.gaussian`: a stationary Gaussian prior.
pub struct Gaussian;

impl Component for Gaussian {
    const ID: &'static str = "diph.gaussian";
    const NAME: &'static str = "Gaussian";
    const SUMMARY: &'static str =
        "Stationary normal distribution with a learned spectrum over coefficients and frequencies";
    const REQUIRES: Requirements =
        Requirements { optional_arrays: &["basis"], optional_facts: &["image", "coefficients"], ..Requirements::NONE };
    const EXAMPLE: &'static str = r#"{
        "options": {"scale": 0.5},
        "facts": {"image": [17, 16], "coefficients": 5},
        "image": [5, 17, 16]
    }"#;
    type Options = Options;
    type Instance = GaussianPrior;

    fn create(options: Options, acquisition: &Acquisition<'_>, host: &Host) -> Result<GaussianPrior> {
        let basis = acquisition.optional::<f32, Ix2>("basis")?;
        let spectrum = match (&options.spectrum, &basis) {
            (Some(path), Some(basis)) => Spectrum::read(path)?.for_basis(basis.view())?,
            (Some(path), None) => Spectrum::read(path)?,
            (None, Some(basis)) => shipped(basis.view(), host)?,
            (None, None) => Spectrum::from_bytes(SHIPPED[0].1)?,
        };
        GaussianPrior::new(spectrum, options.scale)
    }

    fn memory(_: Options, shapes: &Acquisition<'_>, _: Uses) -> Result<Option<MemoryEstimate>> {
        let (coefficients, pixels) = (shapes.coefficients()?, shapes.image()?.pixels());
        let matrices = MemoryEstimate::array::<f32>(&[coefficients, coefficients, pixels]);
        let image = MemoryEstimate::array::<Complex32>(&[coefficients, pixels]);
        Ok(Some(MemoryEstimate::default().temporary("Gaussian prior", matrices.saturating_add(3 * image))))
    }
}

/// The first shipped spectrum that is of this basis (frame, coefficient).
fn shipped(basis: ArrayView2<'_, f32>, host: &Host) -> Result<Spectrum> {
    let advice =
        "learn a spectrum for it with `diph train --objective spectrum` and name it with the option `spectrum`";
    let fitting = |bytes| Spectrum::from_bytes(bytes).and_then(|spectrum| spectrum.for_basis(basis));
    first_that_fits(Gaussian::ID, "spectra", advice, host, SHIPPED.map(|(name, bytes)| (name, fitting(bytes))))
}

plugin! { prior: Gaussian }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_spectra_are_whole() {
        for (name, bytes) in SHIPPED {
            let spectrum = Spectrum::from_bytes(bytes).unwrap();
            assert!(spectrum.images() > 0 && spectrum.coefficients() == 5, "{name}");
        }
    }
}

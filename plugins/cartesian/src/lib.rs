//! Plugin `diph.cartesian`: the MRF acquisition on a Cartesian grid, of `diph-cartesian`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `trajectory` | (frame, sample, 2 or 3) | positions (ky, kx) or (kz, ky, kx) in cycles per pixel on the image's grid |
//! | `basis` | (frame, coefficient) | real temporal basis V |
//! | `weights` | (frame, sample) | data weights w, not negative; ones when absent |
//! | `coil_maps` | (coil, y, x) or (coil, z, y, x) | coil sensitivities; one coil that sees everything when absent |

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions};
use diph_core::{FourierScale, MemoryEstimate, Result, SpatialAxes};
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, Uses, plugin};
use ndarray::{Ix2, Ix3, IxDyn};
use num_complex::Complex32;
use schemars::JsonSchema;
use serde::Deserialize;

/// The component `diph.cartesian`: an operator on a Cartesian grid.
pub struct Cartesian;

/// What a user may set of `diph.cartesian`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The factor in front of the Fourier sum; by default that of the acquisition, or unitary.
    normalisation: Option<FourierScale>,
}

impl Component for Cartesian {
    const ID: &'static str = "diph.cartesian";
    const NAME: &'static str = "Cartesian MRF acquisition";
    const SUMMARY: &'static str = "Coils, temporal subspace and masked Fourier transform on the image's grid";
    // The step keeps the positions on the grid of both axes.
    const EXAMPLE: &'static str = r#"{
        "options": {},
        "facts": {"image": [8, 16], "coefficients": 3, "coils": 2, "frames": 5, "samples": 20},
        "arrays": {
            "trajectory": {"shape": [5, 20, 2], "dtype": "f64", "low": -0.5, "high": 0.5, "step": 0.125},
            "basis": {"shape": [5, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "weights": {"shape": [5, 20], "dtype": "f32", "low": 0.1, "high": 2.0},
            "coil_maps": {"shape": [2, 8, 16], "dtype": "c64", "low": -1.0, "high": 1.0}
        }
    }"#;
    const REQUIRES: Requirements = Requirements {
        arrays: &["trajectory", "basis"],
        optional_arrays: &["weights", "coil_maps"],
        facts: &["image"],
        optional_facts: &["fourier_scale", "coefficients", "coils", "frames", "samples"],
        spatial_axes: SpatialAxes::Either,
    };
    type Options = Options;
    type Instance = CartesianOperator;

    fn create(options: Options, acquisition: &Acquisition<'_>, _host: &Host) -> Result<CartesianOperator> {
        let trajectory = acquisition.required::<f64, Ix3>("trajectory")?;
        let basis = acquisition.required::<f32, Ix2>("basis")?;
        let weights = acquisition.optional::<f32, Ix2>("weights")?;
        let coil_maps = acquisition.optional::<Complex32, IxDyn>("coil_maps")?;
        let arrays = CartesianArrays {
            trajectory: trajectory.view(),
            basis: basis.view(),
            coil_maps: coil_maps.as_ref().map(|maps| maps.view()),
            weights: weights.as_ref().map(|weights| weights.view()),
        };
        let normalisation = options.normalisation.or(acquisition.fourier_scale()).unwrap_or_default();
        CartesianOperator::new(arrays, &CartesianOptions { image: acquisition.image()?, normalisation })
    }

    fn memory(_options: Options, shapes: &Acquisition<'_>, _uses: Uses) -> Result<Option<MemoryEstimate>> {
        Ok(Some(CartesianOperator::memory_estimate(&shapes.lengths()?)))
    }
}

plugin! { operator: Cartesian }

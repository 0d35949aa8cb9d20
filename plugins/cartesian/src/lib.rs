//! Plugin `diph.cartesian`: the MRF acquisition on a Cartesian grid, of `diph-cartesian`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `trajectory` | (frame, sample, 2 or 3) | positions (ky, kx) or (kz, ky, kx) in cycles per pixel on the image's grid |
//! | `basis` | (frame, coefficient) | real temporal basis V |
//! | `weights` | (frame, sample) | data weights w, not negative; ones when absent |
//! | `coil_maps` | (coil, y, x) or (coil, z, y, x) | coil sensitivities; one coil that sees everything when absent |

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions};
use diph_core::{FourierScale, ImageShape, Result};
use diph_plugin_sdk::{Arrays, Component, Host, export_plugin};
use ndarray::{Ix2, Ix3, IxDyn};
use num_complex::Complex32;
use schemars::JsonSchema;
use serde::Deserialize;

struct Cartesian;

/// Options of the operator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Pixels of the image as (height, width) or (depth, height, width). Any size; small prime factors are faster.
    image: Vec<usize>,
    /// The factor in front of the Fourier sum; unitary when absent.
    #[serde(default)]
    normalisation: FourierScale,
}

impl Component for Cartesian {
    const ID: &'static str = "diph.cartesian";
    const NAME: &'static str = "Cartesian MRF acquisition";
    const SUMMARY: &'static str = "Coils, temporal subspace and masked Fourier transform on the image's grid";
    // The step keeps the positions on the grid of both axes.
    const EXAMPLE: &'static str = r#"{
        "options": {"image": [8, 16]},
        "arrays": {
            "trajectory": {"shape": [5, 20, 2], "dtype": "f64", "low": -0.5, "high": 0.5, "step": 0.125},
            "basis": {"shape": [5, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "weights": {"shape": [5, 20], "dtype": "f32", "low": 0.1, "high": 2.0},
            "coil_maps": {"shape": [2, 8, 16], "dtype": "c64", "low": -1.0, "high": 1.0}
        }
    }"#;
    type Options = Options;
    type Instance = CartesianOperator;

    fn create(options: Options, arrays: &Arrays<'_>, host: &Host) -> Result<CartesianOperator> {
        host.configure_rayon();
        let trajectory = arrays.required::<f64, Ix3>("trajectory")?;
        let basis = arrays.required::<f32, Ix2>("basis")?;
        let weights = arrays.optional::<f32, Ix2>("weights")?;
        let coil_maps = arrays.optional::<Complex32, IxDyn>("coil_maps")?;
        let arrays = CartesianArrays {
            trajectory: trajectory.view(),
            basis: basis.view(),
            coil_maps: coil_maps.as_ref().map(|maps| maps.view()),
            weights: weights.as_ref().map(|weights| weights.view()),
        };
        let image = ImageShape::try_from(options.image.as_slice())?;
        CartesianOperator::new(arrays, &CartesianOptions { image, normalisation: options.normalisation })
    }
}

export_plugin! { operator: Cartesian }

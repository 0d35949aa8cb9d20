//! Plugin `diph.cartesian`: the MRF acquisition on a Cartesian grid, of `diph-cartesian`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `trajectory` | (frame, sample, 2) | positions (ky, kx) in cycles per pixel on the image's grid |
//! | `basis` | (frame, coefficient) | real temporal basis V |
//! | `weights` | (frame, sample) | data weights w, not negative; ones when absent |
//! | `coil_maps` | (coil, y, x) | coil sensitivities; one coil that sees everything when absent |

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions};
use diph_core::Result;
use diph_plugin_sdk::{Arrays, Component, Host, export_plugin};
use ndarray::{Ix2, Ix3};
use num_complex::Complex32;

struct Cartesian;

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
    type Options = CartesianOptions;
    type Instance = CartesianOperator;

    fn create(options: CartesianOptions, arrays: &Arrays<'_>, host: &Host) -> Result<CartesianOperator> {
        host.configure_rayon();
        let trajectory = arrays.required::<f64, Ix3>("trajectory")?;
        let basis = arrays.required::<f32, Ix2>("basis")?;
        let weights = arrays.optional::<f32, Ix2>("weights")?;
        let coil_maps = arrays.optional::<Complex32, Ix3>("coil_maps")?;
        let arrays = CartesianArrays {
            trajectory: trajectory.view(),
            basis: basis.view(),
            coil_maps: coil_maps.as_ref().map(|maps| maps.view()),
            weights: weights.as_ref().map(|weights| weights.view()),
        };
        CartesianOperator::new(arrays, &options)
    }
}

export_plugin! { operator: Cartesian }

//! Plugin `diph.mrf-nufft`: the MRF acquisition along any trajectory, of `diph-nufft`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `trajectory` | (frame, sample, 2) | positions (ky, kx) in cycles per pixel, within [-1/2, 1/2] |
//! | `basis` | (frame, coefficient) | real temporal basis V |
//! | `weights` | (frame, sample) or (1, sample) | data weights w, not negative; ones when absent |
//! | `coil_maps` | (coil, y, x) | coil sensitivities; one coil that sees everything when absent |

use diph_core::{FourierScale, Result};
use diph_nufft::{Accuracy, MrfOperator, MrfOptions, Trajectory};
use diph_plugin_sdk::{Arrays, Component, Host, export_plugin};
use ndarray::{Ix2, Ix3};
use num_complex::Complex32;
use schemars::JsonSchema;
use serde::Deserialize;

struct MrfNufft;

/// Options of the operator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Pixels of the image as (height, width). Any size.
    image: [usize; 2],
    /// Relative accuracy of the transform, from 1e-6 to 1e-2.
    #[serde(default = "default_accuracy")]
    accuracy: f64,
    /// The factor in front of the transform.
    #[serde(default)]
    normalisation: FourierScale,
}

fn default_accuracy() -> f64 {
    Accuracy::default().value()
}

impl Component for MrfNufft {
    const ID: &'static str = "diph.mrf-nufft";
    const NAME: &'static str = "Non-uniform MRF acquisition";
    const SUMMARY: &'static str = "Coils, temporal subspace and non-uniform Fourier transform, with a Toeplitz normal";
    const EXAMPLE: &'static str = r#"{
        "options": {"image": [13, 12]},
        "arrays": {
            "trajectory": {"shape": [7, 48, 2], "dtype": "f64", "low": -0.5, "high": 0.5},
            "basis": {"shape": [7, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "weights": {"shape": [7, 48], "dtype": "f32", "low": 0.1, "high": 2.0},
            "coil_maps": {"shape": [2, 13, 12], "dtype": "c64", "low": -1.0, "high": 1.0}
        }
    }"#;
    type Options = Options;
    type Instance = MrfOperator;

    fn create(options: Options, arrays: &Arrays<'_>, host: &Host) -> Result<MrfOperator> {
        host.configure_rayon();
        let trajectory = Trajectory::new(arrays.required::<f64, Ix3>("trajectory")?)?;
        let [height, width] = options.image;
        MrfOperator::new(MrfOptions {
            trajectory,
            basis: arrays.required::<f32, Ix2>("basis")?,
            height,
            width,
            weights: arrays.optional::<f32, Ix2>("weights")?,
            coil_maps: arrays.optional::<Complex32, Ix3>("coil_maps")?,
            accuracy: Accuracy::new(options.accuracy)?,
            normalisation: options.normalisation,
        })
    }
}

export_plugin! { operator: MrfNufft }

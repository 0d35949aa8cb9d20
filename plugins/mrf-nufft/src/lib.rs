//! Plugin `diph.mrf-nufft`: the MRF acquisition along any trajectory, of `diph-nufft`.
//!
//! | array | shape | |
//! |---|---|---|
//! | `trajectory` | (frame, sample, 2) | positions (ky, kx) in cycles per pixel, within [-1/2, 1/2] |
//! | `basis` | (frame, coefficient) | real temporal basis V |
//! | `weights` | (frame, sample) or (1, sample) | data weights w, not negative; ones when absent |
//! | `coil_maps` | (coil, y, x) | coil sensitivities; one coil that sees everything when absent |

use diph_core::{FourierScale, MemoryEstimate, Result, SpatialAxes};
use diph_nufft::{Accuracy, MrfOperator, MrfOptions, Trajectory};
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, Uses, plugin};
use ndarray::{Ix2, Ix3};
use num_complex::Complex32;
use schemars::JsonSchema;
use serde::Deserialize;

/// The component `diph.mrf-nufft`: an operator along any trajectory.
pub struct MrfNufft;

/// What a user may set of `diph.mrf-nufft`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Relative accuracy of the transform, from 1e-6 to 1e-2.
    #[serde(default = "default_accuracy")]
    accuracy: f64,
    /// The factor in front of the transform; by default that of the acquisition, or unitary.
    normalisation: Option<FourierScale>,
}

fn default_accuracy() -> f64 {
    Accuracy::default().value()
}

impl Component for MrfNufft {
    const ID: &'static str = "diph.mrf-nufft";
    const NAME: &'static str = "Non-uniform MRF acquisition";
    const SUMMARY: &'static str = "Coils, temporal subspace and non-uniform Fourier transform, with a Toeplitz normal";
    const EXAMPLE: &'static str = r#"{
        "options": {},
        "facts": {"image": [13, 12], "coefficients": 3, "coils": 2, "frames": 7, "samples": 48},
        "arrays": {
            "trajectory": {"shape": [7, 48, 2], "dtype": "f64", "low": -0.5, "high": 0.5},
            "basis": {"shape": [7, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
            "weights": {"shape": [7, 48], "dtype": "f32", "low": 0.1, "high": 2.0},
            "coil_maps": {"shape": [2, 13, 12], "dtype": "c64", "low": -1.0, "high": 1.0}
        }
    }"#;
    const REQUIRES: Requirements = Requirements {
        arrays: &["trajectory", "basis"],
        optional_arrays: &["weights", "coil_maps"],
        facts: &["image"],
        optional_facts: &["fourier_scale", "coefficients", "coils", "frames", "samples"],
        spatial_axes: SpatialAxes::Two,
    };
    type Options = Options;
    type Instance = MrfOperator;

    fn create(options: Options, acquisition: &Acquisition<'_>, _host: &Host) -> Result<MrfOperator> {
        let trajectory = Trajectory::new(acquisition.required::<f64, Ix3>("trajectory")?)?;
        let [height, width] = acquisition.image()?.require_plane(Self::ID)?;
        MrfOperator::new(MrfOptions {
            trajectory,
            basis: acquisition.required::<f32, Ix2>("basis")?,
            height,
            width,
            weights: acquisition.optional::<f32, Ix2>("weights")?,
            coil_maps: acquisition.optional::<Complex32, Ix3>("coil_maps")?,
            accuracy: Accuracy::new(options.accuracy)?,
            normalisation: options.normalisation.or(acquisition.fourier_scale()).unwrap_or_default(),
        })
    }

    fn memory(options: Options, shapes: &Acquisition<'_>, uses: Uses) -> Result<Option<MemoryEstimate>> {
        let accuracy = Accuracy::new(options.accuracy)?;
        Ok(Some(MrfOperator::memory_estimate(&shapes.lengths()?, accuracy, uses.normal)?))
    }
}

plugin! { operator: MrfNufft }

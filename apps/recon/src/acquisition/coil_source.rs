//! Where coil sensitivities and the noise of coils come from.

use std::fmt;
use std::str::FromStr;

use diph_coils::{Espirit, walsh};
use diph_formats::ArrayLocation;
use ndarray::{Array3, ArrayView4};
use num_complex::Complex32;

/// Pixels to each side over which coil covariances are averaged in Walsh's estimate.
const WALSH_RADIUS: usize = 4;

/// How sensitivities are estimated from the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CoilEstimate {
    /// [`walsh`], defined everywhere.
    #[default]
    Walsh,
    /// [`Espirit`] with the defaults of BART, zero where there is no signal.
    Espirit,
}

impl CoilEstimate {
    /// Sensitivities (coil, y, x) out of coil images (coil, coefficient, y, x).
    ///
    /// # Errors
    /// Those of the estimate.
    pub fn of_images(self, images: ArrayView4<'_, Complex32>) -> diph_core::Result<Array3<Complex32>> {
        match self {
            Self::Walsh => walsh(images, WALSH_RADIUS),
            Self::Espirit => Espirit::default().of_images(images),
        }
    }
}

impl fmt::Display for CoilEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Walsh => "walsh",
            Self::Espirit => "espirit",
        })
    }
}

impl FromStr for CoilEstimate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "walsh" => Ok(Self::Walsh),
            "espirit" => Ok(Self::Espirit),
            _ => Err(format!("expected espirit or walsh, got `{text}`")),
        }
    }
}

/// Coil sensitivities: estimated, or in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoilSource {
    /// Estimated from every slice itself.
    Estimated(CoilEstimate),
    /// An array (coil, \[z,\] y, x).
    File(ArrayLocation),
}

/// As it is typed.
impl fmt::Display for CoilSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Estimated(estimate) => estimate.fmt(f),
            Self::File(location) => location.fmt(f),
        }
    }
}

impl FromStr for CoilSource {
    type Err = String;

    /// Reads `walsh`, `espirit`, or the place of a file.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(estimate) => Ok(Self::Estimated(estimate)),
            Err(_) => text.parse().map(Self::File),
        }
    }
}

/// Noise that coils received without a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoiseSource {
    /// None, not even where the measurement has a noise scan.
    None,
    /// An array (coil, ..., sample), or the noise scan of raw data.
    File(ArrayLocation),
}

/// As it is typed.
impl fmt::Display for NoiseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::File(location) => location.fmt(f),
        }
    }
}

impl FromStr for NoiseSource {
    type Err = String;

    /// Reads `none`, or the place of a file.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            place => place.parse().map(Self::File),
        }
    }
}

//! One map in a figure.

use ndarray::Array2;

use super::ColorScale;

/// One map with its scale.
#[derive(Clone, Debug)]
pub struct Panel {
    /// (y, x); NaN is drawn black.
    pub values: Array2<f32>,
    /// How numbers become colours.
    pub scale: ColorScale,
    /// Whether a colour bar stands to the right.
    pub color_bar: bool,
    /// A short line above the map, for example its error.
    pub note: Option<String>,
}

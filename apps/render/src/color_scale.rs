//! How the numbers of a map become colours.

use super::{Colormap, Rgb};

/// A colour map laid over a range of numbers, with the words beside its bar.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorScale {
    /// The colours.
    pub colormap: Colormap,
    /// Number at the start of the colour map.
    pub low: f32,
    /// Number at its end; above `low`.
    pub high: f32,
    /// Quantity and unit, for example `T₁ [s]`.
    pub label: String,
}

impl ColorScale {
    /// A scale from `low` to `high`.
    pub fn new(colormap: Colormap, low: f32, high: f32, label: impl Into<String>) -> Self {
        Self { colormap, low, high, label: label.into() }
    }

    /// Colour of a number: the nearer end outside of the range, black where there is none (NaN).
    pub fn color(&self, value: f32) -> Rgb {
        if value.is_nan() {
            return [0; 3];
        }
        self.colormap.color((value - self.low) / (self.high - self.low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_missing_values() {
        let scale = ColorScale::new(Colormap::Navia, 0.1, 0.2, "T₂ [s]");
        assert_eq!(scale.color(0.1), Colormap::Navia.color(0.0));
        assert_eq!(scale.color(9.0), Colormap::Navia.color(1.0));
        assert_eq!(scale.color(f32::NAN), [0; 3]);
    }
}

//! Colours of numbers.

use super::colormap_tables::{LIPARI, NAVIA, VIK};
use super::rgb_image::Rgb;

/// Colour maps: perceptually uniform and readable with colour vision deficiencies.
///
/// Lipari, Navia and Vik are Fabio Crameri's (Scientific colour maps, doi:10.5281/zenodo.1243862, MIT licence).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colormap {
    /// Sequential, from navy through rose to cream: T1.
    Lipari,
    /// Sequential, from navy through teal to cream: T2.
    Navia,
    /// Black to white: magnitudes.
    Grey,
    /// Diverging, blue to red with a light centre: signed errors.
    Vik,
}

impl Colormap {
    /// Colour of a position in the map: 0 is its start and 1 its end; positions outside take the colour of the nearer
    /// end, NaN that of the start.
    ///
    /// ```
    /// use diph_render::Colormap;
    /// assert_eq!(Colormap::Grey.color(0.5), [128; 3]);
    /// assert_eq!(Colormap::Lipari.color(7.0), Colormap::Lipari.color(1.0));
    /// ```
    pub fn color(self, position: f32) -> Rgb {
        match self {
            Self::Lipari => interpolate(&LIPARI, position),
            Self::Navia => interpolate(&NAVIA, position),
            Self::Grey => interpolate(&[[0; 3], [255; 3]], position),
            Self::Vik => interpolate(&VIK, position),
        }
    }
}

fn interpolate(points: &[Rgb], position: f32) -> Rgb {
    let last = points.len() - 1;
    let position = if position.is_nan() { 0.0 } else { position.clamp(0.0, 1.0) };
    let scaled = position * last as f32;
    let index = (scaled as usize).min(last - 1);
    let fraction = scaled - index as f32;
    let (from, to) = (points[index], points[index + 1]);
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(from[channel]), f32::from(to[channel]));
        (from + (to - from) * fraction).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_the_published_ones() {
        assert_eq!(Colormap::Lipari.color(0.0), [3, 19, 38]);
        assert_eq!(Colormap::Lipari.color(1.0), [253, 245, 218]);
        assert_eq!(Colormap::Navia.color(0.0), [3, 19, 39]);
        assert_eq!(Colormap::Navia.color(1.0), [252, 244, 217]);
        assert_eq!(Colormap::Vik.color(0.0), [0, 18, 97]);
        assert_eq!(Colormap::Vik.color(1.0), [89, 0, 8]);
        assert_eq!(Colormap::Grey.color(1.0), [255; 3]);
    }

    #[test]
    fn the_middle_is_within_a_step_of_the_published_table() {
        for (map, published) in
            [(Colormap::Lipari, [163, 98, 103]), (Colormap::Navia, [64, 138, 128]), (Colormap::Vik, [235, 230, 226])]
        {
            let color = map.color(127.0 / 255.0);
            assert!(color.iter().zip(published).all(|(&a, b): (_, u8)| a.abs_diff(b) <= 1), "{map:?}: {color:?}");
        }
    }

    #[test]
    fn positions_outside_take_the_nearer_end() {
        assert_eq!(Colormap::Navia.color(-3.0), Colormap::Navia.color(0.0));
        assert_eq!(Colormap::Navia.color(f32::INFINITY), Colormap::Navia.color(1.0));
        assert_eq!(Colormap::Navia.color(f32::NAN), Colormap::Navia.color(0.0));
    }

    #[test]
    fn sequential_maps_grow_brighter() {
        let brightness = |map: Colormap, i: usize| {
            let [r, g, b] = map.color(i as f32 / 255.0).map(f32::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        for map in [Colormap::Lipari, Colormap::Navia, Colormap::Grey] {
            assert!((1..256).all(|i| brightness(map, i) > brightness(map, i - 1) - 1.5), "{map:?}");
        }
    }
}

//! Volumes in pictures: their middle plane.

use diph_core::{Error, Result};
use ndarray::{ArrayView2, ArrayViewD, Axis};

/// The map (y, x) that stands for a map in a picture: itself, or plane number depth / 2 of a volume (z, y, x).
///
/// # Errors
/// [`Error::Incompatible`] for a map that has not two or three axes, or no plane.
pub fn middle_plane<T>(map: ArrayViewD<'_, T>) -> Result<ArrayView2<'_, T>> {
    let shape = map.shape().to_vec();
    let refused = || {
        let expected = "a map with the axes (y, x) or (z, y, x)";
        Error::incompatible("figure", expected, format!("one of shape {shape:?}"))
    };
    let plane = match shape[..] {
        [depth, _, _] if depth > 0 => map.index_axis_move(Axis(0), depth / 2),
        _ => map,
    };
    plane.into_dimensionality().map_err(|_| refused())
}

/// What titles and captions of a picture say of a map with these spatial lengths: nothing of a plane, and of a volume which
/// plane is shown, counted from 1: `, plane 5 of 8`.
pub fn plane_shown(lengths: &[usize]) -> String {
    match *lengths {
        [depth, _, _] => format!(", plane {} of {depth}", depth / 2 + 1),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array;

    use super::*;

    #[test]
    fn the_middle_of_a_volume_is_shown_and_said() {
        let volume = Array::from_shape_fn((8, 2, 3), |(z, ..)| z).into_dyn();
        assert_eq!(middle_plane(volume.view()).unwrap(), Array::from_elem((2, 3), 4));
        assert_eq!(plane_shown(volume.shape()), ", plane 5 of 8");
        let plane = Array::from_elem((2, 3), 1).into_dyn();
        assert_eq!(middle_plane(plane.view()).unwrap().into_dyn(), plane);
        assert_eq!(plane_shown(plane.shape()), "");
        for shape in [&[2][..], &[0, 2, 3], &[1, 2, 2, 3]] {
            let error = middle_plane(Array::from_elem(shape, 1).view()).unwrap_err().to_string();
            assert!(error.contains("expected a map with the axes (y, x) or (z, y, x)"), "{error}");
        }
    }
}

//! Maps that figures are drawn of.

use diph_core::{Error, ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::ArrayView2;
use num_complex::Complex32;

use crate::middle_plane;

/// Borrowed T1, T2 and PD maps of one slice, or of the middle plane of a volume, all (y, x).
#[derive(Clone, Copy, Debug)]
pub struct MapsView<'a> {
    /// T1 in s.
    pub t1: ArrayView2<'a, f32>,
    /// T2 in s.
    pub t2: ArrayView2<'a, f32>,
    /// Complex proton density in any unit.
    pub pd: ArrayView2<'a, Complex32>,
}

impl<'a> MapsView<'a> {
    /// Finds T1 and T2 by name among the parameters; the amplitude is PD.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the maps hold no T1 or no T2, [`Error::Incompatible`] when they are
    /// not of a plane or a volume.
    pub fn new(maps: &'a ParameterMaps) -> Result<Self> {
        Ok(Self {
            t1: middle_plane(maps.parameter("T1")?)?,
            t2: middle_plane(maps.parameter("T2")?)?,
            pd: middle_plane(maps.amplitude.view())?,
        })
    }

    /// Maps of a data set or a phantom.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when they are not of a plane or a volume.
    pub fn of_maps(maps: &'a QuantitativeMaps) -> Result<Self> {
        Ok(Self {
            t1: middle_plane(maps.t1.view())?,
            t2: middle_plane(maps.t2.view())?,
            pd: middle_plane(maps.pd.view())?,
        })
    }

    /// Checks that all three maps are of one shape.
    pub(super) fn require_shape(&self, expected: (usize, usize)) -> Result<()> {
        match [self.t1.dim(), self.t2.dim(), self.pd.dim()].into_iter().find(|&shape| shape != expected) {
            None => Ok(()),
            Some(got) => Err(Error::Shape {
                operation: "figure".into(),
                role: "maps".into(),
                expected: vec![expected.0, expected.1],
                got: vec![got.0, got.1],
            }),
        }
    }
}

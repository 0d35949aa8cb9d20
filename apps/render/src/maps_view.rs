//! Maps that figures are drawn of.

use diph_core::{Error, ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::{ArrayView2, ArrayViewD};
use num_complex::Complex32;

/// Borrowed T1, T2 and PD maps of one slice, all (y, x).
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
    /// [`Error::Parameter`] when the maps hold no T1 or no T2, [`Error::Incompatible`] when they are of a volume.
    pub fn new(maps: &'a ParameterMaps) -> Result<Self> {
        Ok(Self {
            t1: plane(maps.parameter("T1")?)?,
            t2: plane(maps.parameter("T2")?)?,
            pd: plane(maps.amplitude.view())?,
        })
    }

    /// Maps of a data set or a phantom.
    pub fn of_maps(maps: &'a QuantitativeMaps) -> Self {
        Self { t1: maps.t1.view(), t2: maps.t2.view(), pd: maps.pd.view() }
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

fn plane<T>(map: ArrayViewD<'_, T>) -> Result<ArrayView2<'_, T>> {
    let shape = map.shape().to_vec();
    let refused = |_| Error::incompatible("figure", "a map with the axes (y, x)", format!("one of shape {shape:?}"));
    map.into_dimensionality().map_err(refused)
}

//! Standard deviations of maps, voxel by voxel.

use diph_core::{ParameterMaps, Result};
use ndarray::{ArrayD, Zip};
use num_complex::Complex32;

/// Standard deviations of the natural logarithms of T1, T2 and |PD|, each (\[z,\] y, x): 0.1 stands for about 10 %.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviations {
    /// Of ln T1.
    pub t1: ArrayD<f32>,
    /// Of ln T2.
    pub t2: ArrayD<f32>,
    /// Of ln |PD|.
    pub pd: ArrayD<f32>,
}

/// Names of the maps in files.
pub(super) const NAMES: [&str; 3] = ["t1_deviation", "t2_deviation", "pd_deviation"];

impl Deviations {
    /// The deviations as they stand in files, with their names there: times T1 and T2 (in seconds) and times |PD|.
    ///
    /// # Errors
    /// When the maps hold no T1 or T2.
    pub fn in_units(&self, maps: &ParameterMaps) -> Result<[(&'static str, ArrayD<f32>); 3]> {
        let magnitude = maps.amplitude.mapv(Complex32::norm);
        let [t1, t2, pd] = NAMES;
        Ok([
            (t1, &self.t1 * &maps.parameter("T1")?),
            (t2, &self.t2 * &maps.parameter("T2")?),
            (pd, &self.pd * &magnitude),
        ])
    }

    /// The deviations of maps in files, as [`in_units`](Self::in_units) gives them for `T1`, `T2` and `|PD|`. Where a value is 0 the
    /// deviation is infinite: nothing is known of it.
    pub fn of_units(deviations: [ArrayD<f32>; 3], values: [ArrayD<f32>; 3]) -> Self {
        let ratio = |deviation: &ArrayD<f32>, value: &ArrayD<f32>| {
            Zip::from(deviation)
                .and(value)
                .map_collect(|deviation, value| if *value > 0.0 { deviation / value } else { f32::INFINITY })
        };
        let [t1, t2, pd] = std::array::from_fn(|map| ratio(&deviations[map], &values[map]));
        Self { t1, t2, pd }
    }

    /// Keys of `maps.npz`.
    pub fn names() -> [&'static str; 3] {
        NAMES
    }
}

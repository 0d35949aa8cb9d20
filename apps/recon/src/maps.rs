//! Parameter maps in the three forms that parts and files have for them.

use diph_core::{ImageShape, Parameter, ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::{Array3, Axis};

/// Maps of a data folder (T1 in s, T2 in s, complex PD) in the form that projectors and simulations share.
pub fn parameter_maps(maps: &QuantitativeMaps) -> ParameterMaps {
    let (height, width) = maps.dim();
    let parameters = ["T1", "T2"].map(|name| Parameter { name: name.into(), unit: "s".into() });
    let mut found = ParameterMaps::zeros(parameters.into(), &ImageShape::plane(height, width));
    found.values.index_axis_mut(Axis(0), 0).assign(&maps.t1);
    found.values.index_axis_mut(Axis(0), 1).assign(&maps.t2);
    found.amplitude.assign(&maps.pd);
    found
}

/// The maps as one stack (4, y, x): T1 (s), T2 (s), Re PD, Im PD, as in the Python code's files.
///
/// # Errors
/// When the maps hold no T1 or T2 in seconds.
pub fn stacked_maps(maps: &ParameterMaps) -> Result<Array3<f32>> {
    let stacked = QuantitativeMaps::from_parameter_maps(maps).and_then(|maps| maps.to_stacked());
    stacked.map_err(|error| diph_core::Error::external("maps", error))
}

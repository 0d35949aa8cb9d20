//! What a projector finds out about every voxel.

use ndarray::{Array2, Array3};
use num_complex::Complex32;

use crate::Parameter;

/// Parameter maps of an image: every voxel is `amplitude * response(values)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterMaps {
    /// What the first axis of `values` stands for.
    pub parameters: Vec<Parameter>,
    /// (parameter, y, x), in the units of `parameters`.
    pub values: Array3<f32>,
    /// (y, x): complex amplitude of the response; the proton density (PD) in MR fingerprinting.
    pub amplitude: Array2<Complex32>,
}

impl ParameterMaps {
    /// Maps of zeros.
    pub fn zeros(parameters: Vec<Parameter>, height: usize, width: usize) -> Self {
        let values = Array3::zeros((parameters.len(), height, width));
        Self { parameters, values, amplitude: Array2::zeros((height, width)) }
    }
}

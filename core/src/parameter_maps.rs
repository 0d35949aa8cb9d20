//! What a projector finds out about every voxel.

use ndarray::{Array2, Array3, ArrayView2, Axis};
use num_complex::Complex32;

use crate::{Error, Parameter, Result};

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

    /// The map of the parameter `name`, (y, x).
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such parameter, with those that there are.
    pub fn parameter(&self, name: &str) -> Result<ArrayView2<'_, f32>> {
        match self.parameters.iter().position(|parameter| parameter.name == name) {
            Some(index) => Ok(self.values.index_axis(Axis(0), index)),
            None => {
                let found: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                Err(Error::parameter("parameter maps", name, "a map of that name", format!("maps of {found:?}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_maps_by_name() {
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let mut maps = ParameterMaps::zeros(vec![parameter("T1"), parameter("T2")], 2, 3);
        maps.values[[1, 0, 2]] = 0.07;
        assert_eq!(maps.parameter("T2").unwrap()[[0, 2]], 0.07);
        let error = maps.parameter("B1").unwrap_err().to_string();
        assert_eq!(error, r#"parameter maps: B1: expected a map of that name, got maps of ["T1", "T2"]"#);
    }
}

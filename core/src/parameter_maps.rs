//! Parameter maps: the quantities that the physics depends on, voxel by voxel.

use ndarray::{ArrayD, ArrayViewD, Axis};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::{Error, ImageShape, Result};

/// A quantity that the physics depends on, voxel by voxel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name of the quantity, for example `T1`.
    pub name: String,
    /// Unit, for example `s`; empty for a pure number.
    pub unit: String,
}

/// Parameter maps of a plane or a volume: every voxel is `amplitude * response(values)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterMaps {
    /// What the first axis of `values` stands for.
    pub parameters: Vec<Parameter>,
    /// (parameter, y, x) or (parameter, z, y, x), in the units of `parameters`.
    pub values: ArrayD<f32>,
    /// (y, x) or (z, y, x): complex amplitude of the response; the proton density (PD) in MR fingerprinting.
    pub amplitude: ArrayD<Complex32>,
}

impl ParameterMaps {
    /// Maps of zeros of a plane or a volume.
    pub fn zeros(parameters: Vec<Parameter>, image: &ImageShape) -> Self {
        let values = ArrayD::zeros(image.with_leading(parameters.len()));
        Self { parameters, values, amplitude: ArrayD::zeros(image.lengths()) }
    }

    /// Spatial lengths of the maps.
    ///
    /// # Errors
    /// [`Error::Shape`], naming `operation`, when `values` and `amplitude` are not maps of one image, or their number is
    /// not that of the parameters; [`Error::Incompatible`] when they have not two or three spatial axes.
    pub fn image(&self, operation: &str) -> Result<ImageShape> {
        let image = ImageShape::try_from(self.amplitude.shape())?;
        self.check(operation, &image)?;
        Ok(image)
    }

    /// Fails when these are not maps of such an image.
    ///
    /// # Errors
    /// [`Error::Shape`], naming `operation`.
    pub fn check(&self, operation: &str, image: &ImageShape) -> Result<()> {
        let values = image.with_leading(self.parameters.len());
        let arrays = [
            ("parameter maps", values.as_slice(), self.values.shape()),
            ("amplitude map", image.lengths(), self.amplitude.shape()),
        ];
        match arrays.into_iter().find(|(_, expected, got)| expected != got) {
            None => Ok(()),
            Some((role, expected, got)) => Err(Error::Shape {
                operation: operation.into(),
                role: role.into(),
                expected: expected.to_vec(),
                got: got.to_vec(),
            }),
        }
    }

    /// The map of the parameter `name`, (y, x) or (z, y, x).
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such parameter, with those that there are.
    pub fn parameter(&self, name: &str) -> Result<ArrayViewD<'_, f32>> {
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

    fn maps(image: &ImageShape) -> ParameterMaps {
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        ParameterMaps::zeros(vec![parameter("T1"), parameter("T2")], image)
    }

    #[test]
    fn finds_maps_by_name() {
        let mut plane = maps(&ImageShape::plane(2, 3));
        plane.values[[1, 0, 2]] = 0.07;
        assert_eq!(plane.parameter("T2").unwrap()[[0, 2]], 0.07);
        let error = plane.parameter("B1").unwrap_err().to_string();
        assert_eq!(error, r#"parameter maps: B1: expected a map of that name, got maps of ["T1", "T2"]"#);
        assert_eq!(maps(&ImageShape::volume(4, 2, 3)).parameter("T1").unwrap().shape(), [4, 2, 3]);
    }

    #[test]
    fn maps_of_another_image_are_refused() {
        let volume = ImageShape::volume(4, 2, 3);
        let mut maps = maps(&volume);
        assert_eq!(maps.image("test").unwrap(), volume);
        let error = maps.check("test", &ImageShape::plane(2, 3)).unwrap_err().to_string();
        assert_eq!(error, "test: expected parameter maps [2, 2, 3], got [2, 4, 2, 3]");
        maps.amplitude = ArrayD::zeros(vec![4, 2, 2]);
        assert!(matches!(maps.image("test"), Err(Error::Shape { .. })));
        maps.amplitude = ArrayD::zeros(vec![4]);
        assert!(matches!(maps.image("test"), Err(Error::Incompatible { .. })));
    }
}

//! T1, T2 and proton density of a slice.

use std::path::Path;

use diph_core::ParameterMaps;
use ndarray::{Array2, Array3, Axis};
use num_complex::Complex32;

use crate::relaxation_times::check_times;
use crate::{Error, Result};

/// Relaxation times and complex proton density (PD) of a slice, all (y, x).
#[derive(Clone, Debug, PartialEq)]
pub struct QuantitativeMaps {
    /// Longitudinal relaxation time T1 in seconds.
    pub t1: Array2<f32>,
    /// Transverse relaxation time T2 in seconds.
    pub t2: Array2<f32>,
    /// Complex proton density, in arbitrary units.
    pub pd: Array2<Complex32>,
}

impl QuantitativeMaps {
    /// Maps of one slice.
    ///
    /// # Errors
    /// [`Error::Shape`] when the three differ in size.
    pub fn new(t1: Array2<f32>, t2: Array2<f32>, pd: Array2<Complex32>) -> Result<Self> {
        let maps = Self { t1, t2, pd };
        maps.check()?;
        Ok(maps)
    }

    /// Maps from what a projector has found.
    ///
    /// # Errors
    /// [`Error::Parameter`] when its parameters lack `T1` or `T2` in seconds, or it is a volume.
    pub fn from_parameter_maps(maps: &ParameterMaps) -> Result<Self> {
        let unfit = |parameter, expected: String, got: String| Error::Parameter {
            operation: "quantitative maps",
            parameter,
            expected,
            got,
        };
        let volume = |_| unfit("maps", "maps of a plane (y, x)".into(), format!("{:?}", maps.amplitude.shape()));
        let map = |name: &str| {
            let index = maps.parameters.iter().position(|parameter| parameter.name == name && parameter.unit == "s");
            match index {
                Some(index) if index < maps.values.len_of(Axis(0)) => {
                    maps.values.index_axis(Axis(0), index).to_owned().into_dimensionality().map_err(volume)
                }
                _ => Err(unfit("parameters", format!("`{name}` in s among them"), format!("{:?}", maps.parameters))),
            }
        };
        Self::new(map("T1")?, map("T2")?, maps.amplitude.clone().into_dimensionality().map_err(volume)?)
    }

    fn check(&self) -> Result<()> {
        for (role, got) in [("T2", self.t2.shape()), ("PD", self.pd.shape())] {
            if got != self.t1.shape() {
                let (expected, got) = (self.t1.shape().to_vec(), got.to_vec());
                return Err(Error::Shape { operation: "quantitative maps", role, expected, got });
            }
        }
        Ok(())
    }

    /// Fails on times that no tissue has, in the maps of the array `key` of a file. Zeros stand for what is not known.
    pub(crate) fn check_times(&self, path: &Path, key: &str) -> Result<()> {
        for (name, map) in [("T1", &self.t1), ("T2", &self.t2)] {
            check_times(path, key, name, map.iter().map(|time| f64::from(*time)), 0.0)?;
        }
        Ok(())
    }

    /// Height and width.
    pub fn dim(&self) -> (usize, usize) {
        self.t1.dim()
    }

    /// Voxels with |PD| above the threshold, (y, x). May be empty.
    pub fn mask(&self, threshold: f32) -> Array2<bool> {
        self.pd.mapv(|pd| pd.norm() > threshold)
    }

    /// (4, y, x): T1, T2, Re PD, Im PD, the form that the Python code keeps them in.
    ///
    /// # Errors
    /// [`Error::Shape`] when the three differ in size.
    pub fn to_stacked(&self) -> Result<Array3<f32>> {
        self.check()?;
        let (height, width) = self.dim();
        Ok(Array3::from_shape_fn((4, height, width), |(map, y, x)| match map {
            0 => self.t1[[y, x]],
            1 => self.t2[[y, x]],
            2 => self.pd[[y, x]].re,
            _ => self.pd[[y, x]].im,
        }))
    }

    /// Maps from (4, y, x): T1, T2, Re PD, Im PD.
    ///
    /// # Errors
    /// [`Error::Shape`] when the first axis has not 4 entries.
    pub fn from_stacked(stacked: &Array3<f32>) -> Result<Self> {
        let (count, height, width) = stacked.dim();
        if count != 4 {
            return Err(Error::Shape {
                operation: "quantitative maps",
                role: "(T1, T2, Re PD, Im PD) map",
                expected: vec![4, height, width],
                got: vec![count, height, width],
            });
        }
        let map = |index| stacked.index_axis(Axis(0), index);
        let pd = Array2::from_shape_fn((height, width), |at| Complex32::new(map(2)[at], map(3)[at]));
        Ok(Self { t1: map(0).to_owned(), t2: map(1).to_owned(), pd })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diph_core::{ImageShape, Parameter};

    #[test]
    fn stacked_form_and_mask() {
        let stacked = Array3::from_shape_fn((4, 3, 5), |(map, y, x)| (map * 100 + y * 5 + x) as f32);
        let maps = QuantitativeMaps::from_stacked(&stacked).unwrap();
        assert_eq!(maps.pd[[2, 4]], Complex32::new(214.0, 314.0));
        assert_eq!(maps.to_stacked().unwrap(), stacked);
        assert_eq!(maps.mask(1000.0).iter().filter(|inside| **inside).count(), 0);
        assert!(maps.mask(1.0)[[0, 0]]);
        assert!(QuantitativeMaps::from_stacked(&Array3::zeros((3, 2, 2))).is_err());
        assert!(QuantitativeMaps::new(maps.t1, Array2::zeros((3, 4)), maps.pd).is_err());
    }

    #[test]
    fn parameter_maps_need_t1_and_t2() {
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let mut found = ParameterMaps::zeros(vec![parameter("T2"), parameter("T1")], &ImageShape::plane(2, 3));
        found.values[[1, 0, 2]] = 1.5;
        assert_eq!(QuantitativeMaps::from_parameter_maps(&found).unwrap().t1[[0, 2]], 1.5);
        found.parameters[0].name = "T2*".into();
        assert!(QuantitativeMaps::from_parameter_maps(&found).unwrap_err().to_string().contains("`T2` in s"));
    }
}

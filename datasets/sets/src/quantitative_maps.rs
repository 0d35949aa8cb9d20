//! T1, T2 and proton density of a slice or a volume.

use std::path::Path;

use ndarray::{ArrayD, ArrayViewD, Axis, Zip, stack};
use num_complex::Complex32;

use crate::relaxation_times::check_times;
use crate::{Error, Result};

const OPERATION: &str = "quantitative maps";

/// Relaxation times and complex proton density (PD) of a slice (y, x) or a volume (z, y, x).
#[derive(Clone, Debug, PartialEq)]
pub struct QuantitativeMaps {
    /// Longitudinal relaxation time T1 in seconds.
    pub t1: ArrayD<f32>,
    /// Transverse relaxation time T2 in seconds.
    pub t2: ArrayD<f32>,
    /// Complex proton density, in arbitrary units.
    pub pd: ArrayD<Complex32>,
}

impl QuantitativeMaps {
    /// Maps of one slice or volume.
    ///
    /// # Errors
    /// [`Error::Shape`] when the three differ in size.
    pub fn new(t1: ArrayD<f32>, t2: ArrayD<f32>, pd: ArrayD<Complex32>) -> Result<Self> {
        let maps = Self { t1, t2, pd };
        maps.check()?;
        Ok(maps)
    }

    /// Planes (y, x) of one size, lowest first, put together to a volume (z, y, x).
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no plane, or they differ in size.
    pub fn stacked(planes: &[Self]) -> Result<Self> {
        let volume = |error: ndarray::ShapeError| Error::Parameter {
            operation: OPERATION,
            parameter: "planes",
            expected: "at least one, all of one size".into(),
            got: error.to_string(),
        };
        let times = |map: fn(&Self) -> &ArrayD<f32>| {
            stack(Axis(0), &planes.iter().map(|plane| map(plane).view()).collect::<Vec<_>>()).map_err(volume)
        };
        let pd = planes.iter().map(|plane| plane.pd.view()).collect::<Vec<_>>();
        Self::new(times(|maps| &maps.t1)?, times(|maps| &maps.t2)?, stack(Axis(0), &pd).map_err(volume)?)
    }

    fn check(&self) -> Result<()> {
        for (role, got) in [("T2", self.t2.shape()), ("PD", self.pd.shape())] {
            if got != self.t1.shape() {
                let (expected, got) = (self.t1.shape().to_vec(), got.to_vec());
                return Err(Error::Shape { operation: OPERATION, role, expected, got });
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

    /// Lengths of the spatial axes, slowest first: two of a slice, three of a volume.
    pub fn lengths(&self) -> &[usize] {
        self.t1.shape()
    }

    /// Voxels with |PD| above the threshold, in the shape of the maps. May be empty.
    pub fn mask(&self, threshold: f32) -> ArrayD<bool> {
        self.pd.mapv(|pd| pd.norm() > threshold)
    }

    /// (4, y, x) or (4, z, y, x): T1, T2, Re PD, Im PD, the form that the Python code keeps them in.
    ///
    /// # Errors
    /// [`Error::Shape`] when the three differ in size.
    pub fn to_stacked(&self) -> Result<ArrayD<f32>> {
        self.check()?;
        let mut stacked = ArrayD::zeros([&[4], self.lengths()].concat());
        stacked.index_axis_mut(Axis(0), 0).assign(&self.t1);
        stacked.index_axis_mut(Axis(0), 1).assign(&self.t2);
        stacked.index_axis_mut(Axis(0), 2).zip_mut_with(&self.pd, |re, pd| *re = pd.re);
        stacked.index_axis_mut(Axis(0), 3).zip_mut_with(&self.pd, |im, pd| *im = pd.im);
        Ok(stacked)
    }

    /// Maps from (4, y, x) or (4, z, y, x): T1, T2, Re PD, Im PD.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the first axis has not 4 entries, or there are not two or three others.
    pub fn from_stacked(stacked: ArrayViewD<'_, f32>) -> Result<Self> {
        let shape = stacked.shape();
        if shape.first() != Some(&4) || !(3..=4).contains(&shape.len()) {
            return Err(Error::Parameter {
                operation: OPERATION,
                parameter: "stack",
                expected: "T1, T2, Re PD, Im PD as (4, y, x) or (4, z, y, x)".into(),
                got: format!("{shape:?}"),
            });
        }
        let map = |index| stacked.index_axis(Axis(0), index);
        let pd = Zip::from(map(2)).and(map(3)).map_collect(|re, im| Complex32::new(*re, *im));
        Ok(Self { t1: map(0).to_owned(), t2: map(1).to_owned(), pd })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn stacked_form_and_mask() {
        let stacked = Array3::from_shape_fn((4, 3, 5), |(map, y, x)| (map * 100 + y * 5 + x) as f32).into_dyn();
        let maps = QuantitativeMaps::from_stacked(stacked.view()).unwrap();
        assert_eq!(maps.pd[[2, 4]], Complex32::new(214.0, 314.0));
        assert_eq!(maps.to_stacked().unwrap(), stacked);
        assert_eq!(maps.mask(1000.0).iter().filter(|inside| **inside).count(), 0);
        assert!(maps.mask(1.0)[[0, 0]]);
        for shape in [&[3, 2, 2][..], &[4, 2], &[4, 1, 2, 2, 2]] {
            assert!(matches!(
                QuantitativeMaps::from_stacked(ArrayD::zeros(shape).view()),
                Err(Error::Parameter { .. })
            ));
        }
        assert!(QuantitativeMaps::new(maps.t1, ArrayD::zeros(vec![3, 4]), maps.pd).is_err());
    }

    #[test]
    fn planes_make_a_volume() {
        let plane = |value: f32| {
            let stacked = ArrayD::from_elem(vec![4, 3, 5], value);
            QuantitativeMaps::from_stacked(stacked.view()).unwrap()
        };
        let volume = QuantitativeMaps::stacked(&[plane(0.0), plane(1.0)]).unwrap();
        assert_eq!(volume.lengths(), [2, 3, 5]);
        assert_eq!((volume.t2[[0, 2, 4]], volume.pd[[1, 0, 0]]), (0.0, Complex32::new(1.0, 1.0)));
        assert_eq!(QuantitativeMaps::from_stacked(volume.to_stacked().unwrap().view()).unwrap(), volume);
        assert_eq!(volume.mask(0.5).iter().filter(|inside| **inside).count(), 15);
        assert!(QuantitativeMaps::stacked(&[]).is_err());
    }
}

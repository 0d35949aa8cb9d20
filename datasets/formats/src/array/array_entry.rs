//! One array of a file.

use std::path::PathBuf;

use ndarray::{Array, Array1, Axis, Dimension};

use crate::{AnyArray, Element, Error, Result};

/// One array of a file, which still knows where it comes from so that errors can say it.
#[derive(Clone, Debug)]
pub struct ArrayEntry {
    /// The file that holds the array.
    pub path: PathBuf,
    /// The key in the file; fields of structs as `struct.field`.
    pub key: String,
    /// The values of the array, with their element type as in the file.
    pub array: AnyArray,
}

impl ArrayEntry {
    /// The array with element type `T` and the number of axes of `D`. `axes` names them for the error message, for
    /// example `(coil, frame, sample)`. Leading axes of length 1 beyond that number are dropped, because the Python
    /// code keeps a batch axis.
    ///
    /// # Errors
    /// [`Error::Unexpected`] where kind or number of axes differ, [`Error::NotFinite`] for a NaN or an infinity.
    pub fn read<T: Element, D: Dimension>(self, axes: &str) -> Result<Array<T, D>> {
        let Self { path, key, array } = self;
        let got = array.to_string();
        let unexpected = || Error::unexpected(&path, &key, format!("{} {axes}", T::KIND), &got);
        let mut array = T::convert(array).map_err(|_| unexpected())?;
        while D::NDIM.is_some_and(|axes| array.ndim() > axes) && array.shape().first() == Some(&1) {
            array = array.index_axis_move(Axis(0), 0);
        }
        let array = array.into_dimensionality::<D>().map_err(|_| unexpected())?;
        if let Some(flat) = array.iter().position(|value| !value.is_finite()) {
            let index = unravel(flat, array.shape());
            return Err(Error::NotFinite { path, key, index });
        }
        Ok(array)
    }

    /// The values of an array of which at most one axis is longer than 1: a row, a column, a scalar.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when two axes are longer than 1 or the kind differs, [`Error::NotFinite`] for a NaN or an infinity.
    pub fn read_vector<T: Element>(self, axes: &str) -> Result<Array1<T>> {
        let (path, key, got) = (self.path.clone(), self.key.clone(), self.array.to_string());
        if self.array.shape().iter().filter(|length| **length != 1).count() > 1 {
            return Err(Error::unexpected(&path, &key, format!("{} {axes}, a row or a column", T::KIND), got));
        }
        let values = self.read::<T, ndarray::IxDyn>(axes)?;
        Ok(values.into_iter().collect())
    }
}

/// Indices of the `flat`-th value in C order.
fn unravel(flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = flat;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|length| {
            let position = rest % length;
            rest /= length;
            position
        })
        .collect();
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, Ix0, Ix2, Ix3};
    use num_complex::{Complex32, Complex64};

    fn entry(array: AnyArray) -> ArrayEntry {
        ArrayEntry { path: "ksp.npz".into(), key: "y".into(), array }
    }

    #[test]
    fn converts_and_drops_the_batch_axis() {
        let double = ArrayD::from_elem(vec![1, 2, 3, 4], Complex64::new(1.5, -2.0));
        let single = entry(AnyArray::Complex64(double)).read::<Complex32, Ix3>("(coil, frame, sample)").unwrap();
        assert_eq!(single.dim(), (2, 3, 4));
        assert_eq!(single[[1, 2, 3]], Complex32::new(1.5, -2.0));
        let scalar = entry(AnyArray::Int(ArrayD::from_elem(vec![], 7))).read::<f64, Ix0>("scalar").unwrap();
        assert_eq!(scalar.into_scalar(), 7.0);
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = entry(AnyArray::F64(ArrayD::zeros(vec![2, 3]))).read::<Complex32, Ix3>("(coil, frame, sample)");
        assert_eq!(
            wrong.unwrap_err().to_string(),
            "ksp.npz: key `y`: expected complex (coil, frame, sample), got float64 [2, 3]"
        );
        let complex = entry(AnyArray::Complex32(ArrayD::zeros(vec![2, 3]))).read::<f32, Ix2>("(y, x)");
        assert!(complex.unwrap_err().to_string().contains("expected real (y, x), got complex64 [2, 3]"));
        let mut values = ArrayD::<f64>::zeros(vec![2, 3]);
        values[[1, 2]] = f64::NAN;
        let bad = entry(AnyArray::F64(values.clone())).read::<f32, Ix2>("(y, x)");
        assert!(matches!(bad, Err(Error::NotFinite { index, .. }) if index == [1, 2]));
        values[[1, 2]] = 1e300;
        assert!(matches!(entry(AnyArray::F64(values)).read::<f32, Ix2>(""), Err(Error::NotFinite { .. })));
    }

    #[test]
    fn numbers_as_masks_have_nan_outside() {
        let values = ArrayD::from_shape_vec(vec![1, 4], vec![1.0, f64::NAN, 0.0, -2.0]).unwrap();
        let mask = entry(AnyArray::F64(values)).read::<bool, Ix2>("(y, x)").unwrap();
        assert_eq!(mask.into_raw_vec_and_offset().0, [true, false, false, true]);
    }

    #[test]
    fn vectors_are_rows_or_columns() {
        for shape in [vec![5, 1], vec![1, 5], vec![5]] {
            let vector = entry(AnyArray::F64(ArrayD::ones(shape))).read_vector::<f64>("(sample)").unwrap();
            assert_eq!(vector.len(), 5);
        }
        assert!(entry(AnyArray::F64(ArrayD::ones(vec![5, 2]))).read_vector::<f64>("(sample)").is_err());
    }
}

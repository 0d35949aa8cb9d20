//! The axes of an array by name.

use std::fmt;
use std::str::FromStr;

use ndarray::{ArrayD, Axis};

/// Name of an axis that has to have the length 1 and is dropped.
const DROPPED: &str = "1";

/// The axes of an array by name, slowest first, as numpy lists them: `coil,frame,sample`. Axes of length 1 that mean nothing are
/// called `1`.
///
/// ```
/// use diph_datasets::AxisOrder;
/// use ndarray::ArrayD;
///
/// // (sample, shot, coil) in the file, two shots in a frame: (coil, frame, sample) with the samples of both.
/// let order: AxisOrder = "sample,shot,coil".parse().unwrap();
/// let array = ArrayD::from_shape_fn(vec![5, 2, 3], |index| 100 * index[2] + 10 * index[1] + index[0]);
/// let arranged = order.arrange(array, &[&["coil"], &["frame"], &["shot", "sample"]]).unwrap();
/// assert_eq!(arranged.shape(), [3, 1, 10]);
/// assert_eq!(arranged[[2, 0, 7]], 212);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisOrder(Vec<String>);

impl AxisOrder {
    /// Axes of these names.
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Names of the axes, slowest first.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Fails on a name that is not among `known`.
    ///
    /// # Errors
    /// Naming it and what it could be.
    pub fn check(&self, known: &[&str]) -> Result<(), String> {
        match self.0.iter().find(|name| *name != DROPPED && !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(format!("no axis is called `{name}`; expected {} or {DROPPED}", known.join(", "))),
        }
    }

    /// The array with one axis for every group of names, in that order. The axes of a group become one, the last of them fastest; a
    /// name that the array lacks counts as an axis of length 1.
    ///
    /// # Errors
    /// When names and axes differ in number, a name is in no group, or an axis called `1` is longer.
    pub fn arrange<T: Clone>(&self, array: ArrayD<T>, groups: &[&[&str]]) -> Result<ArrayD<T>, String> {
        let shape = array.shape().to_vec();
        if shape.len() != self.0.len() {
            return Err(format!("expected {} axes ({self}), got {shape:?}", self.0.len()));
        }
        let wanted: Vec<&str> = groups.iter().flat_map(|group| group.iter().copied()).collect();
        self.check(&wanted)?;
        let mut array = array;
        let mut names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        while let Some(axis) = names.iter().position(|name| *name == DROPPED) {
            if array.len_of(Axis(axis)) != 1 {
                return Err(format!("axis {axis} is called {DROPPED} ({self}), got {shape:?}"));
            }
            array = array.index_axis_move(Axis(axis), 0);
            names.remove(axis);
        }
        for name in &wanted {
            if !names.contains(name) {
                array = array.insert_axis(Axis(names.len()));
                names.push(name);
            }
        }
        let position = |name: &&str| names.iter().position(|there| there == name);
        let order: Vec<usize> = wanted.iter().filter_map(position).collect();
        let array = array.permuted_axes(order);
        let mut rest = array.shape();
        let lengths: Vec<usize> = groups
            .iter()
            .map(|group| {
                let (lengths, others) = rest.split_at(group.len());
                rest = others;
                lengths.iter().product()
            })
            .collect();
        let array = array.as_standard_layout().into_owned();
        array.into_shape_with_order(lengths).map_err(|error| error.to_string())
    }
}

impl FromStr for AxisOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            return Err(format!("expected names of axes such as coil,frame,sample, got `{text}`"));
        }
        let is_twice = |(at, name): (usize, &String)| name != DROPPED && names[..at].contains(name);
        match names.iter().enumerate().find(|pair| is_twice(*pair)) {
            Some((_, name)) => Err(format!("`{name}` is there twice in `{text}`")),
            None => Ok(Self(names)),
        }
    }
}

impl fmt::Display for AxisOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrange(order: &str, shape: &[usize]) -> Result<Vec<usize>, String> {
        let groups: &[&[&str]] = &[&["coil"], &["frame"], &["shot", "sample"]];
        let order: AxisOrder = order.parse()?;
        order.arrange(ArrayD::<u8>::zeros(shape), groups).map(|array| array.shape().to_vec())
    }

    #[test]
    fn axes_are_moved_joined_and_added() {
        assert_eq!(arrange("coil,frame,sample", &[2, 3, 4]), Ok(vec![2, 3, 4]));
        assert_eq!(arrange("1,sample,frame", &[1, 4, 3]), Ok(vec![1, 3, 4]));
        assert_eq!(arrange("frame,sample,1,shot", &[3, 4, 1, 2]), Ok(vec![1, 3, 8]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(arrange("coil,frame,sample", &[2, 3]).unwrap_err().contains("expected 3 axes"));
        assert!(arrange("1,sample", &[2, 3]).unwrap_err().contains("axis 0 is called 1"));
        assert!(arrange("chanel,sample", &[2, 3]).unwrap_err().contains("no axis is called `chanel`"));
        for text in ["", "coil,,frame", "coil,coil"] {
            assert!(text.parse::<AxisOrder>().is_err(), "{text}");
        }
    }
}

//! Which tissues a dictionary holds.

use diph_core::{Error, Parameter, Result};
use ndarray::{Array2, ArrayView2};

use crate::Tissue;

const OPERATION: &str = "dictionary grid";

/// The tissues of a dictionary to simulate, in the order of its `lut`.
#[derive(Clone, Debug, PartialEq)]
pub struct DictionaryGrid {
    tissues: Vec<Tissue>,
    has_b1: bool,
    left_out: usize,
}

impl DictionaryGrid {
    /// All combinations of T1 (s), T2 (s) and, unless it is empty, B1 factor, with T1 slowest and B1 fastest.
    /// Combinations with T2 > T1 are left out and counted in [`left_out`](Self::left_out).
    ///
    /// ```
    /// let grid = diph_bloch::DictionaryGrid::product(&[0.5, 1.0], &[0.05, 0.7], &[])?;
    /// assert_eq!((grid.tissues().len(), grid.left_out()), (3, 1));
    /// # Ok::<(), diph_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`] when a value is not finite and positive, or nothing remains.
    pub fn product(t1_s: &[f64], t2_s: &[f64], b1: &[f64]) -> Result<Self> {
        let has_b1 = !b1.is_empty();
        let b1 = if has_b1 { b1 } else { &[1.0] };
        let mut tissues = Vec::with_capacity(t1_s.len() * t2_s.len() * b1.len());
        let mut left_out = 0;
        for &t1_s in t1_s {
            for &t2_s in t2_s {
                for &b1 in b1 {
                    let tissue = Tissue { t1_s, t2_s, b1 };
                    tissue.check(OPERATION, tissues.len() + left_out)?;
                    if t2_s > t1_s { left_out += 1 } else { tissues.push(tissue) }
                }
            }
        }
        Self { tissues, has_b1, left_out }.not_empty()
    }

    /// Exactly the rows of a table (atom, parameter) with the columns T1 (s), T2 (s) and, if there are three, B1 factor.
    ///
    /// # Errors
    /// [`Error::Shape`] when there are not two or three columns; [`Error::Parameter`] when a value is not finite and
    /// positive, a row has T2 > T1, or there is no row.
    pub fn from_lut(lut: ArrayView2<'_, f32>) -> Result<Self> {
        let has_b1 = match lut.ncols() {
            2 => false,
            3 => true,
            _ => {
                return Err(Error::Shape {
                    operation: OPERATION.into(),
                    role: "lut (atom, T1 T2 or T1 T2 B1)".into(),
                    expected: vec![lut.nrows(), 2],
                    got: lut.shape().to_vec(),
                });
            }
        };
        let mut tissues = Vec::with_capacity(lut.nrows());
        for (index, row) in lut.outer_iter().enumerate() {
            let b1 = if has_b1 { row[2].into() } else { 1.0 };
            let tissue = Tissue { t1_s: row[0].into(), t2_s: row[1].into(), b1 };
            tissue.check(OPERATION, index)?;
            if tissue.t2_s > tissue.t1_s {
                let expected = format!("at most T1 = {} s; no tissue has T2 > T1", row[0]);
                return Err(Error::parameter(OPERATION, format!("T2 of entry {index}"), expected, row[1]));
            }
            tissues.push(tissue);
        }
        Self { tissues, has_b1, left_out: 0 }.not_empty()
    }

    /// Entries of [`DictionaryGrid::brain`].
    pub const BRAIN_ATOMS: usize = 22_160;

    /// A grid for the brain at 3 T with 22,160 entries: T1 in steps of 20 ms to 3 s, then 200 ms to 5 s; T2 from 10 ms
    /// in steps of 2 ms to 0.2 s, 20 ms to 1 s, 50 ms to 2 s and 100 ms to 4 s. Pairs with T2 = T1 are left out too: no tissue
    /// lies there.
    pub fn brain() -> Self {
        let t1_ms = (20..3000).step_by(20).chain((3000..=5000).step_by(200));
        let t2_ms = (10..200).step_by(2).chain((200..1000).step_by(20)).chain((1000..2000).step_by(50));
        let t2_ms: Vec<i32> = t2_ms.chain((2000..=4000).step_by(100)).collect();
        let pairs = t1_ms.flat_map(|t1| t2_ms.iter().map(move |&t2| (t1, t2)));
        let seconds = |ms| f64::from(ms) / 1000.0;
        let (kept, dropped): (Vec<_>, Vec<_>) = pairs.partition(|(t1, t2)| t2 < t1);
        let tissues = kept.into_iter().map(|(t1, t2)| Tissue::new(seconds(t1), seconds(t2))).collect();
        Self { tissues, has_b1: false, left_out: dropped.len() }
    }

    /// The tissues, in order.
    pub fn tissues(&self) -> &[Tissue] {
        &self.tissues
    }

    /// How many combinations were left out because of T2 > T1.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// What the columns of [`lut`](Self::lut) stand for.
    pub fn parameters(&self) -> Vec<Parameter> {
        relaxation_parameters(self.has_b1)
    }

    /// The table (atom, parameter).
    pub fn lut(&self) -> Array2<f32> {
        let columns = if self.has_b1 { 3 } else { 2 };
        Array2::from_shape_fn((self.tissues.len(), columns), |(row, column)| {
            let Tissue { t1_s, t2_s, b1 } = self.tissues[row];
            [t1_s, t2_s, b1][column] as f32
        })
    }

    fn not_empty(self) -> Result<Self> {
        if self.tissues.is_empty() {
            let got = format!("none ({} left out because of T2 > T1)", self.left_out);
            return Err(Error::parameter(OPERATION, "entries", "at least one", got));
        }
        Ok(self)
    }
}

/// T1, T2 and, where asked for, B1.
pub(crate) fn relaxation_parameters(with_b1: bool) -> Vec<Parameter> {
    let all = [("T1", "s"), ("T2", "s"), ("B1", "")];
    let columns = if with_b1 { 3 } else { 2 };
    all.iter().take(columns).map(|&(name, unit)| Parameter { name: name.into(), unit: unit.into() }).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn product_counts_what_it_leaves_out() {
        let grid = DictionaryGrid::product(&[0.1, 1.0], &[0.05, 0.2], &[0.9, 1.1]).expect("valid");
        assert_eq!((grid.tissues().len(), grid.left_out()), (6, 2));
        assert_eq!(grid.lut().row(1).to_vec(), [0.1, 0.05, 1.1]);
        assert_eq!(grid.parameters()[2].name, "B1");
    }

    #[test]
    fn impossible_entries_are_refused() {
        let explicit = DictionaryGrid::from_lut(array![[1.0, 0.1], [0.1, 0.2]].view()).expect_err("T2 > T1");
        assert!(explicit.to_string().contains("T2 of entry 1"), "{explicit}");
        assert!(matches!(DictionaryGrid::from_lut(Array2::zeros((3, 4)).view()), Err(Error::Shape { .. })));
        assert!(DictionaryGrid::from_lut(Array2::zeros((0, 2)).view()).is_err());
        assert!(DictionaryGrid::product(&[0.1], &[0.2], &[]).is_err());
        assert!(DictionaryGrid::product(&[1.0, f64::NAN], &[0.2], &[]).is_err());
        assert!(DictionaryGrid::product(&[1.0], &[0.0], &[]).is_err());
        assert!(DictionaryGrid::product(&[1.0], &[0.1], &[-1.0]).is_err());
        assert!(DictionaryGrid::product(&[1.0], &[0.1], &[90.0]).is_err(), "percent");
        let milliseconds = DictionaryGrid::product(&[900.0], &[80.0], &[]).expect_err("milliseconds").to_string();
        assert!(milliseconds.contains("divide milliseconds by 1000"), "{milliseconds}");
    }

    #[test]
    fn brain_grid_has_its_size_and_survives_its_own_table() {
        let grid = DictionaryGrid::brain();
        assert_eq!(grid.tissues().len(), 22_160);
        let again = DictionaryGrid::from_lut(grid.lut().view()).expect("valid");
        assert_eq!(again.lut(), grid.lut());
    }
}

//! Nearest table entry of given maps.

use diph_core::{Error, ParameterMaps, Result};
use ndarray::{ArrayD, Axis};
use num_complex::Complex32;

use super::{Dictionary, OPERATION};
use crate::simulate_tsmi::RelaxationMaps;

impl Dictionary {
    /// The TSMI, (coefficient, y, x) or (coefficient, z, y, x), that the maps give when every voxel answers like the atom whose (T1, T2) is nearest in
    /// plain seconds (ties: lowest index): `PD n_j d_j`. The Python code makes its reference images so. Matching such an image is an
    /// inverse crime; [`simulate_tsmi`](crate::simulate_tsmi) uses the exact values instead.
    ///
    /// Voxels of amplitude 0 give zeros. Only T1 and T2 of the maps are used.
    ///
    /// # Errors
    /// When the dictionary has a B1 axis, T1 or T2 is missing from the maps, shapes differ, or a value is not finite.
    pub fn lookup_tsmi(&self, maps: &ParameterMaps) -> Result<ArrayD<Complex32>> {
        if self.lut.ncols() != 2 {
            return Err(Error::incompatible(
                "dictionary: lookup",
                "a dictionary over T1 and T2 only",
                format!("one over {} parameters", self.lut.ncols()),
            ));
        }
        let image = maps.image(OPERATION)?;
        let maps = RelaxationMaps::of(OPERATION, maps)?;
        let entries = SortedEntries::new(self);
        let mut tsmi = ArrayD::zeros(image.with_leading(self.coefficients()));
        let voxels = maps.amplitude.iter().zip(maps.t1).zip(maps.t2);
        for (mut voxel, ((&amplitude, &t1), &t2)) in tsmi.lanes_mut(Axis(0)).into_iter().zip(voxels) {
            if amplitude == Complex32::ZERO {
                continue;
            }
            let atom = entries.nearest(t1, t2);
            let scaled = amplitude * self.norms[atom];
            voxel.zip_mut_with(&self.atoms.row(atom), |signal, &value| *signal = scaled * value);
        }
        Ok(tsmi)
    }
}

/// Table entries sorted by T1, then T2, then index.
struct SortedEntries {
    entries: Vec<(f32, f32, usize)>,
}

impl SortedEntries {
    fn new(dictionary: &Dictionary) -> Self {
        let rows = dictionary.lut.outer_iter().enumerate();
        let mut entries: Vec<_> = rows.map(|(index, row)| (row[0], row[1], index)).collect();
        entries.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        Self { entries }
    }

    /// Walks away from `t1` in both directions until T1 alone is farther than the best entry.
    fn nearest(&self, t1: f32, t2: f32) -> usize {
        let distance = |a: f32, b: f32| f64::from(a) - f64::from(b);
        let (below, above) = self.entries.split_at(self.entries.partition_point(|entry| entry.0 < t1));
        let mut best = (f64::INFINITY, usize::MAX);
        let mut consider = |entry: &(f32, f32, usize)| {
            let along_t1 = distance(entry.0, t1).powi(2);
            if along_t1 > best.0 {
                return false;
            }
            let candidate = (along_t1 + distance(entry.1, t2).powi(2), entry.2);
            if candidate < best {
                best = candidate;
            }
            true
        };
        for entry in above {
            if !consider(entry) {
                break;
            }
        }
        for entry in below.iter().rev() {
            if !consider(entry) {
                break;
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nearest_is_the_plain_search(
            table in prop::collection::vec((1u8..20, 1u8..20), 1..80),
            queries in prop::collection::vec((0f32..2.2, 0f32..2.2), 20),
        ) {
            let lut = Array2::from_shape_fn((table.len(), 2), |(row, column)| {
                f32::from([table[row].0, table[row].1][column]) * 0.1
            });
            let (ones, norms) = (Array2::ones((table.len(), 1)), Array1::ones(table.len()));
            let dictionary = Dictionary::from_compressed(lut.view(), ones.view(), Array2::ones((1, 1)).view(), norms.view(), 1)
                .expect("valid");
            let entries = SortedEntries::new(&dictionary);
            for (t1, t2) in queries.into_iter().chain(lut.outer_iter().map(|row| (row[0], row[1]))) {
                let distance = |row: usize| {
                    let along = |column: usize, value: f32| (f64::from(lut[[row, column]]) - f64::from(value)).powi(2);
                    along(0, t1) + along(1, t2)
                };
                let plain = (1..table.len()).fold(0, |best, row| if distance(row) < distance(best) { row } else { best });
                prop_assert_eq!(entries.nearest(t1, t2), plain);
            }
        }
    }
}

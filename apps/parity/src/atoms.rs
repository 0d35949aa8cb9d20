//! Which atom a voxel was matched with.

use std::collections::BTreeMap;

use diph_bloch::Dictionary;
use diph_core::ParameterMaps;
use ndarray::{ArrayD, ArrayView1, Axis};
use num_complex::{Complex32, Complex64};

use crate::{Atom, AtomFlip};

/// Finds the atoms behind parameter maps: a projector reports parameters, which name a row of the dictionary.
pub struct Atoms<'a> {
    dictionary: &'a Dictionary,
    /// Row of the dictionary by the bits of its parameters.
    rows: BTreeMap<Vec<u32>, usize>,
}

impl<'a> Atoms<'a> {
    pub fn new(dictionary: &'a Dictionary) -> Self {
        let lut = dictionary.lut();
        let rows = lut.axis_iter(Axis(0)).enumerate().map(|(row, parameters)| (bits(parameters), row));
        // Of rows with equal parameters the first counts, as in matching.
        Self { dictionary, rows: rows.rev().collect() }
    }

    /// The atom of every voxel in C order; `None` where the parameters are those of no atom.
    pub fn of_maps(&self, maps: &ParameterMaps) -> Vec<Option<usize>> {
        let voxels = maps.values.lanes(Axis(0)).into_iter();
        voxels.map(|parameters| self.rows.get(&bits(parameters)).copied()).collect()
    }

    /// Voxels of `image` (coefficient, y, x), which Diph matched, with different atoms. A voxel without an atom differs.
    pub fn flips(&self, image: &ArrayD<Complex32>, ours: &[Option<usize>], theirs: &[Option<usize>]) -> Vec<AtomFlip> {
        let width = image.shape().last().copied().unwrap_or(1).max(1);
        let voxels = image.lanes(Axis(0));
        let pairs = voxels.into_iter().zip(ours.iter().zip(theirs)).enumerate();
        pairs
            .filter(|(_, (_, (ours, theirs)))| ours != theirs)
            .map(|(index, (voxel, (ours, theirs)))| {
                let (best, other) = (self.score(voxel, *ours), self.score(voxel, *theirs));
                AtomFlip {
                    y: index / width,
                    x: index % width,
                    ours: self.atom(*ours),
                    theirs: self.atom(*theirs),
                    score_difference: (best - other) / best,
                }
            })
            .collect()
    }

    /// `|<x, d>|` in double precision.
    fn score(&self, voxel: ArrayView1<'_, Complex32>, atom: Option<usize>) -> f64 {
        let Some(atom) = atom.filter(|atom| *atom < self.dictionary.len()) else { return f64::NAN };
        let direction = self.dictionary.atoms().index_axis_move(Axis(0), atom);
        let product: Complex64 = voxel
            .iter()
            .zip(direction)
            .map(|(value, d)| Complex64::new(value.re.into(), value.im.into()) * f64::from(*d))
            .sum();
        product.norm()
    }

    fn atom(&self, index: Option<usize>) -> Option<Atom> {
        let (index, lut) = (index?, self.dictionary.lut());
        Some(Atom { index, t1_s: *lut.get([index, 0])?, t2_s: *lut.get([index, 1])? })
    }
}

fn bits(parameters: ArrayView1<'_, f32>) -> Vec<u32> {
    parameters.iter().map(|value| value.to_bits()).collect()
}

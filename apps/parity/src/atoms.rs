//! Which atom a voxel was matched with, and voxels whose atom differs.

use std::collections::BTreeMap;
use std::fmt;

use diph_bloch::Dictionary;
use diph_core::ParameterMaps;
use ndarray::{ArrayD, ArrayView1, Axis};
use num_complex::{Complex32, Complex64};
use serde::Serialize;

/// An atom of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Atom {
    /// Row of the dictionary.
    pub index: usize,
    /// T1 in seconds.
    pub t1_s: f32,
    /// T2 in seconds.
    pub t2_s: f32,
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, t1_s, t2_s } = self;
        write!(f, "#{index} (T1 {:.1} ms, T2 {:.1} ms)", t1_s * 1e3, t2_s * 1e3)
    }
}

/// Relative difference of two scores below which single precision cannot tell which atom fits better.
const TIE: f64 = 1e-6;

/// A voxel that Diph and the Python code match with different atoms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtomFlip {
    /// Row of the voxel.
    pub y: usize,
    /// Column of the voxel.
    pub x: usize,
    /// What Diph finds; `None` for parameters of no atom.
    pub ours: Option<Atom>,
    /// What the Python code found.
    pub theirs: Option<Atom>,
    /// `(s_ours - s_theirs) / s_ours` with the score `s = |<x, d>|` of each atom on the image that Diph matched.
    pub score_difference: f64,
}

impl AtomFlip {
    /// Whether both atoms fit equally well in single precision.
    pub fn is_tie(&self) -> bool {
        self.score_difference.abs() <= TIE
    }
}

impl fmt::Display for AtomFlip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let atom = |atom: Option<Atom>| atom.map_or("no atom".into(), |atom| atom.to_string());
        let tie = if self.is_tie() { ", a tie" } else { "" };
        let Self { y, x, score_difference, .. } = self;
        write!(f, "({y}, {x}): {} / {}, ", atom(self.ours), atom(self.theirs))?;
        write!(f, "score difference {score_difference:.1e}{tie}")
    }
}

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

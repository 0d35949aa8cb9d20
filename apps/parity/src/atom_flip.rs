//! A voxel whose atom differs.

use std::fmt;

use serde::Serialize;

use crate::Atom;

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

//! Matched atoms of an image, and the work of finding them.

use num_complex::Complex32;

/// Matched atoms of an image, voxel by voxel in the order `([z,] y, x)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matches {
    /// Index of the matched atom; [`Matches::NO_ATOM`] for a voxel of zeros.
    pub atom: Vec<u32>,
    /// `<x, d>` with the matched atom `d`; 0 for a voxel of zeros.
    pub response: Vec<Complex32>,
    /// Number of products and bounds that the search evaluated.
    pub statistics: MatchStatistics,
}

impl Matches {
    /// Index that stands for the atom of a voxel of zeros, which has none.
    pub const NO_ATOM: u32 = u32::MAX;
}

/// Work of a search through a dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchStatistics {
    /// Voxels that are not zero.
    pub voxels: u64,
    /// Products of a voxel with an atom.
    pub atom_evaluations: u64,
    /// Bounds of a voxel over a node of the tree.
    pub node_evaluations: u64,
}

impl MatchStatistics {
    /// Atoms and nodes that were evaluated per voxel, on average; 0 without voxels.
    pub fn evaluations_per_voxel(&self) -> f64 {
        (self.atom_evaluations + self.node_evaluations) as f64 / self.voxels.max(1) as f64
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            voxels: self.voxels + other.voxels,
            atom_evaluations: self.atom_evaluations + other.atom_evaluations,
            node_evaluations: self.node_evaluations + other.node_evaluations,
        }
    }
}

//! All products of voxels and atoms: what the tree search must agree with.

use multiversion::multiversion;

use super::ball_tree::{BallTree, WIDTH};
use super::voxels::Prepared;
use crate::{MatchStatistics, Matches};

/// Finds the best atom of every voxel; voxels of zeros keep [`Matches::NO_ATOM`].
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn search(tree: &BallTree, voxels: &Prepared, found: &mut [u32]) -> MatchStatistics {
    let mut best = vec![-1.0; found.len()];
    for leaf in 0..tree.leaf_count() {
        let (rows, members) = tree.leaf(leaf);
        let atoms: Vec<[f64; WIDTH]> = rows.iter().map(|row| row.0.map(f64::from)).collect();
        for (((re, im), best), found) in voxels.iter().zip(&mut best).zip(found.iter_mut()) {
            let (mut a, mut b) = ([0.0; WIDTH], [0.0; WIDTH]);
            for ((&re, &im), atoms) in re.iter().zip(im).zip(&atoms) {
                for lane in 0..WIDTH {
                    a[lane] += f64::from(re) * atoms[lane];
                    b[lane] += f64::from(im) * atoms[lane];
                }
            }
            let score: [f64; WIDTH] = std::array::from_fn(|lane| a[lane] * a[lane] + b[lane] * b[lane]);
            if score.iter().all(|score| score < best) {
                continue;
            }
            for (&score, &atom) in score.iter().zip(members).filter(|(_, atom)| **atom != u32::MAX) {
                if score > *best || (score == *best && atom < *found) {
                    (*best, *found) = (score, atom);
                }
            }
        }
    }
    let mut statistics = MatchStatistics::default();
    for ((re, im), found) in voxels.iter().zip(found) {
        if re.iter().chain(im).all(|&value| value == 0.0) {
            *found = Matches::NO_ATOM;
        } else {
            statistics.voxels += 1;
            statistics.atom_evaluations += (tree.leaf_count() * WIDTH) as u64;
        }
    }
    statistics
}

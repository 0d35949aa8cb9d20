//! The search in the tree.
//!
//! Let `P = [a; b]` (2 x K) be the real and imaginary part of a voxel. The squared score of an atom is `|P d|^2`. Write an atom
//! of a ball with the unit centre c as `d = cos(t) c + sin(t) e` with a unit vector e across c and `t <= theta`, the
//! radius. With `p = P c` and what is left of P across c, `Q = P - p c^T`:
//!
//! `|P d|^2 = cos^2(t) |p|^2 + 2 cos(t) sin(t) p.Q e + sin^2(t) |Q e|^2`
//! `       <= cos^2(t) A + 2 cos(t) sin(t) h + sin^2(t) l`
//!
//! where `A = |p|^2`, `h = |Q^T p|` and l is the largest eigenvalue of `Q Q^T`. This is `(A + l)/2 + (A - l)/2 cos(2t) + h sin(2t)`:
//! it grows up to a peak and falls after it, so its maximum over `t <= theta` is at theta or at the peak. It is at least as
//! tight as `(|P c| cos(theta) + |P| sin(theta))^2`, and far tighter near the best atom, where h and l are small.
//!
//! Bounds and first looks at atoms are in f32, with a slack for rounding; what may be the best is decided in f64.

use multiversion::multiversion;
use ndarray::ArrayView2;

use super::ball_tree::{BallTree, Row, WIDTH};
use super::voxels::Prepared;
use crate::{MatchStatistics, Matches};

/// A leaf or a group of nodes that waits for its visit.
#[derive(Clone, Copy)]
struct Visit {
    bound: f32,
    /// 0: a leaf; l: a group of nodes of level l - 1.
    level: u32,
    index: u32,
}

/// The best atom so far: squared score and index.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    atom: u32,
}

impl Best {
    #[inline(always)]
    fn consider(&mut self, score: f64, atom: u32) {
        if score > self.score || (score == self.score && atom < self.atom) {
            *self = Self { score, atom };
        }
    }
}

/// Finds the best atom of every voxel; voxels of zeros keep [`Matches::NO_ATOM`].
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn search(
    tree: &BallTree,
    atoms: ArrayView2<'_, f32>,
    voxels: &Prepared,
    guess: Option<&[u32]>,
    found: &mut [u32],
) -> MatchStatistics {
    let mut statistics = MatchStatistics::default();
    let mut stack = Vec::with_capacity(WIDTH * (tree.height() + 1));
    let mut neighbour = Matches::NO_ATOM;
    for (voxel, ((re, im), found)) in voxels.iter().zip(found).enumerate() {
        let power: f32 = re.iter().chain(im).map(|value| value * value).sum();
        if power == 0.0 {
            continue;
        }
        let mut best = Best { score: -1.0, atom: Matches::NO_ATOM };
        for start in [Some(neighbour), guess.map(|guess| guess[voxel])].into_iter().flatten() {
            if let Some(atom) = (start as usize).lt(&atoms.nrows()).then(|| atoms.row(start as usize)) {
                best.consider(exact_score(re, im, atom.iter().copied()), start);
                statistics.atom_evaluations += 1;
            }
        }
        stack.push(Visit { bound: f32::INFINITY, level: tree.height() as u32, index: 0 });
        let slack = rounding_slack(re.len()) * power;
        while let Some(visit) = stack.pop() {
            let threshold = best.score as f32 - slack;
            if visit.bound < threshold {
                continue;
            }
            if visit.level == 0 {
                visit_leaf(tree, visit.index as usize, re, im, slack, &mut best);
                statistics.atom_evaluations += WIDTH as u64;
            } else {
                visit_group(tree, visit, re, im, threshold, &mut stack);
                statistics.node_evaluations += WIDTH as u64;
            }
        }
        *found = best.atom;
        neighbour = best.atom;
        statistics.voxels += 1;
    }
    statistics
}

/// Share of the voxel's power by which an f32 score or bound may be off: products and sums of K terms in p and Q, two squares,
/// and the rounding of the unit vectors and radii.
fn rounding_slack(coefficients: usize) -> f32 {
    (8 * coefficients + 24) as f32 * (f32::EPSILON / 2.0)
}

/// Squared score of an atom. Products of two f32 are exact in f64, so the result does not depend on fused instructions.
#[inline(always)]
pub(super) fn exact_score(re: &[f32], im: &[f32], atom: impl Iterator<Item = f32>) -> f64 {
    let (mut a, mut b) = (0.0, 0.0);
    for ((&re, &im), d) in re.iter().zip(im).zip(atom) {
        a += f64::from(re) * f64::from(d);
        b += f64::from(im) * f64::from(d);
    }
    a * a + b * b
}

/// `P v` for sixteen vectors v.
#[inline(always)]
fn products(re: &[f32], im: &[f32], vectors: &[Row]) -> ([f32; WIDTH], [f32; WIDTH]) {
    let (mut a, mut b) = ([0.0; WIDTH], [0.0; WIDTH]);
    for ((&re, &im), row) in re.iter().zip(im).zip(vectors) {
        for lane in 0..WIDTH {
            a[lane] += re * row.0[lane];
            b[lane] += im * row.0[lane];
        }
    }
    (a, b)
}

/// The lanes whose value reaches the threshold, one bit each.
#[inline(always)]
fn lanes_from(values: &[f32; WIDTH], threshold: f32) -> u32 {
    let mut lanes = 0;
    for (lane, &value) in values.iter().enumerate() {
        lanes |= u32::from(value >= threshold) << lane;
    }
    lanes
}

/// Takes the lowest lane out of `lanes`.
#[inline(always)]
fn next_lane(lanes: &mut u32) -> Option<usize> {
    let lane = lanes.trailing_zeros() as usize;
    *lanes &= lanes.wrapping_sub(1);
    (lane < WIDTH).then_some(lane)
}

#[inline(always)]
fn visit_leaf(tree: &BallTree, leaf: usize, re: &[f32], im: &[f32], slack: f32, best: &mut Best) {
    let (rows, members) = tree.leaf(leaf);
    let (a, b) = products(re, im, rows);
    let mut score = [0.0; WIDTH];
    for lane in 0..WIDTH {
        score[lane] = a[lane] * a[lane] + b[lane] * b[lane];
    }
    let mut lanes = lanes_from(&score, best.score as f32 - slack);
    while let Some(lane) = next_lane(&mut lanes) {
        if score[lane] >= best.score as f32 - slack && members[lane] != u32::MAX {
            best.consider(exact_score(re, im, rows.iter().map(|row| row.0[lane])), members[lane]);
        }
    }
}

/// Puts the children that may hold the best atom on the stack, the most promising on top.
#[inline(always)]
fn visit_group(tree: &BallTree, visit: Visit, re: &[f32], im: &[f32], threshold: f32, stack: &mut Vec<Visit>) {
    let level = tree.level(visit.level as usize - 1);
    let bounds = bounds(level.group(visit.index as usize, re.len()), re, im);
    let first = visit.index as usize * WIDTH;
    let floor = stack.len();
    let mut lanes = lanes_from(&bounds, threshold);
    while let Some(lane) = next_lane(&mut lanes).filter(|lane| first + lane < level.nodes) {
        stack.push(Visit { bound: bounds[lane], level: visit.level - 1, index: (first + lane) as u32 });
        let mut at = stack.len() - 1;
        while at > floor && stack[at - 1].bound > stack[at].bound {
            stack.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Upper bounds on the squared score in sixteen balls.
#[inline(always)]
fn bounds(group: super::ball_tree::Group<'_>, re: &[f32], im: &[f32]) -> [f32; WIDTH] {
    let (a, b) = products(re, im, group.centres);
    let (mut aa, mut ab, mut bb) = ([0.0f32; WIDTH], [0.0f32; WIDTH], [0.0f32; WIDTH]);
    for ((&re, &im), row) in re.iter().zip(im).zip(group.centres) {
        for lane in 0..WIDTH {
            let across_re = re - a[lane] * row.0[lane];
            let across_im = im - b[lane] * row.0[lane];
            aa[lane] += across_re * across_re;
            ab[lane] += across_re * across_im;
            bb[lane] += across_im * across_im;
        }
    }
    let mut bounds = [0.0; WIDTH];
    for lane in 0..WIDTH {
        let (a, b, aa, ab, bb) = (a[lane], b[lane], aa[lane], ab[lane], bb[lane]);
        let (cos2, sin2) = (group.cos2[lane], group.sin2[lane]);
        let centre = a * a + b * b;
        let across = 0.5 * (aa + bb + ((aa - bb) * (aa - bb) + 4.0 * ab * ab).sqrt());
        // Never negative but for rounding, which must not become a NaN.
        let mixed = (a * a * aa + 2.0 * a * b * ab + b * b * bb).max(0.0).sqrt();
        let (mean, half) = (0.5 * (centre + across), 0.5 * (centre - across));
        let at_radius = half * cos2 + mixed * sin2;
        let peak = (half * half + mixed * mixed).sqrt();
        let rises = mixed * cos2 >= half * sin2;
        bounds[lane] = mean + if rises { at_radius } else { peak };
    }
    bounds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_atom_of_a_ball_exceeds_its_bound(
            voxel in prop::array::uniform8(-1.0f32..1.0),
            centre in prop::array::uniform4(-1.0f64..1.0),
            atom in prop::array::uniform4(-1.0f64..1.0),
            wider in 0.0f64..1.0,
        ) {
            let unit = |v: [f64; 4]| {
                let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
                v.map(|x| x / norm)
            };
            let centre = unit(centre);
            // An atom near the centre as often as anywhere.
            let atom = unit(std::array::from_fn(|k| centre[k] + wider * atom[k]));
            let angle = centre.iter().zip(&atom).map(|(c, d)| c * d).sum::<f64>().abs().min(1.0).acos();
            let radius = (angle * (1.0 + 0.1 * wider) + 1e-6).min(std::f64::consts::FRAC_PI_2);
            let rows: Vec<Row> = centre.iter().map(|&c| Row([c as f32; WIDTH])).collect();
            let group = crate::dictionary_matcher::ball_tree::Group {
                centres: &rows,
                cos2: &[(2.0 * radius).cos() as f32; WIDTH],
                sin2: &[(2.0 * radius).sin() as f32; WIDTH],
            };
            let (re, im) = voxel.split_at(4);
            let power: f32 = voxel.iter().map(|x| x * x).sum();
            let bound = bounds(group, re, im)[0];
            let score = exact_score(re, im, atom.iter().map(|&d| d as f32));
            prop_assert!(score as f32 <= bound + rounding_slack(4) * power, "score {score}, bound {bound}");
            // Not above what a ball that covers everything would give by more than rounding.
            prop_assert!(bound <= power * (1.0 + 1e-5));
        }
    }
}

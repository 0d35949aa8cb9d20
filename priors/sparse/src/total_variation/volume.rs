//! The dual iteration on volumes: each pass runs over all rows of pixels at once.
//!
//! On planes, the rows of a band are worked on while they are in the inner caches; here the row below in z lies a whole
//! plane away, so that the passes are separate. Duals are (row, direction, channel, x) with the directions x, y, z.

#![allow(clippy::needless_range_loop, reason = "one index runs through several arrays in step")]

use multiversion::multiversion;
use rayon::prelude::*;

use super::dual::Problem;

/// `out = p + momentum (p - p_before)`.
pub(super) fn extrapolate(problem: &Problem, p: &[f32], before: &[f32], momentum: f32, out: &mut [f32]) {
    let row = problem.dual_row();
    out.par_chunks_exact_mut(row).zip(p.par_chunks_exact(row)).zip(before.par_chunks_exact(row)).for_each(
        |((out, p), before)| {
            for ((out, p), before) in out.iter_mut().zip(p).zip(before) {
                *out = p + momentum * (p - before);
            }
        },
    );
}

/// `x = b - lambda D^T p`.
pub(super) fn primal(problem: &Problem, b: &[f32], p: &[f32], pull: &[f32], x: &mut [f32]) {
    let (image_row, dual_row, height) = (problem.shape.channel_row(), problem.dual_row(), problem.shape.height);
    x.par_chunks_exact_mut(image_row).zip(b.par_chunks_exact(image_row)).enumerate().for_each(|(row, (x, b))| {
        let dual = |row: usize| &p[row * dual_row..][..dual_row];
        let above = (row % height > 0).then(|| dual(row - 1));
        let before = row.checked_sub(height).map(dual);
        primal_row(problem, b, dual(row), above, before, pull, x);
    });
}

/// `p = P(p + D x / (L lambda))`, where L bounds the squared norm of D.
pub(super) fn ascend(problem: &Problem, x: &[f32], push: &[f32], p: &mut [f32]) {
    p.par_chunks_exact_mut(problem.dual_row()).enumerate().for_each_init(
        || vec![0.0; problem.shape.width],
        |norms, (row, p)| ascend_row(problem, Neighbours::of(problem, x, row), push, p, norms),
    );
}

/// Sums over each row of `|D x| - <D x, p>` and of `|D x|`.
pub(super) fn gaps(problem: &Problem, x: &[f32], p: &[f32]) -> Vec<[f64; 2]> {
    let pixels = || vec![0.0; problem.shape.width];
    let rows = p.par_chunks_exact(problem.dual_row()).enumerate();
    let gap = |(norms, products): &mut (Vec<f32>, Vec<f32>), (row, p): (usize, &[f32])| {
        gap_row(problem, Neighbours::of(problem, x, row), p, norms, products)
    };
    rows.map_init(|| (pixels(), pixels()), gap).collect()
}

/// A row of the image and those after it in y and z; the row itself across the border, where the difference is zero.
#[derive(Clone, Copy)]
struct Neighbours<'a> {
    here: &'a [f32],
    below: &'a [f32],
    behind: &'a [f32],
}

impl<'a> Neighbours<'a> {
    fn of(problem: &Problem, x: &'a [f32], row: usize) -> Self {
        let (len, height, rows) = (problem.shape.channel_row(), problem.shape.height, problem.shape.rows());
        let at = |row: usize| &x[row * len..][..len];
        let below = if row % height + 1 < height { row + 1 } else { row };
        let behind = if row + height < rows { row + height } else { row };
        Self { here: at(row), below: at(below), behind: at(behind) }
    }
}

#[multiversion(targets = "simd")]
fn primal_row(
    problem: &Problem,
    b: &[f32],
    p: &[f32],
    above: Option<&[f32]>,
    before: Option<&[f32]>,
    pull: &[f32],
    x: &mut [f32],
) {
    let (width, len, through) = (problem.shape.width, x.len(), problem.through_plane);
    for (c, (x, b)) in x.chunks_exact_mut(width).zip(b.chunks_exact(width)).enumerate() {
        let pull = pull[c];
        let part = |dual: &'_ [f32], direction: usize, i: usize| dual[direction * len + c * width + i];
        for i in 0..width {
            x[i] = b[i] + pull * ((part(p, 0, i) + part(p, 1, i)) + through * part(p, 2, i));
        }
        for i in 1..width {
            x[i] -= pull * part(p, 0, i - 1);
        }
        if let Some(above) = above {
            (0..width).for_each(|i| x[i] -= pull * part(above, 1, i));
        }
        if let Some(before) = before {
            (0..width).for_each(|i| x[i] -= pull * (through * part(before, 2, i)));
        }
    }
}

#[multiversion(targets = "simd")]
fn ascend_row(problem: &Problem, x: Neighbours<'_>, push: &[f32], p: &mut [f32], norms: &mut [f32]) {
    let (width, through) = (problem.shape.width, problem.through_plane);
    norms.fill(0.0);
    let (px, rest) = p.split_at_mut(x.here.len());
    let (py, pz) = rest.split_at_mut(x.here.len());
    for (c, push) in push.iter().enumerate() {
        let channel = c * width..(c + 1) * width;
        let (here, below, behind) = (&x.here[channel.clone()], &x.below[channel.clone()], &x.behind[channel.clone()]);
        let (px, py, pz) = (&mut px[channel.clone()], &mut py[channel.clone()], &mut pz[channel]);
        for i in 0..width - 1 {
            px[i] += push * (here[i + 1] - here[i]);
            norms[i] += px[i] * px[i];
        }
        px[width - 1] = 0.0;
        for i in 0..width {
            py[i] += push * (below[i] - here[i]);
            pz[i] += push * (through * (behind[i] - here[i]));
            norms[i] += py[i] * py[i] + pz[i] * pz[i];
        }
    }
    for norm in norms.iter_mut() {
        *norm = norm.max(1.0).sqrt().recip();
    }
    for channel in p.chunks_exact_mut(width) {
        channel.iter_mut().zip(norms.iter()).for_each(|(p, factor)| *p *= factor);
    }
}

#[multiversion(targets = "simd")]
fn gap_row(problem: &Problem, x: Neighbours<'_>, p: &[f32], norms: &mut [f32], products: &mut [f32]) -> [f64; 2] {
    let (width, len, through) = (problem.shape.width, x.here.len(), problem.through_plane);
    norms.fill(0.0);
    products.fill(0.0);
    for (c, weight) in problem.channel_weights.iter().enumerate() {
        let channel = c * width..(c + 1) * width;
        let (here, below, behind) = (&x.here[channel.clone()], &x.below[channel.clone()], &x.behind[channel.clone()]);
        let part = |direction: usize, i: usize| p[direction * len + c * width + i];
        for i in 0..width - 1 {
            let dx = weight * (here[i + 1] - here[i]);
            norms[i] += dx * dx;
            products[i] += dx * part(0, i);
        }
        for i in 0..width {
            let (dy, dz) = (weight * (below[i] - here[i]), weight * (through * (behind[i] - here[i])));
            norms[i] += dy * dy + dz * dz;
            products[i] += dy * part(1, i) + dz * part(2, i);
        }
    }
    norms.iter().zip(products.iter()).fold([0.0; 2], |[gap, variation], (norm, product)| {
        let norm = norm.sqrt();
        [gap + f64::from((norm - product).max(0.0)), variation + f64::from(norm)]
    })
}

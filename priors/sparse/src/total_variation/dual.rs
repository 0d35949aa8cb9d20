//! Fast gradient projection on the dual of the total-variation problem.
//!
//! With D the weighted gradient, the proximal map of lambda R at b is `b - lambda D^T p`, where p, one vector of
//! (direction, channel) per pixel of norm at most 1, maximises the dual. `|D|^2 <= 8 max w^2` gives the step; in a volume
//! with the weight a of differences along z, `|D|^2 <= (8 + 4 a^2) max w^2`.

use num_complex::Complex32;
use rayon::prelude::*;

use super::kernels::{self, RowBuffers};
use super::{Convergence, TotalVariationOptions, volume};
use crate::denoise_call::{ImageShape, join_channel_rows, split_channel_rows};

/// Squared norm of the differences along one axis, at most.
const DIFFERENCE_NORM_SQUARED: f32 = 4.0;

/// Iterations between two evaluations of the duality gap, each of which costs about as much as one iteration.
const GAP_INTERVAL: usize = 5;

/// More bands than threads even out their loads; every band computes one row of its neighbour again.
const BANDS_PER_THREAD: usize = 2;

/// What is to be minimised, apart from the image.
pub(super) struct Problem {
    pub shape: ImageShape,
    /// Weight of R.
    pub weight: f32,
    /// Weight of each real channel in R; the largest is 1.
    pub channel_weights: Vec<f32>,
    /// Weight of the differences along z; 0 in a plane.
    pub through_plane: f32,
}

impl Problem {
    fn directions(&self) -> usize {
        if self.shape.is_volume() { 3 } else { 2 }
    }

    /// Values in a row of the dual: (direction, channel, x).
    pub fn dual_row(&self) -> usize {
        self.directions() * self.shape.channel_row()
    }

    /// Factors of the divergence, per channel.
    fn pull(&self) -> Vec<f32> {
        self.channel_weights.iter().map(|w| w * self.weight).collect()
    }

    /// Factors of the gradient in a dual step, per channel.
    fn push(&self) -> Vec<f32> {
        let norm_squared = DIFFERENCE_NORM_SQUARED * (2.0 + self.through_plane * self.through_plane);
        self.channel_weights.iter().map(|w| w / (norm_squared * self.weight)).collect()
    }
}

/// Buffers of one call: images as channel rows, duals as (row, direction, channel, x).
#[derive(Debug, Default)]
pub(super) struct Scratch {
    noisy: Vec<f32>,
    primal: Vec<f32>,
    dual: Vec<f32>,
    previous: Vec<f32>,
    next: Vec<f32>,
}

impl Scratch {
    /// Takes an image times `scale` and sets the dual to zero.
    pub fn load(&mut self, problem: &Problem, image: &[Complex32], scale: f32) {
        self.noisy.resize(2 * image.len(), 0.0);
        self.primal.resize(2 * image.len(), 0.0);
        for dual in [&mut self.dual, &mut self.previous, &mut self.next] {
            dual.resize(2 * problem.directions() * image.len(), 0.0);
        }
        // The first momentum is 0, yet 0 times what an earlier call left behind could be NaN.
        self.dual.par_chunks_mut(problem.dual_row()).for_each(|row| row.fill(0.0));
        self.previous.par_chunks_mut(problem.dual_row()).for_each(|row| row.fill(0.0));
        split_channel_rows(problem.shape, image, scale, &mut self.noisy);
    }

    /// Writes the solution times `scale`.
    pub fn store(&self, problem: &Problem, scale: f32, image: &mut [Complex32]) {
        join_channel_rows(problem.shape, &self.primal, scale, image);
    }
}

/// Solves the problem that `scratch` was loaded with; the solution is its `primal`. Beside the convergence, R of the solution.
pub(super) fn solve(problem: &Problem, options: &TotalVariationOptions, scratch: &mut Scratch) -> (Convergence, f64) {
    let (pull, push) = (problem.pull(), problem.push());
    let mut bands = Bands::new(problem);
    let norm = square_sum(&scratch.noisy, problem.shape.channel_row()).sqrt();
    let mut t = 1.0_f64;
    let mut momentum = 0.0;
    for iteration in 1.. {
        let Scratch { noisy, primal, dual, previous, next } = scratch;
        if problem.shape.is_volume() {
            volume::extrapolate(problem, dual, previous, momentum, next);
            volume::primal(problem, noisy, next, &pull, primal);
            volume::ascend(problem, primal, &push, next);
        } else {
            let step = kernels::DualStep { noisy, dual, previous, momentum, pull: &pull, push: &push };
            bands.run(problem, &step, next);
        }
        std::mem::swap(previous, dual);
        std::mem::swap(dual, next);

        let last = iteration >= options.iterations;
        if last || (options.tolerance > 0.0 && iteration % GAP_INTERVAL == 0) {
            let [gap, variation] = duality_gap(problem, &pull, scratch);
            let error_bound = (2.0 * gap).sqrt() / norm;
            if last || error_bound <= f64::from(options.tolerance) {
                return (Convergence { iterations: iteration, error_bound }, variation);
            }
        }
        let t_next = 0.5 * (1.0 + (1.0 + 4.0 * t * t).sqrt());
        momentum = ((t - 1.0) / t_next) as f32;
        t = t_next;
    }
    unreachable!("the loop ends by returning")
}

/// The rows of a plane in bands that threads work on.
struct Bands {
    rows: usize,
    buffers: Vec<RowBuffers>,
}

impl Bands {
    fn new(problem: &Problem) -> Self {
        let height = problem.shape.height;
        let bands = (BANDS_PER_THREAD * rayon::current_num_threads()).min(height);
        let buffers = (0..bands).map(|_| RowBuffers::new(problem)).collect();
        Self { rows: height.div_ceil(bands), buffers }
    }

    fn run(&mut self, problem: &Problem, step: &kernels::DualStep<'_>, next: &mut [f32]) {
        next.par_chunks_mut(self.rows * problem.dual_row())
            .zip(&mut self.buffers)
            .enumerate()
            .for_each(|(band, (rows, buffers))| step.run(problem, band * self.rows, rows, buffers));
    }
}

/// Sets `primal` from `dual` and returns the duality gap of the pair, `lambda sum_v (|D x| - <D x, p>)`, in which every term is
/// at least 0, so nothing cancels; and the variation `sum_v |D x|`.
fn duality_gap(problem: &Problem, pull: &[f32], scratch: &mut Scratch) -> [f64; 2] {
    let Scratch { noisy, primal, dual, .. } = scratch;
    if problem.shape.is_volume() {
        volume::primal(problem, noisy, dual, pull, primal);
        return sums(problem, &volume::gaps(problem, primal, dual));
    }
    let (image_row, dual_row) = (problem.shape.channel_row(), problem.dual_row());
    primal.par_chunks_exact_mut(image_row).enumerate().for_each(|(y, x)| {
        let above = y.checked_sub(1).map(|above| &dual[above * dual_row..][..dual_row]);
        let here = &dual[y * dual_row..][..dual_row];
        kernels::primal_row(problem.shape.width, &noisy[y * image_row..][..image_row], here, above, pull, x);
    });
    let rows: Vec<[f64; 2]> = (0..problem.shape.height)
        .into_par_iter()
        .map_init(
            || RowBuffers::new(problem),
            |buffers, y| {
                let here = &primal[y * image_row..][..image_row];
                let below = primal.get((y + 1) * image_row..(y + 2) * image_row).unwrap_or(here);
                kernels::gap_row(problem, here, below, &dual[y * dual_row..][..dual_row], buffers)
            },
        )
        .collect();
    sums(problem, &rows)
}

/// Duality gap and variation from their shares of the rows.
fn sums(problem: &Problem, rows: &[[f64; 2]]) -> [f64; 2] {
    let [gap, variation] = [0, 1].map(|part| rows.iter().map(|row| row[part]).sum::<f64>());
    [f64::from(problem.weight) * gap, variation]
}

/// Sum of squares in f64, row by row, so that it does not depend on the number of threads.
fn square_sum(values: &[f32], row: usize) -> f64 {
    let rows: Vec<f64> =
        values.par_chunks_exact(row).map(|row| row.iter().map(|v| f64::from(*v) * f64::from(*v)).sum()).collect();
    rows.iter().sum()
}

//! The forward pass of convolutions, by the method that suits the weight; tap by tap where no other does.

use std::cell::RefCell;

use rayon::prelude::*;

use crate::convolution::geometry::{Conv2dGeometry, PlaneSource};
use crate::convolution::packed_weight::Method;
use crate::convolution::task::{Convolution, Strip, Task};
use crate::convolution::{amx_convolution, winograd_convolution};
use crate::products::tile_kernel::{COLUMNS, ROWS, Right, Tile, multiply_add};

/// Sums that a task holds, in values: with a block of the input and its weights they fill most of a second-level cache.
const TASK_SUMS: usize = 1 << 17;

impl Convolution<'_> {
    /// Writes `sum_{input, tap} weight x + bias + residual` into all of `y`, (batch, output, y, x).
    ///
    /// The order of every sum is the same whatever the number of threads.
    pub fn run(&self, x: &dyn PlaneSource, y: &mut [f32]) {
        if y.is_empty() {
            return;
        }
        self.tasks(y).into_par_iter().with_max_len(1).for_each(|task| match (self.weight.amx(), self.weight.method) {
            (Some(weight), _) => amx_convolution::run_task(self, weight, x, task),
            (None, Method::Direct) => run_task(self, x, task),
            (None, Method::Winograd) => winograd_convolution::run_task(self, x, task),
        });
    }

    /// Cuts the output into strips whose sums stay in the cache, as many as keep all threads equally busy. Small images are cut by
    /// outputs instead, so that threads share the reading of the weights.
    fn tasks<'a>(&self, y: &'a mut [f32]) -> Vec<Task<'a>> {
        let Conv2dGeometry { batch, outputs, height, width, .. } = self.geometry;
        let threads = rayon::current_num_threads();
        let (rows, unit) = match self.weight.method {
            Method::Direct => ((TASK_SUMS / (outputs * self.geometry.row())).max(1), 1),
            Method::Winograd => (winograd_convolution::strip_rows(&self.geometry), 2),
        };
        let strips = height.div_ceil(rows);
        let (strips, groups) = match batch * strips < threads {
            true => (strips, threads.div_ceil(batch * strips)),
            false if batch % threads == 0 => (strips, 1),
            false => (strips.next_multiple_of(threads), 1),
        };
        let rows = height.div_ceil(strips).next_multiple_of(unit);
        let strips = height.div_ceil(rows);
        let group = outputs.div_ceil(groups).next_multiple_of(self.weight.tile_outputs());
        let groups = outputs.div_ceil(group);
        let mut tasks: Vec<Task<'a>> = Vec::with_capacity(batch * strips * groups);
        for index in 0..batch * strips * groups {
            let (image, strip, first_output) =
                (index / (strips * groups), index / groups % strips, index % groups * group);
            tasks.push(Task { image, first_row: strip * rows, first_output, planes: Vec::with_capacity(group) });
        }
        for (index, plane) in y.chunks_exact_mut(self.geometry.pixels()).enumerate() {
            let (image, output) = (index / outputs, index % outputs);
            for (strip, plane) in plane.chunks_mut(rows * width).enumerate() {
                tasks[(image * strips + strip) * groups + output / group].planes.push(plane);
            }
        }
        tasks
    }
}

/// Memory of a thread.
#[derive(Default)]
struct Scratch {
    input: Vec<f32>,
    sums: Vec<Tile>,
    rows: [Vec<f32>; 2],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One task of a convolution: a strip of a block of inputs after the other.
pub fn run_task(convolution: &Convolution<'_>, x: &dyn PlaneSource, task: Task<'_>) {
    SCRATCH.with_borrow_mut(|scratch| run(convolution, x, task, scratch));
}

fn run(convolution: &Convolution<'_>, x: &dyn PlaneSource, task: Task<'_>, scratch: &mut Scratch) {
    let Convolution { geometry, weight, .. } = convolution;
    let strip = Strip::new(geometry, task.first_row, task.planes[0].len() / geometry.width, 16);
    let tiles = task.planes.len().div_ceil(ROWS);
    let first_tile = task.first_output / ROWS;
    let precision = weight.precision;
    let (block, share) = (weight.block_inputs(), precision.inputs_per_term());
    let planes = block.min(geometry.inputs).div_ceil(share);
    let offsets = geometry.term_offsets(planes, strip.stride);
    scratch.sums.clear();
    scratch.sums.resize(columns(strip.positions).len() * tiles, [[0.0; COLUMNS]; ROWS]);
    scratch.input.resize(scratch.input.len().max(planes * strip.stride), 0.0);
    for first in (0..geometry.inputs).step_by(block) {
        let inputs = (first..geometry.inputs.min(first + block)).step_by(share);
        for (input, plane) in inputs.zip(scratch.input.chunks_exact_mut(strip.stride)) {
            strip.read(geometry, x, [task.image, input], precision, plane, &mut scratch.rows);
        }
        for ((start, width), sums) in columns(strip.positions).zip(scratch.sums.chunks_exact_mut(tiles)) {
            let right = Right { values: &scratch.input[start..], offsets: &offsets };
            for (tile, sums) in sums.iter_mut().enumerate() {
                multiply_add(sums, width, weight.block(first, first_tile + tile), &right, precision);
            }
        }
    }
    convolution.store(task, scratch.sums.as_flattened(), tiles * ROWS, &mut scratch.rows[0]);
}

/// Tiles of the positions: start and width.
fn columns(positions: usize) -> impl ExactSizeIterator<Item = (usize, usize)> {
    (0..positions.div_ceil(COLUMNS)).map(move |tile| {
        let start = tile * COLUMNS;
        (start, (positions - start).next_multiple_of(16).min(COLUMNS))
    })
}

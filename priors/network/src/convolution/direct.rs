//! Convolutions tap by tap.

use std::cell::RefCell;

use crate::convolution::plane_source::PlaneSource;
use crate::convolution::task::{Convolution, Strip, Task};
use crate::products::tile_kernel::{COLUMNS, ROWS, Right, Tile, multiply_add};

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

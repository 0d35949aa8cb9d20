//! The forward pass of convolutions, from strips of the input that stay in a core's caches.

use std::cell::RefCell;

use rayon::prelude::*;

use super::amx_convolution;
use super::conv2d_geometry::Conv2dGeometry;
use super::packed_weight::{Method, PackedWeight};
use super::plane_source::PlaneSource;
use super::precision::{Precision, write_pairs};
use super::tile_kernel::{COLUMNS, ROWS, Right, Tile, multiply_add};
use super::winograd_convolution;

/// Sums that a task holds, in values: with a block of the input and its weights they fill most of a second-level cache.
const TASK_SUMS: usize = 1 << 17;

/// A convolution with packed weights, and what is added to it.
pub struct Convolution<'a> {
    pub geometry: Conv2dGeometry,
    pub weight: &'a PackedWeight,
    /// One value for each output.
    pub bias: Option<&'a [f32]>,
    /// Images of the output's shape.
    pub residual: Option<&'a dyn PlaneSource>,
}

/// A strip of rows of some outputs of one image.
pub struct Task<'a> {
    pub image: usize,
    pub first_row: usize,
    pub first_output: usize,
    /// The strip in each of the outputs.
    pub planes: Vec<&'a mut [f32]>,
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
            (None, Method::Direct) => SCRATCH.with_borrow_mut(|scratch| self.run_task(x, task, scratch)),
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
        for (index, plane) in y.chunks_exact_mut(height * width).enumerate() {
            let (image, output) = (index / outputs, index % outputs);
            for (strip, plane) in plane.chunks_mut(rows * width).enumerate() {
                tasks[(image * strips + strip) * groups + output / group].planes.push(plane);
            }
        }
        tasks
    }

    fn run_task(&self, x: &dyn PlaneSource, task: Task<'_>, scratch: &mut Scratch) {
        let geometry = &self.geometry;
        let strip = Strip::new(geometry, task.first_row, task.planes[0].len() / geometry.width, 16);
        let tiles = task.planes.len().div_ceil(ROWS);
        let first_tile = task.first_output / ROWS;
        let precision = self.weight.precision;
        let (block, share) = (self.weight.block_inputs(), precision.inputs_per_term());
        let planes = block.min(geometry.inputs).div_ceil(share);
        let offsets = geometry.term_offsets(planes, strip.stride);
        scratch.sums.clear();
        scratch.sums.resize(strip.columns().len() * tiles, [[0.0; COLUMNS]; ROWS]);
        scratch.input.resize(scratch.input.len().max(planes * strip.stride), 0.0);
        for first in (0..geometry.inputs).step_by(block) {
            let inputs = (first..geometry.inputs.min(first + block)).step_by(share);
            for (input, plane) in inputs.zip(scratch.input.chunks_exact_mut(strip.stride)) {
                strip.read(geometry, x, [task.image, input], precision, plane, &mut scratch.rows);
            }
            for ((start, width), sums) in strip.columns().zip(scratch.sums.chunks_exact_mut(tiles)) {
                let right = Right { values: &scratch.input[start..], offsets: &offsets };
                for (tile, sums) in sums.iter_mut().enumerate() {
                    multiply_add(sums, width, self.weight.block(first, first_tile + tile), &right, precision);
                }
            }
        }
        self.store(task, scratch.sums.as_flattened(), tiles * ROWS, &mut scratch.rows[0]);
    }

    /// Writes the sums, (column, output, position), with bias and residual into the pixels of a task. A column has as many `outputs`.
    pub fn store<const WIDTH: usize>(
        &self,
        mut task: Task<'_>,
        sums: &[[f32; WIDTH]],
        outputs: usize,
        row: &mut Vec<f32>,
    ) {
        row.resize(self.geometry.width, 0.0);
        for (index, plane) in task.planes.iter_mut().enumerate() {
            let output = task.first_output + index;
            let bias = self.bias.map_or(0.0, |bias| bias[output]);
            store(plane, &self.geometry, sums.iter().skip(index).step_by(outputs), bias);
            let Some(residual) = self.residual else { continue };
            for (y, values) in plane.chunks_exact_mut(row.len()).enumerate() {
                residual.read_row(task.image, output, task.first_row + y, row);
                values.iter_mut().zip(&*row).for_each(|(value, residual)| *value += residual);
            }
        }
    }
}

/// Writes the sums of one output, a run of positions, into the pixels of a strip.
fn store<'a, const WIDTH: usize>(
    plane: &mut [f32],
    geometry: &Conv2dGeometry,
    sums: impl Iterator<Item = &'a [f32; WIDTH]>,
    bias: f32,
) {
    let (row, width) = (geometry.row(), geometry.width);
    for (column, sums) in sums.enumerate() {
        let (start, mut done) = (column * WIDTH, 0);
        while done < WIDTH {
            let (y, x) = ((start + done) / row, (start + done) % row);
            let count = (row - x).min(WIDTH - done);
            let pixels = y * width + x..y * width + (x + count).min(width).max(x);
            if let Some(pixels) = plane.get_mut(pixels) {
                pixels.iter_mut().zip(&sums[done..]).for_each(|(pixel, sum)| *pixel = sum + bias);
            }
            done += count;
        }
    }
}

/// Some rows of an image with their border, each position of the output and its taps one run of values.
pub struct Strip {
    first_row: usize,
    rows: usize,
    pub positions: usize,
    /// Distance between the planes of two inputs.
    pub stride: usize,
}

impl Strip {
    /// A strip whose positions may be read as a multiple of `unit`.
    pub fn new(geometry: &Conv2dGeometry, first_row: usize, rows: usize, unit: usize) -> Self {
        let positions = rows * geometry.row() - geometry.border();
        let reach = positions.next_multiple_of(unit) + (geometry.kernel - 1) * (geometry.row() + 1);
        let stride = reach.max((rows + 2 * geometry.border()) * geometry.row());
        // An odd number of cache lines, so that the planes do not fall on each other in the cache.
        Self { first_row, rows, positions, stride: (stride.div_ceil(16) | 1) * 16 }
    }

    /// Tiles of the positions: start and width.
    fn columns(&self) -> impl ExactSizeIterator<Item = (usize, usize)> {
        let positions = self.positions;
        (0..positions.div_ceil(COLUMNS)).map(move |tile| {
            let start = tile * COLUMNS;
            (start, (positions - start).next_multiple_of(16).min(COLUMNS))
        })
    }

    /// Reads the strip of an input of an image or, in bfloat16, of a pair of inputs. Outside of the image there is zero; one column of
    /// zeros lies between two rows.
    pub fn read(
        &self,
        geometry: &Conv2dGeometry,
        x: &dyn PlaneSource,
        [image, input]: [usize; 2],
        precision: Precision,
        plane: &mut [f32],
        [a, b]: &mut [Vec<f32>; 2],
    ) {
        let (border, row) = (geometry.border(), geometry.row());
        a.resize(geometry.width, 0.0);
        b.resize(geometry.width, 0.0);
        let (inside, beyond) = plane.split_at_mut((self.rows + 2 * border) * row);
        beyond.fill(0.0);
        for (index, values) in inside.chunks_exact_mut(row).enumerate() {
            let (left, values) = values.split_at_mut(border);
            left.fill(0.0);
            let y = match (self.first_row + index).checked_sub(border) {
                Some(y) if y < geometry.height => y,
                _ => {
                    values.fill(0.0);
                    continue;
                }
            };
            match precision {
                Precision::F32 => x.read_row(image, input, y, values),
                Precision::Bf16 => {
                    x.read_row(image, input, y, a);
                    match input + 1 < geometry.inputs {
                        true => x.read_row(image, input + 1, y, b),
                        false => b.fill(0.0),
                    }
                    write_pairs(values, a, b);
                }
            }
        }
    }
}

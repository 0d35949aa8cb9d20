//! 3x3 convolutions by Winograd's minimal filtering.

use std::cell::RefCell;

use multiversion::multiversion;

use crate::convolution::geometry::{Conv2dGeometry, PlaneSource};
use crate::convolution::task::{Convolution, Task};
use crate::convolution::winograd::{OVERRUN, PIXELS, POINTS, SplitRows, transform_input, transform_output};
use crate::detection::Cpu;
use crate::products::precision::{Precision, write_pairs};
use crate::products::tile_kernel::{COLUMNS, ROWS, Right, Tile, multiply, multiply_add};

/// Rows of the input that a task holds, in values.
const STRIP_VALUES: usize = 1 << 19;

/// Memory of a thread.
#[derive(Default)]
struct Scratch {
    /// The rows of a strip, (input, row, even or odd column, tile).
    strip: Vec<f32>,
    /// The points of a group of tiles, (point, input or pair of inputs, tile).
    points: Vec<f32>,
    /// The points of two inputs before they become pairs.
    unpaired: [Vec<f32>; 2],
    sums: Vec<Sums>,
    row: Vec<f32>,
}

/// Sums at every point, for the tiles of a group and [`ROWS`] outputs.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Sums([Tile; POINTS]);

const NO_SUMS: Sums = Sums([[[0.0; COLUMNS]; ROWS]; POINTS]);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Rows of pixels that a task's strip may have, an even number.
pub fn strip_rows(geometry: &Conv2dGeometry) -> usize {
    let rows = STRIP_VALUES / (geometry.inputs * (geometry.width + 2)).max(1);
    (rows.saturating_sub(2) / 2).max(1) * 2
}

/// One task of a convolution.
///
/// The rows of all inputs are read once. Then, a group of tiles at a time, so that all stays in the cache: the points of a
/// block of inputs, their products with the points of the weights and, after the last block, the pixels of the sums.
pub fn run_task(convolution: &Convolution<'_>, x: &dyn PlaneSource, mut task: Task<'_>) {
    SCRATCH.with_borrow_mut(|scratch| {
        let strip = Strip::new(&convolution.geometry, &task);
        strip.read(&convolution.geometry, task.image, x, scratch);
        strip.groups().for_each(|group| run_group(convolution, &strip, &group, &mut task, scratch));
        add_residual(convolution, &mut task, &mut scratch.row);
    });
}

fn run_group(convolution: &Convolution<'_>, strip: &Strip, group: &Group, task: &mut Task<'_>, scratch: &mut Scratch) {
    let Convolution { geometry, weight, .. } = convolution;
    let (block, share) = (weight.block_inputs(), weight.precision.inputs_per_term());
    let terms = block.min(geometry.inputs).div_ceil(share);
    let offsets: Vec<usize> = (0..terms).map(|term| term * COLUMNS).collect();
    // One cache line more than needed, so that the points do not fall on each other in the cache.
    let stride = terms * COLUMNS + OVERRUN;
    let tiles = task.planes.len().div_ceil(ROWS);
    let one_block = block >= geometry.inputs;
    scratch.sums.resize(if one_block { 1 } else { tiles }, NO_SUMS);
    let first_tile = task.first_output / ROWS;
    for first in (0..geometry.inputs).step_by(block) {
        let inputs = first..geometry.inputs.min(first + block);
        let last = inputs.end == geometry.inputs;
        let points = aligned(&mut scratch.points, POINTS * stride);
        match weight.precision {
            Precision::F32 => {
                for (input, term) in inputs.zip(0..) {
                    strip.transform(&scratch.strip, input, group, &mut points[term * COLUMNS..], stride);
                }
            }
            Precision::Bf16 => {
                for (input, term) in inputs.step_by(2).zip(0..) {
                    let pair = [input, input + 1].map(|input| (input < geometry.inputs).then_some(input));
                    let points = &mut points[term * COLUMNS..];
                    strip.transform_pair(&scratch.strip, pair, group, &mut scratch.unpaired, points, stride);
                }
            }
        }
        for tile in 0..tiles {
            let sums = &mut scratch.sums[if one_block { 0 } else { tile }];
            for (point, sums) in sums.0.iter_mut().enumerate() {
                let left = weight.point(first, first_tile + tile, point);
                let right = Right { values: &points[point * stride..], offsets: &offsets };
                match first {
                    0 => multiply(sums, group.width(), left, &right, weight.precision),
                    _ => multiply_add(sums, group.width(), left, &right, weight.precision),
                }
            }
            if last {
                store(convolution, strip, group, task, tile, sums);
            }
        }
    }
}

/// Writes the pixels of a tile of outputs.
fn store(convolution: &Convolution<'_>, strip: &Strip, group: &Group, task: &mut Task<'_>, tile: usize, sums: &Sums) {
    let width = convolution.geometry.width;
    let mut pixels = Pixels([[0.0; COLUMNS + OVERRUN]; PIXELS]);
    for (row, plane) in task.planes.iter_mut().skip(tile * ROWS).take(ROWS).enumerate() {
        let bias = convolution.bias.map_or(0.0, |bias| bias[task.first_output + tile * ROWS + row]);
        transform_output(Cpu::chosen(), &sums.0, row, group.width(), &mut pixels.0);
        for segment in group.segments(strip.columns) {
            let rows = plane.chunks_exact_mut(width).skip(2 * segment.row).zip(pixels.0.chunks_exact(2));
            for (values, pixels) in rows {
                let end = (2 * (segment.column + segment.tiles)).min(width);
                let (even, odd) = (&pixels[0][segment.before..], &pixels[1][segment.before..]);
                write_pixels(&mut values[2 * segment.column..end], even, odd, bias);
            }
        }
    }
}

/// The pixels of the tiles of a group, aligned like the vectors that write them.
#[repr(align(64))]
struct Pixels([[f32; COLUMNS + OVERRUN]; PIXELS]);

/// Deals the pixels of two columns out to a row. They are read sixteen at a time, whatever the length of the row.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn write_pixels(row: &mut [f32], even: &[f32], odd: &[f32], bias: f32) {
    let vectors = even.as_chunks::<16>().0.iter().zip(odd.as_chunks::<16>().0);
    for (row, (even, odd)) in row.chunks_mut(32).zip(vectors) {
        let mut pairs = [[0.0; 2]; 16];
        for lane in 0..16 {
            pairs[lane] = [even[lane] + bias, odd[lane] + bias];
        }
        match row.as_chunks_mut::<32>().0 {
            [row] => row.copy_from_slice(pairs.as_flattened()),
            _ => row.copy_from_slice(&pairs.as_flattened()[..row.len()]),
        }
    }
}

fn add_residual(convolution: &Convolution<'_>, task: &mut Task<'_>, row: &mut Vec<f32>) {
    let Some(residual) = convolution.residual else { return };
    row.resize(convolution.geometry.width, 0.0);
    for (index, plane) in task.planes.iter_mut().enumerate() {
        for (y, values) in plane.chunks_exact_mut(row.len()).enumerate() {
            residual.read_row(task.image, task.first_output + index, task.first_row + y, row);
            values.iter_mut().zip(&*row).for_each(|(value, residual)| *value += residual);
        }
    }
}

/// Values that begin with a cache line.
fn aligned(values: &mut Vec<f32>, len: usize) -> &mut [f32] {
    const LINE: usize = 64;
    values.resize(values.len().max(len + LINE / size_of::<f32>()), 0.0);
    let start = values.as_ptr().align_offset(LINE).min(values.len() - len);
    &mut values[start..]
}

/// Rows of tiles over the whole width of an image, and the rows of the input that they depend on.
struct Strip {
    first_row: usize,
    rows: usize,
    columns: usize,
}

/// Tiles that are multiplied at once; those of a strip are counted row by row.
struct Group {
    first: usize,
    tiles: usize,
}

/// Tiles of a group that lie in one row.
struct Segment {
    row: usize,
    column: usize,
    tiles: usize,
    /// Tiles of the group before these.
    before: usize,
}

impl Group {
    /// Tiles that are computed.
    fn width(&self) -> usize {
        self.tiles.next_multiple_of(16)
    }

    fn segments(&self, columns: usize) -> impl Iterator<Item = Segment> {
        let end = self.first + self.tiles;
        let rows = self.first / columns..end.div_ceil(columns);
        rows.map(move |row| {
            let tiles = self.first.max(row * columns)..end.min((row + 1) * columns);
            Segment { row, column: tiles.start - row * columns, tiles: tiles.len(), before: tiles.start - self.first }
        })
    }
}

impl Strip {
    fn new(geometry: &Conv2dGeometry, task: &Task<'_>) -> Self {
        let rows = task.planes[0].len() / geometry.width;
        Self { first_row: task.first_row, rows: rows.div_ceil(2), columns: geometry.width.div_ceil(2) }
    }

    fn groups(&self) -> impl Iterator<Item = Group> {
        let tiles = self.rows * self.columns;
        (0..tiles).step_by(COLUMNS).map(move |first| Group { first, tiles: COLUMNS.min(tiles - first) })
    }

    /// Values of the even or the odd columns of a row with its border.
    fn half_row(&self) -> usize {
        self.columns + 1
    }

    fn plane(&self) -> usize {
        (2 * self.rows + 2) * 2 * self.half_row()
    }

    /// Reads the rows of every input and their border, zero outside of the image.
    fn read(&self, geometry: &Conv2dGeometry, image: usize, x: &dyn PlaneSource, scratch: &mut Scratch) {
        let len = geometry.inputs * self.plane();
        scratch.strip.resize(scratch.strip.len().max(len + OVERRUN), 0.0);
        scratch.row.resize(geometry.width, 0.0);
        for (input, plane) in scratch.strip[..len].chunks_exact_mut(self.plane()).enumerate() {
            for (index, halves) in plane.chunks_exact_mut(2 * self.half_row()).enumerate() {
                match (self.first_row + index).checked_sub(1) {
                    Some(y) if y < geometry.height => {
                        x.read_row(image, input, y, &mut scratch.row);
                        let (even, odd) = halves.split_at_mut(self.half_row());
                        split_row(&scratch.row, even, odd);
                    }
                    _ => halves.fill(0.0),
                }
            }
        }
    }

    /// The points of one input.
    fn transform(&self, strip: &[f32], input: usize, group: &Group, points: &mut [f32], stride: usize) {
        let half = self.half_row();
        for segment in group.segments(self.columns) {
            let first = input * self.plane() + 4 * segment.row * half + segment.column;
            let half_row = |index: usize| &strip[first + index * half..];
            let rows: SplitRows<'_> = std::array::from_fn(|y| [half_row(2 * y), half_row(2 * y + 1)]);
            transform_input(Cpu::chosen(), &rows, segment.tiles, &mut points[segment.before..], stride);
        }
    }

    /// The points of two inputs, zero where there is none, as pairs in bfloat16.
    fn transform_pair(
        &self,
        strip: &[f32],
        inputs: [Option<usize>; 2],
        group: &Group,
        unpaired: &mut [Vec<f32>; 2],
        points: &mut [f32],
        stride: usize,
    ) {
        const STRIDE: usize = COLUMNS + OVERRUN;
        for (input, unpaired) in inputs.into_iter().zip(&mut *unpaired) {
            unpaired.resize(POINTS * STRIDE, 0.0);
            match input {
                Some(input) => self.transform(strip, input, group, unpaired, STRIDE),
                None => unpaired.fill(0.0),
            }
        }
        let [a, b] = unpaired;
        for point in 0..POINTS {
            let pairs = &mut points[point * stride..][..COLUMNS];
            write_pairs(pairs, &a[point * STRIDE..], &b[point * STRIDE..]);
        }
    }
}

/// Deals the columns of a row out to two; the row begins with a column of the border and ends with one or two.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn split_row(row: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let (pairs, rest) = row.as_chunks::<2>();
    let (columns, full) = (odd.len() - 1, pairs.len());
    even[0] = 0.0;
    even[columns] = 0.0;
    odd[columns] = 0.0;
    if let [last] = rest {
        odd[full] = *last;
    }
    // Sixteen at a time, so that the loop over them becomes a few instructions.
    let (even_vectors, even_rest) = even[1..=full].as_chunks_mut::<16>();
    let (odd_vectors, odd_rest) = odd[..full].as_chunks_mut::<16>();
    let (vectors, pairs) = pairs.as_chunks::<16>();
    for ((pairs, even), odd) in vectors.iter().zip(even_vectors).zip(odd_vectors) {
        for lane in 0..16 {
            (odd[lane], even[lane]) = (pairs[lane][0], pairs[lane][1]);
        }
    }
    for ((pair, even), odd) in pairs.iter().zip(even_rest).zip(odd_rest) {
        (*odd, *even) = (pair[0], pair[1]);
    }
}

#[cfg(test)]
#[path = "winograd_convolution_tests.rs"]
mod tests;

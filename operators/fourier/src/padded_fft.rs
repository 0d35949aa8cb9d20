//! Two-dimensional Fourier transforms of images inside of a larger grid.

use std::sync::Arc;

use num_complex::Complex32;
use rayon::prelude::*;
use rustfft::Fft;

use crate::plan_pair;

/// Lines that are transposed together: eight complex numbers fill a cache line.
pub const BLOCK: usize = 8;

/// Rows per task when images are written.
const ROWS: usize = 8;

/// Fourier transforms between images (y, x) and the columns of a padded grid, without the lines that are known to be
/// zero or that nobody wants, and without shifting: pixel r goes to bin (r - n/2) mod padded length.
///
/// Between the x and the y transforms the data lie in blocks, so that transposing touches whole cache lines and every
/// task owns a contiguous piece:
/// - *row blocks* (y block, grid x, plane, y within block) after the x transform of a forward transform,
/// - *column blocks* (x block, plane, y, x within block) before the x transform of an inverse transform.
pub struct PaddedFft {
    image: [usize; 2],
    grid: [usize; 2],
    forward: [Arc<dyn Fft<f32>>; 2],
    inverse: [Arc<dyn Fft<f32>>; 2],
    /// Factors along y and x that every pixel is multiplied by: deconvolution and normalisation.
    factors: [Vec<f32>; 2],
}

impl PaddedFft {
    /// Transforms of images of `image` pixels on a grid of `grid` bins, no smaller, with the factors along y and x that every
    /// pixel is multiplied by.
    pub fn new(image: [usize; 2], grid: [usize; 2], factors: [Vec<f32>; 2]) -> Self {
        let [[forward_y, inverse_y], [forward_x, inverse_x]] = grid.map(plan_pair);
        Self { image, grid, forward: [forward_y, forward_x], inverse: [inverse_y, inverse_x], factors }
    }

    /// Length of the row blocks of so many planes.
    pub fn row_blocks_len(&self, planes: usize) -> usize {
        self.image[0].div_ceil(BLOCK) * self.grid[1] * planes * BLOCK
    }

    /// Length of the column blocks of so many planes.
    pub fn column_blocks_len(&self, planes: usize) -> usize {
        self.grid[1].div_ceil(BLOCK) * self.column_block(planes)
    }

    /// Length of one column block of so many planes.
    pub fn column_block(&self, planes: usize) -> usize {
        planes * self.image[0] * BLOCK
    }

    /// Multiplies `images` (plane, y, x) by the factors and by the coil's sensitivity, transforms along x and writes
    /// row blocks.
    pub fn images_to_rows(&self, images: &[Complex32], coil: Option<&[Complex32]>, rows: &mut [Complex32]) {
        let [height, width] = self.image;
        let nx = self.grid[1];
        let planes = images.len() / (height * width);
        rows.par_chunks_mut(nx * planes * BLOCK).enumerate().for_each(|(block, rows)| {
            let fft = &self.forward[1];
            let mut lines = vec![Complex32::default(); BLOCK * nx];
            let mut scratch = vec![Complex32::default(); fft.get_inplace_scratch_len()];
            let first = block * BLOCK;
            let count = BLOCK.min(height - first);
            for (plane, image) in images.chunks_exact(height * width).enumerate() {
                for (i, line) in lines.chunks_exact_mut(nx).take(count).enumerate() {
                    let start = (first + i) * width;
                    let coil = coil.map(|map| &map[start..start + width]);
                    self.load(&image[start..start + width], coil, self.factors[0][first + i], line);
                }
                fft.process_with_scratch(&mut lines[..count * nx], &mut scratch);
                transpose(&lines, nx, &mut rows[plane * BLOCK..], planes * BLOCK);
            }
        });
    }

    /// One image row times its factors, in the order of the grid's bins.
    fn load(&self, row: &[Complex32], coil: Option<&[Complex32]>, factor: f32, line: &mut [Complex32]) {
        let half = row.len() / 2;
        let (positive, tail) = (row.len() - half, line.len() - half);
        let weights = &self.factors[1];
        let mut copy = |target: usize, pixels: std::ops::Range<usize>| {
            let target = &mut line[target..target + pixels.len()];
            for ((out, value), weight) in target.iter_mut().zip(&row[pixels.clone()]).zip(&weights[pixels.clone()]) {
                *out = value * (weight * factor);
            }
            if let Some(coil) = coil {
                target.iter_mut().zip(&coil[pixels]).for_each(|(out, map)| *out *= map);
            }
        };
        copy(0, half..row.len());
        copy(tail, 0..half);
        line[positive..tail].fill(Complex32::default());
    }

    /// Fills `lines` (plane, grid y) with column `x` of row blocks and transforms along y.
    pub fn forward_column(&self, rows: &[Complex32], x: usize, lines: &mut [Complex32], scratch: &mut [Complex32]) {
        let (height, ny) = (self.image[0], self.grid[0]);
        let planes = lines.len() / ny;
        let stride = self.grid[1] * planes * BLOCK;
        let (half, positive) = (height / 2, height - height / 2);
        for (block, rows) in rows.chunks_exact(stride).enumerate() {
            let first = block * BLOCK;
            let count = BLOCK.min(height - first);
            let column = &rows[x * planes * BLOCK..][..planes * BLOCK];
            for (line, values) in lines.chunks_exact_mut(ny).zip(column.chunks_exact(BLOCK)) {
                if first >= half {
                    line[first - half..][..count].copy_from_slice(&values[..count]);
                } else if first + count <= half {
                    line[first + ny - half..][..count].copy_from_slice(&values[..count]);
                } else {
                    (first..).zip(&values[..count]).for_each(|(y, value)| line[(y + ny - half) % ny] = *value);
                }
            }
        }
        lines.chunks_exact_mut(ny).for_each(|line| line[positive..ny - half].fill(Complex32::default()));
        self.forward[0].process_with_scratch(lines, scratch);
    }

    /// Transforms `lines` (plane, grid y) of column `x` back along y and puts the image's part into its column block.
    pub fn inverse_column(
        &self,
        lines: &mut [Complex32],
        x: usize,
        block: &mut [Complex32],
        scratch: &mut [Complex32],
    ) {
        let (height, ny) = (self.image[0], self.grid[0]);
        let half = height / 2;
        self.inverse[0].process_with_scratch(lines, scratch);
        for (line, plane) in lines.chunks_exact(ny).zip(block.chunks_exact_mut(height * BLOCK)) {
            let values = line[ny - half..].iter().chain(&line[..height - half]);
            plane.chunks_exact_mut(BLOCK).zip(values).for_each(|(cells, value)| cells[x % BLOCK] = *value);
        }
    }

    /// Transforms column blocks back along x and writes or adds the images (plane, y, x), multiplied by the factors
    /// and the conjugate of the coil's sensitivity.
    pub fn columns_to_images(
        &self,
        columns: &[Complex32],
        coil: Option<&[Complex32]>,
        add: bool,
        images: &mut [Complex32],
    ) {
        let [height, width] = self.image;
        let planes = images.len() / (height * width);
        images.par_chunks_mut(height * width).enumerate().for_each(|(plane, image)| {
            image.par_chunks_mut(ROWS * width).enumerate().for_each(|(task, rows)| {
                let first = task * ROWS;
                self.write_rows(columns, planes, plane, first, rows, coil, add);
            });
        });
    }

    #[allow(clippy::too_many_arguments, reason = "one task of columns_to_images, split off for its length")]
    fn write_rows(
        &self,
        columns: &[Complex32],
        planes: usize,
        plane: usize,
        first: usize,
        rows: &mut [Complex32],
        coil: Option<&[Complex32]>,
        add: bool,
    ) {
        let [height, width] = self.image;
        let nx = self.grid[1];
        let fft = &self.inverse[1];
        let count = rows.len() / width;
        let mut lines = vec![Complex32::default(); count * nx];
        let mut scratch = vec![Complex32::default(); fft.get_inplace_scratch_len()];
        for (block, cells) in columns.chunks_exact(self.column_block(planes)).enumerate() {
            let cells = &cells[(plane * height + first) * BLOCK..][..count * BLOCK];
            let x = block * BLOCK;
            let len = BLOCK.min(nx - x);
            for (line, cells) in lines.chunks_exact_mut(nx).zip(cells.chunks_exact(BLOCK)) {
                line[x..x + len].copy_from_slice(&cells[..len]);
            }
        }
        fft.process_with_scratch(&mut lines, &mut scratch);
        for (i, (line, row)) in lines.chunks_exact(nx).zip(rows.chunks_exact_mut(width)).enumerate() {
            let start = (first + i) * width;
            let coil = coil.map(|map| &map[start..start + width]);
            self.store(line, coil, self.factors[0][first + i], add, row);
        }
    }

    /// The image's part of one line times its factors.
    fn store(&self, line: &[Complex32], coil: Option<&[Complex32]>, factor: f32, add: bool, row: &mut [Complex32]) {
        let half = row.len() / 2;
        let weights = &self.factors[1];
        let mut copy = |source: &[Complex32], pixels: std::ops::Range<usize>| {
            let coil = coil.map(|map| &map[pixels.clone()]);
            let target = row[pixels.clone()].iter_mut().zip(source).zip(&weights[pixels]);
            for (i, ((out, value), weight)) in target.enumerate() {
                let value = value * (weight * factor);
                let value = coil.map_or(value, |map| value * map[i].conj());
                *out = if add { *out + value } else { value };
            }
        };
        copy(&line[..weights.len() - half], half..weights.len());
        copy(&line[line.len() - half..], 0..half);
    }

    /// Scratch that [`forward_column`](Self::forward_column) and [`inverse_column`](Self::inverse_column) need.
    pub fn column_scratch(&self) -> Vec<Complex32> {
        let len = self.forward[0].get_inplace_scratch_len().max(self.inverse[0].get_inplace_scratch_len());
        vec![Complex32::default(); len]
    }
}

/// Writes `lines` (BLOCK, n) as n groups of BLOCK values, `stride` apart.
fn transpose(lines: &[Complex32], n: usize, out: &mut [Complex32], stride: usize) {
    for x in 0..n {
        let cells = &mut out[x * stride..][..BLOCK];
        cells.iter_mut().zip(lines[x..].iter().step_by(n)).for_each(|(cell, value)| *cell = *value);
    }
}

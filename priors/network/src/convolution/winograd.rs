//! Winograd's minimal filtering F(2x2, 3x3): the transforms between pixels and points.
//!
//! A *tile* is 2 x 2 pixels of the output and the 4 x 4 pixels `d` of the input that they depend on. With the kernel `g`,
//! `y = A^T [(G g G^T) * (B^T d B)] A`: 16 products, one for each *point*, in the place of 36, and sums over the inputs take place
//! at the points.
//! ```text
//!       1  0 -1  0          1    0    0
//! B^T = 0  1  1  0    G =  1/2  1/2  1/2    A^T = 1  1  1  0
//!       0 -1  1  0         1/2 -1/2  1/2          0  1 -1 -1
//!       0  1  0 -1          0    0    1
//! ```
//! Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016. Larger tiles save more products and lose digits: the
//! entries of this one's matrices are so simple that f32 keeps its accuracy and bfloat16 remains usable.

use pulp::{Simd, WithSimd};

use crate::detection::Cpu;
use crate::products::tile_kernel::{COLUMNS, Left, ROWS, Tile};

/// Points of a tile.
pub const POINTS: usize = 16;

/// Pixels of a tile, row by row.
pub const PIXELS: usize = 4;

/// What a transform may read and write beyond the tiles that it is asked for.
pub const OVERRUN: usize = 16;

/// `G g G^T` of the kernels of some outputs, tap by tap.
#[inline(always)]
pub fn weight_points(taps: &[Left; 9]) -> [Left; POINTS] {
    let mut rows = [[[0.0; ROWS]; 3]; 4];
    for column in 0..3 {
        let points = kernel_points(&[taps[column], taps[3 + column], taps[6 + column]]);
        for y in 0..4 {
            rows[y][column] = points[y];
        }
    }
    let mut points = [[0.0; ROWS]; POINTS];
    for (row, points) in rows.iter().zip(points.as_chunks_mut::<4>().0) {
        *points = kernel_points(row);
    }
    points
}

/// `G g` of one row or column.
#[inline(always)]
fn kernel_points([a, b, c]: &[Left; 3]) -> [Left; 4] {
    let mut points = [*a, [0.0; ROWS], [0.0; ROWS], *c];
    for row in 0..ROWS {
        let ends = a[row] + c[row];
        points[1][row] = 0.5 * (ends + b[row]);
        points[2][row] = 0.5 * (ends - b[row]);
    }
    points
}

/// Four rows of an image with its border, the columns of which are dealt out to two rows: tile `t` reads the entries `t` and `t + 1`
/// of either.
pub type SplitRows<'a> = [[&'a [f32]; 2]; 4];

/// Writes point `p` of `tiles` tiles in a row, `B^T d B`, to `values[p * stride..]`.
///
/// Rows and values need [`OVERRUN`] entries more than are asked for; those of the values are overwritten.
pub fn transform_input(cpu: Cpu, rows: &SplitRows<'_>, tiles: usize, values: &mut [f32], stride: usize) {
    cpu.run(InputTransform { rows, tiles, values, stride });
}

struct InputTransform<'a> {
    rows: &'a SplitRows<'a>,
    tiles: usize,
    values: &'a mut [f32],
    stride: usize,
}

impl WithSimd for InputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, tiles, values, stride } = self;
        for tile in (0..tiles).step_by(S::F32_LANES) {
            let mut columns = [[simd.splat_f32s(0.0); 4]; 4];
            for (x, column) in columns.iter_mut().enumerate() {
                // Four pixels in a row of a tile are even, odd, and even, odd of the next entry.
                let half = |row: usize| &rows[row][x % 2][tile..][..S::F32_LANES + 1][x / 2..];
                let pixels = [vector::<S>(half(0)), vector::<S>(half(1)), vector::<S>(half(2)), vector::<S>(half(3))];
                *column = points(simd, pixels);
            }
            let [a, b, c, d] = columns;
            for y in 0..4 {
                for (x, point) in points(simd, [a[y], b[y], c[y], d[y]]).iter().enumerate() {
                    let start = (4 * y + x) * stride + tile;
                    S::as_mut_simd_f32s(&mut values[start..start + S::F32_LANES]).0[0] = *point;
                }
            }
        }
    }
}

// Functions rather than closures and `array::map`: those are not inlined into code of another instruction set.

/// `B^T d` of one row or column.
#[inline(always)]
fn points<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// `A^T m` of one row or column.
#[inline(always)]
fn pixels<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
}

/// The first values as a vector.
#[inline(always)]
fn vector<S: Simd>(values: &[f32]) -> S::f32s {
    S::as_simd_f32s(&values[..S::F32_LANES]).0[0]
}

/// Pixels `A^T m A` from one row of the sums at every point, for the `width` first tiles, a multiple of 16.
pub fn transform_output(
    cpu: Cpu,
    sums: &[Tile; POINTS],
    row: usize,
    width: usize,
    pixels: &mut [[f32; COLUMNS + OVERRUN]; PIXELS],
) {
    cpu.run(OutputTransform { sums, row, width, pixels });
}

struct OutputTransform<'a> {
    sums: &'a [Tile; POINTS],
    row: usize,
    width: usize,
    pixels: &'a mut [[f32; COLUMNS + OVERRUN]; PIXELS],
}

impl WithSimd for OutputTransform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for tile in (0..self.width).step_by(S::F32_LANES) {
            let mut columns = [[simd.splat_f32s(0.0); 2]; 4];
            for (x, column) in columns.iter_mut().enumerate() {
                let sum = |y: usize| vector::<S>(&self.sums[4 * y + x][self.row][tile..]);
                *column = pixels(simd, [sum(0), sum(1), sum(2), sum(3)]);
            }
            let [a, b, c, d] = columns;
            for y in 0..2 {
                for (x, pixel) in pixels(simd, [a[y], b[y], c[y], d[y]]).iter().enumerate() {
                    S::as_mut_simd_f32s(&mut self.pixels[2 * y + x][tile..tile + S::F32_LANES]).0[0] = *pixel;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(index: usize, seed: usize) -> f32 {
        ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0
    }

    /// Every instruction set that this processor has: the transforms around the products are the convolution.
    #[test]
    fn products_at_the_points_are_the_convolution() {
        for (cpu, tiles) in Cpu::available().into_iter().flat_map(|cpu| [1, 7, 16, 37].map(|tiles| (cpu, tiles))) {
            let half = tiles + 1 + OVERRUN;
            let halves: Vec<Vec<f32>> = (0..8).map(|seed| (0..half).map(|x| value(x, seed)).collect()).collect();
            let rows: SplitRows<'_> = std::array::from_fn(|y| [&halves[2 * y][..], &halves[2 * y + 1][..]]);
            let stride = COLUMNS + OVERRUN;
            let mut values = vec![f32::NAN; POINTS * stride];
            transform_input(cpu, &rows, tiles, &mut values, stride);
            let taps: [Left; 9] = std::array::from_fn(|tap| std::array::from_fn(|row| value(tap, 10 + row)));
            let weights = weight_points(&taps);
            let mut sums = [[[f32::NAN; COLUMNS]; ROWS]; POINTS];
            for (point, sums) in sums.iter_mut().enumerate() {
                for (sums, weight) in sums.iter_mut().zip(weights[point]) {
                    let values = &values[point * stride..][..tiles];
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = weight * value);
                }
            }
            (0..ROWS).for_each(|row| {
                let mut pixels = [[0.0; COLUMNS + OVERRUN]; PIXELS];
                transform_output(cpu, &sums, row, tiles.next_multiple_of(16), &mut pixels);
                for (tile, pixel) in (0..tiles).flat_map(|tile| (0..PIXELS).map(move |pixel| (tile, pixel))) {
                    let product = |tap: usize| {
                        let (y, x) = (pixel / 2 + tap / 3, pixel % 2 + tap % 3);
                        taps[tap][row] * rows[y][x % 2][tile + x / 2]
                    };
                    let error = pixels[pixel][tile] - (0..9).map(product).sum::<f32>();
                    assert!(error.abs() < 4e-6, "{} {tiles} {row} {tile} {pixel}: {error}", cpu.name());
                }
            });
        }
    }
}

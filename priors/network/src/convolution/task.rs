//! What every method of convolution has in common: its tasks, and the strips of the input that stay in a core's caches.

use crate::convolution::geometry::{Conv2dGeometry, PlaneSource};
use crate::convolution::packed_weight::PackedWeight;
use crate::products::precision::{Precision, write_pairs};

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

impl Convolution<'_> {
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

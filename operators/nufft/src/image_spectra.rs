//! The Fourier transform of images as a smooth function of position in k-space.

use diph_fourier::plan_pair;
use ndarray::ArrayView3;
use num_complex::Complex32;

use crate::grid_plan::smooth_size;
use crate::kaiser_bessel::KaiserBessel;

/// Cells of the window: with a grid twice as fine as the image its aliasing stays below 1e-6.
const WIDTH: usize = 8;
/// Degree of the polynomials that stand for the window's pieces.
const DEGREE: usize = 10;

/// Fourier transform of one image at one position, with its derivatives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpectrumPoint {
    /// `sum over r of x(r) exp(-2 pi i k.(r - N/2))`, without any scale.
    pub value: Complex32,
    /// Derivatives of the value to ky and kx, per cycle per pixel.
    pub gradient: [Complex32; 2],
}

/// The Fourier transforms of several images, ready to be read with their derivatives at any position.
///
/// [`Nufft`](crate::Nufft) is the tool for positions that are known before; this one serves searches for positions, where
/// every step asks for others. The images are transformed once, to a grid twice as fine; reading interpolates with a
/// Kaiser-Bessel window of 8 cells and, for the derivatives, with the window's own.
pub struct ImageSpectra {
    planes: usize,
    grid: [usize; 2],
    /// Polynomials of the window's pieces along y and x.
    windows: [Vec<Vec<f64>>; 2],
    /// (cell y, cell x, plane).
    cells: Vec<Complex32>,
}

impl ImageSpectra {
    /// Transforms images (plane, y, x).
    pub fn new(images: ArrayView3<'_, Complex32>) -> Self {
        let (planes, height, width) = images.dim();
        let lengths = [height, width];
        let grid = lengths.map(|length| smooth_size((2 * length).max(2 * WIDTH)));
        let windows = [0, 1].map(|axis| KaiserBessel::new(WIDTH, grid[axis] as f64 / lengths[axis].max(1) as f64));
        let gains = [0, 1].map(|axis| gains(&windows[axis], lengths[axis], grid[axis]));
        let wrap = |index: usize, axis: usize| (index + grid[axis] - lengths[axis] / 2) % grid[axis];

        let mut cells = vec![Complex32::default(); grid[0] * grid[1] * planes];
        let mut plane = vec![Complex32::default(); grid[0] * grid[1]];
        for (p, image) in images.outer_iter().enumerate() {
            plane.fill(Complex32::default());
            for ((y, x), value) in image.indexed_iter() {
                plane[wrap(y, 0) * grid[1] + wrap(x, 1)] = value * gains[0][y] * gains[1][x];
            }
            transform(&mut plane, grid);
            cells[p..].iter_mut().step_by(planes).zip(&plane).for_each(|(cell, value)| *cell = *value);
        }
        Self { planes, grid, windows: windows.map(|window| window.polynomials(DEGREE)), cells }
    }

    /// Number of images.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Reads all images at the position (ky, kx) in cycles per pixel, which is periodic. `points` has one entry an image;
    /// entries beyond are left as they are.
    pub fn read(&self, position: [f64; 2], points: &mut [SpectrumPoint]) {
        points.iter_mut().take(self.planes).for_each(|point| *point = SpectrumPoint::default());
        let [(top, weights_y), (left, weights_x)] = [0, 1].map(|axis| self.weights(axis, position[axis]));
        for (i, [value_y, slope_y]) in weights_y.into_iter().enumerate() {
            let row = (top + i) % self.grid[0] * self.grid[1];
            for (j, [value_x, slope_x]) in weights_x.into_iter().enumerate() {
                let first = (row + (left + j) % self.grid[1]) * self.planes;
                let cells = &self.cells[first..first + self.planes];
                let [value, along_y, along_x] = [value_y * value_x, slope_y * value_x, value_y * slope_x];
                for (point, cell) in points.iter_mut().zip(cells) {
                    point.value += cell * value;
                    point.gradient[0] += cell * along_y;
                    point.gradient[1] += cell * along_x;
                }
            }
        }
    }

    /// The first cell under the window along an axis, and the window's value and slope at every cell.
    fn weights(&self, axis: usize, position: f64) -> (usize, [[f32; 2]; WIDTH]) {
        let length = self.grid[axis] as f64;
        let centre = position.rem_euclid(1.0) * length;
        let first = (centre - WIDTH as f64 / 2.0).ceil();
        // Distance of cell i from the centre is first + i - centre, in the window's piece i at the place t in [-1, 1].
        let t = 2.0 * (first - centre + WIDTH as f64 / 2.0) - 1.0;
        let weights = std::array::from_fn(|i| {
            let (value, slope) = value_and_slope(&self.windows[axis][i], t);
            // t runs over 2 while the distance runs over one cell, and falls while the position rises.
            [value as f32, (-2.0 * length * slope) as f32]
        });
        ((first + length) as usize % self.grid[axis], weights)
    }
}

/// What pixels along an axis are multiplied with, so that interpolation gives them back.
fn gains(window: &KaiserBessel, length: usize, grid: usize) -> Vec<f32> {
    let frequency = |index: usize| (index as f64 - (length / 2) as f64) / grid as f64;
    (0..length).map(|index| (1.0 / window.transform(frequency(index))) as f32).collect()
}

/// Horner's scheme for a polynomial and its derivative.
fn value_and_slope(powers: &[f64], t: f64) -> (f64, f64) {
    powers.iter().rev().fold((0.0, 0.0), |(value, slope), c| (value * t + c, slope * t + value))
}

/// Fourier transform of one plane (y, x) along both axes, in place.
fn transform(plane: &mut [Complex32], grid: [usize; 2]) {
    let [rows, _] = plan_pair(grid[1]);
    let [columns, _] = plan_pair(grid[0]);
    rows.process(plane);
    let mut column = vec![Complex32::default(); grid[0]];
    for x in 0..grid[1] {
        column.iter_mut().zip(plane[x..].iter().step_by(grid[1])).for_each(|(to, from)| *to = *from);
        columns.process(&mut column);
        plane[x..].iter_mut().step_by(grid[1]).zip(&column).for_each(|(to, from)| *to = *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use num_complex::Complex64;
    use std::f64::consts::TAU;

    #[test]
    fn values_and_derivatives_are_those_of_the_direct_sum() {
        let (height, width) = (13, 18);
        let images = Array3::from_shape_fn((2, height, width), |(p, y, x)| {
            Complex32::new(((p + 2 * y + 3 * x) % 7) as f32 - 3.0, ((5 * p + y * x) % 5) as f32)
        });
        let spectrum = ImageSpectra::new(images.view());
        let mut points = [SpectrumPoint::default(); 2];
        for position in [[0.0, 0.0], [0.13, -0.37], [-0.499, 0.5], [0.2501, 0.0371]] {
            spectrum.read(position, &mut points);
            for (plane, point) in points.iter().enumerate() {
                let mut exact = [Complex64::default(); 3];
                for ((y, x), value) in images.index_axis(ndarray::Axis(0), plane).indexed_iter() {
                    let r = [y as f64 - (height / 2) as f64, x as f64 - (width / 2) as f64];
                    let phase = -TAU * (position[0] * r[0] + position[1] * r[1]);
                    let term = Complex64::new(value.re.into(), value.im.into()) * Complex64::from_polar(1.0, phase);
                    exact[0] += term;
                    exact[1] += term * Complex64::new(0.0, -TAU * r[0]);
                    exact[2] += term * Complex64::new(0.0, -TAU * r[1]);
                }
                let found = [point.value, point.gradient[0], point.gradient[1]];
                for ((found, exact), tolerance) in found.iter().zip(exact).zip([2e-3, 0.1, 0.1]) {
                    let difference = Complex64::new(found.re.into(), found.im.into()) - exact;
                    assert!(difference.norm() < tolerance, "at {position:?}: {found} against {exact}");
                }
            }
        }
    }
}

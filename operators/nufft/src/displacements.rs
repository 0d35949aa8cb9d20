//! Functions of the displacement between two pixels.

use diph_fourier::{PaddedFft, plan_pair};
use num_complex::Complex32;
use rayon::prelude::*;

/// A function t of the displacement d between two pixels of an image with `t(-d) = conj t(d)`: what a Hermitian Toeplitz
/// matrix is made of.
///
/// Stored for displacements (dy, dx) with dy from 0 to the height of the image and dx along the padded grid, negative ones
/// at its end; the other half of the values are conjugates of these.
pub(crate) struct Displacements {
    grid_width: usize,
    values: Vec<Complex32>,
}

impl Displacements {
    /// The unnormalised inverse Fourier transform of a real spectrum on a padded grid (y, x), whose columns (grid y) come in
    /// the order of x, for images of so many rows.
    pub fn from_spectrum<'a>(columns: impl Iterator<Item = &'a [f32]>, grid: [usize; 2], height: usize) -> Self {
        let [ny, nx] = grid;
        let mut spread: Vec<Complex32> = columns.flatten().map(|value| Complex32::from(*value)).collect();
        plan_pair(ny)[1].process(&mut spread);
        let mut values = Vec::with_capacity(height * nx);
        for dy in 0..height {
            values.extend(spread[dy..].iter().step_by(ny));
        }
        plan_pair(nx)[1].process(&mut values);
        Self { grid_width: nx, values }
    }

    /// `sum over c and r of conj(S_c(r)) S_c(r - d)` of the sensitivities of coils (coil, y, x), divided by the number of pixels:
    /// the mean over all pixels of the image by which the coils multiply the value of a convolution at distance d. Without
    /// coils it is the share of the pixels that have a partner at distance d.
    pub fn overlap(coil_maps: Option<&[Complex32]>, image: [usize; 2], grid: [usize; 2]) -> Self {
        let [height, width] = image;
        let everywhere = vec![Complex32::ONE; if coil_maps.is_none() { height * width } else { 0 }];
        let maps = coil_maps.unwrap_or(&everywhere);
        let coils = maps.len() / (height * width);
        let fft = PaddedFft::new(image, grid, image.map(|n| vec![1.0; n]));
        let mut rows = vec![Complex32::default(); fft.row_blocks_len(coils)];
        fft.images_to_rows(maps, None, &mut rows);
        let mut powers = vec![0.0f32; grid[0] * grid[1]];
        let factor = 1.0 / (powers.len() * height * width) as f32;
        powers.par_chunks_mut(grid[0]).enumerate().for_each(|(x, column)| {
            let mut lines = vec![Complex32::default(); coils * grid[0]];
            fft.forward_column(&rows, x, &mut lines, &mut fft.column_scratch());
            for line in lines.chunks_exact(grid[0]) {
                column.iter_mut().zip(line).for_each(|(power, value)| *power += factor * value.norm_sqr());
            }
        });
        let mut overlap = Self::from_spectrum(powers.chunks_exact(grid[0]), grid, height);
        // A power spectrum has the sum of S(r) conj(S(r - d)).
        overlap.values.iter_mut().for_each(|value| *value = value.conj());
        overlap
    }

    /// The values at this distance along y, from dx = 0, negative ones at the end.
    pub fn row(&self, dy: usize) -> &[Complex32] {
        &self.values[dy * self.grid_width..][..self.grid_width]
    }

    /// The product with another function of the same grid, (y, x), added up over all displacements between pixels of `image` that
    /// `period`, at least as long, makes one.
    pub fn fold_product(&self, other: &Self, image: [usize; 2], period: [usize; 2]) -> Vec<Complex32> {
        let ([height, width], [rows, columns]) = (image.map(|n| n as isize), period.map(|n| n as isize));
        // Of displacements with dy >= 0; beyond the image there are none.
        let half = |dy: isize, dx: isize| -> Complex32 {
            if dy >= height || dx.abs() >= width {
                return Complex32::ZERO;
            }
            let (dy, dx) = (dy as usize, dx.rem_euclid(self.grid_width as isize) as usize);
            self.row(dy)[dx] * other.row(dy)[dx]
        };
        let at = |dy: isize, dx: isize| if dy < 0 { half(-dy, -dx).conj() } else { half(dy, dx) };
        let sum = |y: isize, x: isize| at(y, x) + at(y, x - columns) + at(y - rows, x) + at(y - rows, x - columns);
        (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))).map(|(y, x)| sum(y, x)).collect()
    }
}

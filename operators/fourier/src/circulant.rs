//! Periodic convolutions of several images with a matrix of kernels.

use std::sync::Arc;

use diph_core::{Error, Result};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::symmetric::{multiply, pairs, solve};
use crate::{Fft, plan_pair};

/// Lines that are transposed together: eight complex numbers fill a cache line.
const BLOCK: usize = 8;

const NAME: &str = "circulant";

/// A linear map of K images that a Fourier transform takes apart into one real symmetric K x K matrix per frequency: a
/// K x K matrix of periodic convolutions, block-circulant with circulant blocks.
///
/// With the unitary transform F of every image, `T = F^H M F`; [`multiply`](Self::multiply) applies `T` and
/// [`solve`](Self::solve) `(T + rho I)^-1`. Matrices are the same at f and -f where the kernels are real, but need not be.
///
/// Images are (plane, y, x) or (plane, z, y, x). Both maps run on all of rayon's threads and give the same bits
/// whatever their number.
///
/// ```
/// use diph_fourier::Circulant;
/// use num_complex::Complex32;
/// // Twice the identity on two images of 4 x 6 pixels; pairs (0,0), (0,1), (1,1).
/// let matrices = [[2.0; 24], [0.0; 24], [2.0; 24]].concat();
/// let twice = Circulant::new(2, &[4, 6], &matrices)?;
/// let images = vec![Complex32::from(1.0); 48];
/// let mut out = images.clone();
/// twice.solve(1.0, &images, &mut out)?;
/// assert!(out.iter().all(|value| (value - 1.0 / 3.0).norm() < 1e-6));
/// # Ok::<(), diph_core::Error>(())
/// ```
pub struct Circulant {
    planes: usize,
    /// Spatial lengths, slowest first: one before the last one or two.
    lengths: Vec<usize>,
    /// Of every axis the forward plan and the inverse one.
    plans: Vec<[Arc<dyn Fft<f32>>; 2]>,
    /// (position along the faster axes, pair, position along the slowest axis).
    matrices: Vec<f32>,
}

/// Which of two plans.
#[derive(Clone, Copy)]
enum Way {
    Forward,
    Inverse,
}

impl Circulant {
    /// A map of `planes` images with two or three spatial `lengths`, slowest first. `matrices` are (pair, [z,] y, x): the
    /// entries on and above the diagonal in the order (0,0), (0,1), .. (0,K-1), (1,1), .., each at the frequencies in
    /// the order of the discrete Fourier transform, 0 first.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when there are not two or three lengths above zero, [`Error::Shape`] when the number of
    /// matrices does not fit, [`Error::NotFinite`] when an entry is NaN or infinite.
    pub fn new(planes: usize, lengths: &[usize], matrices: &[f32]) -> Result<Self> {
        let pixels: usize = lengths.iter().product();
        if !(2..=3).contains(&lengths.len()) || pixels == 0 || planes == 0 {
            let got = format!("{planes} images of {lengths:?}");
            return Err(Error::incompatible(NAME, "images of two or three spatial lengths above zero", got));
        }
        check_length("matrices (pair, frequency)", pairs(planes) * pixels, matrices.len())?;
        if let Some(index) = matrices.iter().position(|entry| !entry.is_finite()) {
            return Err(Error::NotFinite { operation: NAME.into(), role: "matrices".into(), index });
        }
        let (slow, fast) = (lengths[0], pixels / lengths[0]);
        let mut sorted = vec![0.0; matrices.len()];
        sorted.par_chunks_mut(pairs(planes) * slow).enumerate().for_each(|(position, sorted)| {
            for (pair, line) in sorted.chunks_exact_mut(slow).enumerate() {
                let entries = matrices[pair * pixels + position..].iter().step_by(fast);
                line.iter_mut().zip(entries).for_each(|(sorted, entry)| *sorted = *entry);
            }
        });
        let plans = lengths.iter().map(|length| plan_pair(*length)).collect();
        Ok(Self { planes, lengths: lengths.to_vec(), plans, matrices: sorted })
    }

    /// Number of images.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Spatial lengths, slowest first.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The matrices as [`new`](Self::new) takes them, (pair, [z,] y, x).
    pub fn matrices(&self) -> Vec<f32> {
        let (slow, fast) = (self.slow(), self.fast());
        let mut matrices = vec![0.0; self.matrices.len()];
        matrices.par_chunks_mut(fast).enumerate().for_each(|(line, row)| {
            let (pair, y) = (line / slow, line % slow);
            let entries = self.matrices[pair * slow + y..].iter().step_by(pairs(self.planes) * slow);
            row.iter_mut().zip(entries).for_each(|(entry, sorted)| *entry = *sorted);
        });
        matrices
    }

    /// `out = T x`.
    ///
    /// # Errors
    /// [`Error::Shape`] when `x` or `out` has another number of values.
    pub fn multiply(&self, x: &[Complex32], out: &mut [Complex32]) -> Result<()> {
        self.filter(x, out, |matrices, lines| multiply(matrices, lines, self.planes))
    }

    /// `out = (T + rho I)^-1 x`. The matrices plus `rho` on their diagonals must be positive definite.
    ///
    /// # Errors
    /// [`Error::Shape`] when `x` or `out` has another number of values.
    pub fn solve(&self, rho: f32, x: &[Complex32], out: &mut [Complex32]) -> Result<()> {
        self.filter(x, out, |matrices, lines| solve(matrices, rho, lines, self.planes))
    }

    fn slow(&self) -> usize {
        self.lengths[0]
    }

    /// Positions along all axes but the slowest.
    fn fast(&self) -> usize {
        self.lengths[1..].iter().product()
    }

    /// Transforms, changes the `lines` (plane, frequency along the slowest axis) at every frequency of the faster axes
    /// with the matrices there, and transforms back.
    fn filter(
        &self,
        x: &[Complex32],
        out: &mut [Complex32],
        change: impl Fn(&[f32], &mut [Complex32]) + Sync,
    ) -> Result<()> {
        let (planes, slow, fast) = (self.planes, self.slow(), self.fast());
        check_length("images", planes * slow * fast, x.len())?;
        check_length("result", planes * slow * fast, out.len())?;
        let mut rows = vec![Complex32::default(); slow.div_ceil(BLOCK) * fast * planes * BLOCK];
        rows.par_chunks_mut(fast * planes * BLOCK).enumerate().for_each(|(block, rows)| self.load_rows(x, block, rows));
        let mut columns = vec![Complex32::default(); fast.div_ceil(BLOCK) * planes * slow * BLOCK];
        columns.par_chunks_mut(planes * slow * BLOCK).enumerate().for_each(|(block, columns)| {
            let mut lines = vec![Complex32::default(); planes * slow];
            let mut scratch = vec![Complex32::default(); self.scratch_len(0)];
            for position in block * BLOCK..fast.min((block + 1) * BLOCK) {
                self.gather_column(&rows, position, &mut lines);
                self.plans[0][0].process_with_scratch(&mut lines, &mut scratch);
                let matrices = pairs(planes) * slow;
                change(&self.matrices[position * matrices..][..matrices], &mut lines);
                self.plans[0][1].process_with_scratch(&mut lines, &mut scratch);
                for (line, cells) in lines.chunks_exact(slow).zip(columns.chunks_exact_mut(slow * BLOCK)) {
                    let cells = cells[position % BLOCK..].iter_mut().step_by(BLOCK);
                    cells.zip(line).for_each(|(cell, value)| *cell = *value);
                }
            }
        });
        out.par_chunks_mut(slow * fast).enumerate().for_each(|(plane, image)| {
            image.par_chunks_mut(BLOCK * fast).enumerate().for_each(|(block, rows)| {
                self.store_rows(&columns, plane, block * BLOCK, rows);
            });
        });
        Ok(())
    }

    /// Transforms BLOCK positions of the slowest axis along the faster ones, into (faster position, plane, position).
    fn load_rows(&self, x: &[Complex32], block: usize, rows: &mut [Complex32]) {
        let (planes, slow, fast) = (self.planes, self.slow(), self.fast());
        let first = block * BLOCK;
        let count = BLOCK.min(slow - first);
        let mut lines = vec![Complex32::default(); count * fast];
        for plane in 0..planes {
            lines.copy_from_slice(&x[(plane * slow + first) * fast..][..count * fast]);
            self.transform_fast(&mut lines, Way::Forward);
            for (position, cells) in rows.chunks_exact_mut(planes * BLOCK).enumerate() {
                let values = lines[position..].iter().step_by(fast);
                cells[plane * BLOCK..].iter_mut().zip(values).for_each(|(cell, value)| *cell = *value);
            }
        }
    }

    fn gather_column(&self, rows: &[Complex32], position: usize, lines: &mut [Complex32]) {
        let (planes, slow) = (self.planes, self.slow());
        for (block, rows) in rows.chunks_exact(self.fast() * planes * BLOCK).enumerate() {
            let first = block * BLOCK;
            let count = BLOCK.min(slow - first);
            let cells = rows[position * planes * BLOCK..].chunks_exact(BLOCK);
            for (line, cells) in lines.chunks_exact_mut(slow).zip(cells) {
                line[first..first + count].copy_from_slice(&cells[..count]);
            }
        }
    }

    /// Transforms some positions of the slowest axis back along the faster ones and normalises.
    fn store_rows(&self, columns: &[Complex32], plane: usize, first: usize, rows: &mut [Complex32]) {
        let (planes, slow, fast) = (self.planes, self.slow(), self.fast());
        let count = rows.len() / fast;
        for (block, columns) in columns.chunks_exact(planes * slow * BLOCK).enumerate() {
            let cells = &columns[(plane * slow + first) * BLOCK..][..count * BLOCK];
            let (start, len) = (block * BLOCK, BLOCK.min(fast - block * BLOCK));
            for (row, cells) in rows.chunks_exact_mut(fast).zip(cells.chunks_exact(BLOCK)) {
                row[start..start + len].copy_from_slice(&cells[..len]);
            }
        }
        self.transform_fast(rows, Way::Inverse);
        let scale = 1.0 / (slow * fast) as f32;
        rows.iter_mut().for_each(|value| *value *= scale);
    }

    /// Transforms rows (.., x) or slabs (.., y, x) in place.
    fn transform_fast(&self, lines: &mut [Complex32], way: Way) {
        let last = self.lengths.len() - 1;
        let mut scratch = vec![Complex32::default(); self.scratch_len(last)];
        self.plans[last][way as usize].process_with_scratch(lines, &mut scratch);
        let &[_, height, width] = self.lengths.as_slice() else { return };
        let mut turned = vec![Complex32::default(); height * width];
        let mut scratch = vec![Complex32::default(); self.scratch_len(1)];
        for slab in lines.chunks_exact_mut(height * width) {
            for (x, column) in turned.chunks_exact_mut(height).enumerate() {
                column.iter_mut().zip(slab[x..].iter().step_by(width)).for_each(|(cell, value)| *cell = *value);
            }
            self.plans[1][way as usize].process_with_scratch(&mut turned, &mut scratch);
            for (x, column) in turned.chunks_exact(height).enumerate() {
                slab[x..].iter_mut().step_by(width).zip(column).for_each(|(cell, value)| *cell = *value);
            }
        }
    }

    fn scratch_len(&self, axis: usize) -> usize {
        self.plans[axis].iter().map(|plan| plan.get_inplace_scratch_len()).max().unwrap_or_default()
    }
}

fn check_length(role: &str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Shape { operation: NAME.into(), role: role.into(), expected: vec![expected], got: vec![got] })
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::pair;

    fn noise(len: usize, rng: &mut ChaCha8Rng) -> Vec<Complex32> {
        (0..len).map(|_| Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))).collect()
    }

    /// Positive definite matrices: B B^T + 0.1.
    fn matrices(planes: usize, pixels: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut matrices = vec![0.0; pairs(planes) * pixels];
        for frequency in 0..pixels {
            let b: Vec<f32> = (0..planes * planes).map(|_| rng.random_range(-1.0..1.0)).collect();
            for i in 0..planes {
                for j in i..planes {
                    let product: f32 = (0..planes).map(|k| b[i * planes + k] * b[j * planes + k]).sum();
                    matrices[pair(planes, i, j) * pixels + frequency] = product + if i == j { 0.1 } else { 0.0 };
                }
            }
        }
        matrices
    }

    /// The sum over all frequencies, in double precision.
    fn direct(lengths: &[usize], planes: usize, matrices: &[f32], x: &[Complex32]) -> Vec<Complex64> {
        let pixels: usize = lengths.iter().product();
        let place = |mut index: usize| -> Vec<usize> {
            let mut place: Vec<usize> = lengths.iter().rev().map(|n| (index % n, index /= n).0).collect();
            place.reverse();
            place
        };
        let phase = |f: usize, r: usize| {
            let turns: f64 =
                place(f).iter().zip(place(r)).zip(lengths).map(|((f, r), n)| (f * r) as f64 / *n as f64).sum();
            Complex64::from_polar(1.0, std::f64::consts::TAU * turns)
        };
        let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
        let mut out = vec![Complex64::default(); x.len()];
        for f in 0..pixels {
            let spectrum: Vec<Complex64> = (0..planes)
                .map(|k| (0..pixels).map(|r| wide(&x[k * pixels + r]) * phase(f, r).conj()).sum())
                .collect();
            for i in 0..planes {
                let entry = |j: usize| f64::from(matrices[pair(planes, i, j) * pixels + f]);
                let mixed: Complex64 = (0..planes).map(|j| spectrum[j] * entry(j)).sum();
                for r in 0..pixels {
                    out[i * pixels + r] += mixed * phase(f, r) / pixels as f64;
                }
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn multiplies_as_the_direct_sum_and_solve_undoes_it(
            seed: u64, lengths in prop::collection::vec(1usize..12, 2..=3), planes in 1usize..6, rho in 0f32..2.0,
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let pixels: usize = lengths.iter().product();
            prop_assume!(pixels <= 300);
            let matrices = matrices(planes, pixels, &mut rng);
            let circulant = Circulant::new(planes, &lengths, &matrices).unwrap();
            prop_assert_eq!(circulant.matrices(), matrices.clone());
            let x = noise(planes * pixels, &mut rng);
            let mut product = x.clone();
            circulant.multiply(&x, &mut product).unwrap();
            for (value, expected) in product.iter().zip(direct(&lengths, planes, &matrices, &x)) {
                prop_assert!((Complex64::new(value.re.into(), value.im.into()) - expected).norm() < 1e-4);
            }
            product.iter_mut().zip(&x).for_each(|(product, x)| *product += x * rho);
            let mut back = x.clone();
            circulant.solve(rho, &product, &mut back).unwrap();
            for (value, expected) in back.iter().zip(&x) {
                prop_assert!((value - expected).norm() < 1e-3, "{} {}", value, expected);
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for lengths in [&[46, 35][..], &[5, 14, 23]] {
            let pixels: usize = lengths.iter().product();
            let circulant = Circulant::new(5, lengths, &matrices(5, pixels, &mut rng)).unwrap();
            let x = noise(5 * pixels, &mut rng);
            let run = |threads| {
                let mut out = x.clone();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| circulant.solve(0.5, &x, &mut out)).unwrap();
                out
            };
            assert!(run(1) == run(3));
        }
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(matches!(Circulant::new(1, &[4], &[0.0; 4]), Err(Error::Incompatible { .. })));
        assert!(matches!(Circulant::new(1, &[4, 0], &[]), Err(Error::Incompatible { .. })));
        assert!(matches!(Circulant::new(2, &[2, 2], &[0.0; 11]), Err(Error::Shape { .. })));
        assert!(matches!(Circulant::new(1, &[2, 2], &[f32::NAN; 4]), Err(Error::NotFinite { .. })));
        let circulant = Circulant::new(1, &[2, 2], &[1.0; 4]).unwrap();
        let mut out = [Complex32::default(); 3];
        assert!(matches!(circulant.multiply(&[Complex32::default(); 4], &mut out), Err(Error::Shape { .. })));
    }
}

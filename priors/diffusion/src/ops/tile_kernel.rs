//! The inner product that convolution and its gradients are made of.

use pulp::{Arch, Simd, WithSimd};

/// Rows of a tile: output channels that share every load of the right factor.
pub const ROWS: usize = 8;

/// Columns of the widest tile: with 8 rows it fills 24 of the 32 AVX-512 registers.
pub const COLUMNS: usize = 48;

/// Left factor, a few rows wide: one entry for each term of the sum.
pub type Left = [f32; ROWS];

/// The right factor: a row of `width` values for each term of the sum, at the term's offset. Rows may overlap, which is
/// what makes a convolution a matrix product without copies.
pub struct Right<'a> {
    pub values: &'a [f32],
    pub offsets: &'a [usize],
}

/// `tile[r][c] += sum_k left[k][r] * right_k[c]`, for the `width <= COLUMNS` first columns.
///
/// `width` is a multiple of 16. The order of the sum is that of `left`, whatever the instruction set.
pub fn multiply_add(tile: &mut [[f32; COLUMNS]; ROWS], width: usize, left: &[Left], right: &Right<'_>) {
    debug_assert!(width <= COLUMNS && width.is_multiple_of(16));
    Arch::new().dispatch(Product { tile, width, left, right });
}

struct Product<'a> {
    tile: &'a mut [[f32; COLUMNS]; ROWS],
    width: usize,
    left: &'a [Left],
    right: &'a Right<'a>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many accumulators as registers hold, beside one register for each column vector and one for the left factor.
        match (S::F32_LANES, self.width / 16) {
            (16, 3) => self.block::<S, 8, 3>(simd, 0, 0),
            (16, 2) => self.block::<S, 8, 2>(simd, 0, 0),
            (16, _) => self.block::<S, 8, 1>(simd, 0, 0),
            (8, 3) => self.blocks::<S, 4, 3>(simd),
            (8, _) => self.blocks::<S, 4, 2>(simd),
            _ => self.blocks::<S, 4, 4>(simd),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn blocks<S: Simd, const R: usize, const V: usize>(mut self, simd: S) {
        for column in (0..self.width).step_by(V * S::F32_LANES) {
            for row in (0..ROWS).step_by(R) {
                self.reborrow().block::<S, R, V>(simd, row, column);
            }
        }
    }

    #[inline(always)]
    fn reborrow(&mut self) -> Product<'_> {
        Product { tile: self.tile, width: self.width, left: self.left, right: self.right }
    }

    /// `R` rows and `V` vectors of the tile, kept in registers over the whole sum.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const V: usize>(self, simd: S, row: usize, column: usize) {
        let values = &self.right.values[column..];
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        // One loop, not one for channels and one for taps: with two, compilers keep the sums in memory in between.
        for (left, offset) in self.left.iter().zip(self.right.offsets) {
            let (vectors, _) = S::as_simd_f32s(&values[*offset..*offset + V * S::F32_LANES]);
            for r in 0..R {
                let factor = simd.splat_f32s(left[row + r]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(factor, vectors[v], sums[r][v]);
                }
            }
        }
        for (sums, tile) in sums.iter().zip(&mut self.tile[row..]) {
            let (vectors, _) = S::as_mut_simd_f32s(&mut tile[column..column + V * S::F32_LANES]);
            for (vector, sum) in vectors.iter_mut().zip(sums) {
                *vector = simd.add_f32s(*vector, *sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|index| ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    /// The definition, in f64.
    fn plain(width: usize, left: &[Left], right: &Right<'_>) -> Vec<f64> {
        let mut sums = vec![0.0; ROWS * width];
        for (term, left) in left.iter().enumerate() {
            for (row, left) in left.iter().enumerate() {
                for column in 0..width {
                    let value = right.values[right.offsets[term] + column];
                    sums[row * width + column] += f64::from(*left) * f64::from(value);
                }
            }
        }
        sums
    }

    /// Every instruction set that this processor has, not the best one only.
    #[test]
    fn every_instruction_set_matches_the_definition() {
        let offsets: Vec<usize> = (0..15).map(|term| term / 3 * 61 + [0, 3, 8][term % 3]).collect();
        let values = numbers(5 * 61, 1);
        let left: Vec<Left> =
            (0..offsets.len()).map(|term| numbers(ROWS, term).try_into().expect("as many as rows")).collect();
        let right = Right { values: &values, offsets: &offsets };
        for width in [16, 32, 48] {
            let expected = plain(width, &left, &right);
            let check = |name: &str, run: &dyn Fn(Product<'_>)| {
                let mut tile = [[1.0; COLUMNS]; ROWS];
                run(Product { tile: &mut tile, width, left: &left, right: &right });
                for (row, sums) in tile.iter().enumerate() {
                    for (column, sum) in sums.iter().enumerate() {
                        let added = if column < width { expected[row * width + column] } else { 0.0 };
                        assert!((f64::from(*sum) - 1.0 - added).abs() < 1e-5, "{name} {width} {row} {column}");
                    }
                }
            };
            check("best", &|product| Arch::new().dispatch(product));
            check("scalar", &|product| product.with_simd(pulp::Scalar::new()));
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                check("AVX2", &|product| Simd::vectorize(simd, product));
            }
        }
    }
}

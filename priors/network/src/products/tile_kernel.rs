//! The inner product that convolution and its data gradient are made of.

use multiversion::multiversion;
use pulp::{Simd, WithSimd};

use super::precision::{Precision, numbers};
use crate::detection::Cpu;

/// Rows of a tile: output channels that share every load of the right factor.
pub const ROWS: usize = 8;

/// Columns of the widest tile: with 8 rows it fills 24 of the 32 AVX-512 registers.
pub const COLUMNS: usize = 48;

/// Sums, of which a product may fill the first columns only.
pub type Tile = [[f32; COLUMNS]; ROWS];

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
/// `width` is a multiple of 16. The order of the sum is that of `left`, whatever the instruction set. With
/// [`Precision::Bf16`] every value of either factor is a pair of numbers in the place of one f32, and a term the sum of two
/// products.
pub fn multiply_add(tile: &mut Tile, width: usize, left: &[Left], right: &Right<'_>, precision: Precision) {
    Product { tile, add: true, width, left, right }.run(Cpu::chosen(), precision);
}

/// `tile[r][c] = sum_k left[k][r] * right_k[c]`, otherwise as [`multiply_add`].
pub fn multiply(tile: &mut Tile, width: usize, left: &[Left], right: &Right<'_>, precision: Precision) {
    Product { tile, add: false, width, left, right }.run(Cpu::chosen(), precision);
}

struct Product<'a> {
    tile: &'a mut Tile,
    /// Whether the product is added to the tile or takes its place.
    add: bool,
    width: usize,
    left: &'a [Left],
    right: &'a Right<'a>,
}

impl Product<'_> {
    #[inline(always)]
    fn run(self, cpu: Cpu, precision: Precision) {
        match (precision, cpu) {
            (Precision::F32, cpu) => cpu.run(self),
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16, Cpu::Avx512 { bf16: true, .. } | Cpu::Amx(_)) => {
                // SAFETY: the processor has AVX-512 with bfloat16, as was found out when `cpu` was made.
                unsafe {
                    match self.width / 16 {
                        3 => self.pairs_avx512::<3>(),
                        2 => self.pairs_avx512::<2>(),
                        _ => self.pairs_avx512::<1>(),
                    }
                }
            }
            (Precision::Bf16, _) => {
                if !self.add {
                    self.tile.iter_mut().for_each(|row| row[..self.width].fill(0.0));
                }
                pairs(self.tile, self.width, self.left, self.right);
            }
        }
    }

    /// The product of pairs, `V` vectors wide.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn pairs_avx512<const V: usize>(self) {
        use std::arch::x86_64::*;

        // SAFETY: both are 512 bits without invalid values.
        let as_pairs = |vector: __m512| unsafe { std::mem::transmute::<__m512, __m512bh>(vector) };
        let values = self.right.values;
        let mut sums = [[_mm512_setzero_ps(); V]; ROWS];
        for (left, offset) in self.left.iter().zip(self.right.offsets) {
            let (vectors, _) = values[*offset..*offset + 16 * V].as_chunks::<16>();
            // SAFETY: the pointer is that of 16 values.
            let vectors: [__m512bh; V] =
                std::array::from_fn(|v| as_pairs(unsafe { _mm512_loadu_ps(vectors[v].as_ptr()) }));
            for r in 0..ROWS {
                let factor = as_pairs(_mm512_set1_ps(left[r]));
                for v in 0..V {
                    sums[r][v] = _mm512_dpbf16_ps(sums[r][v], vectors[v], factor);
                }
            }
        }
        for (sums, row) in sums.iter().zip(self.tile) {
            for (sum, row) in sums.iter().zip(row.as_chunks_mut::<16>().0) {
                // SAFETY: the pointer is that of 16 values.
                unsafe {
                    let sum = if self.add { _mm512_add_ps(_mm512_loadu_ps(row.as_ptr()), *sum) } else { *sum };
                    _mm512_storeu_ps(row.as_mut_ptr(), sum);
                }
            }
        }
    }
}

/// The product of pairs on processors that do not have it.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn pairs(tile: &mut Tile, width: usize, left: &[Left], right: &Right<'_>) {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (left, offset) in left.iter().zip(right.offsets) {
        let values = &right.values[*offset..*offset + width];
        for (sums, left) in sums.iter_mut().zip(left) {
            let left = numbers(*left);
            for (sum, value) in sums.iter_mut().zip(values) {
                let value = numbers(*value);
                *sum += left[0] * value[0] + left[1] * value[1];
            }
        }
    }
    tile.iter_mut().zip(&sums).for_each(|(tile, sums)| tile.iter_mut().zip(sums).for_each(|(tile, sum)| *tile += sum));
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
        Product { tile: self.tile, add: self.add, width: self.width, left: self.left, right: self.right }
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
                *vector = if self.add { simd.add_f32s(*vector, *sum) } else { *sum };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::precision::pair;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|index| ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    fn products(left: f32, value: f32, precision: Precision) -> f64 {
        let product = |left, value| f64::from(left) * f64::from(value);
        let (lefts, values) = (numbers(left), numbers(value));
        match precision {
            Precision::F32 => product(left, value),
            Precision::Bf16 => product(lefts[0], values[0]) + product(lefts[1], values[1]),
        }
    }

    /// The definition, in f64.
    fn plain(width: usize, left: &[Left], right: &Right<'_>, precision: Precision) -> Vec<f64> {
        let mut sums = vec![0.0; ROWS * width];
        for (term, left) in left.iter().enumerate() {
            for (row, left) in left.iter().enumerate() {
                for column in 0..width {
                    let value = right.values[right.offsets[term] + column];
                    sums[row * width + column] += products(*left, value, precision);
                }
            }
        }
        sums
    }

    /// Every instruction set that this processor has, not the best one only.
    #[test]
    fn every_instruction_set_matches_the_definition() {
        let offsets: Vec<usize> = (0..15).map(|term| term / 3 * 61 + [0, 3, 8][term % 3]).collect();
        for precision in [Precision::F32, Precision::Bf16] {
            let stored = |count: usize, seed: usize| -> Vec<f32> {
                let (a, b) = (values(count, seed), values(count, seed + 50));
                match precision {
                    Precision::F32 => a,
                    Precision::Bf16 => a.iter().zip(&b).map(|(a, b)| pair(*a, *b)).collect(),
                }
            };
            let right_values = stored(5 * 61, 1);
            let left: Vec<Left> =
                (0..offsets.len()).map(|term| stored(ROWS, term).try_into().expect("as many as rows")).collect();
            let right = Right { values: &right_values, offsets: &offsets };
            let mut runs: Vec<(String, Cpu)> = Cpu::available().iter().map(|cpu| (cpu.name().into(), *cpu)).collect();
            runs.push(("chosen".into(), Cpu::chosen()));
            for (width, (name, cpu)) in
                [16, 32, 48].into_iter().flat_map(|width| runs.iter().map(move |run| (width, run)))
            {
                let expected = plain(width, &left, &right, precision);
                let mut tile = [[1.0; COLUMNS]; ROWS];
                Product { tile: &mut tile, add: true, width, left: &left, right: &right }.run(*cpu, precision);
                let mut alone = [[1.0; COLUMNS]; ROWS];
                Product { tile: &mut alone, add: false, width, left: &left, right: &right }.run(*cpu, precision);
                for (tile, alone) in tile.iter().flatten().zip(alone.iter().flatten()) {
                    assert!(*tile == 1.0 && *alone == 1.0 || (tile - 1.0 - alone).abs() < 1e-5, "{name} {precision:?}");
                }
                for (row, sums) in tile.iter().enumerate() {
                    for (column, sum) in sums.iter().enumerate() {
                        let added = if column < width { expected[row * width + column] } else { 0.0 };
                        let error = (f64::from(*sum) - 1.0 - added).abs();
                        assert!(error < 1e-5, "{name} {precision:?} {width} {row} {column}: {error}");
                    }
                }
            }
        }
    }
}

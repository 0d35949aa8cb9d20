//! The inner product that the weight's gradient is made of.

use multiversion::multiversion;
use pulp::{Simd, WithSimd};

use super::precision::{Bf16, widened};
use crate::detection::Cpu;

/// Planes of the left factor in a tile.
pub const ROWS: usize = 4;

/// Planes of the right factor in a tile: with 4 rows of sums it fills 24 of the 32 AVX-512 registers.
pub const COLUMNS: usize = 6;

/// Numbers of a plane that divide every length.
pub const LANES: usize = 32;

/// `sums[c][r]`.
pub type Sums = [[f32; ROWS]; COLUMNS];

/// Runs of several planes, all of one length, a multiple of [`LANES`].
///
/// `sums[c][r] = sum_p left[r][p] right[c][p]`: every lane of a register sums its own pixels, so that nothing has to be rearranged.
pub struct PlaneProducts<'a, N> {
    pub left: [&'a [N]; ROWS],
    pub right: [&'a [N]; COLUMNS],
}

impl<N> PlaneProducts<'_, N> {
    /// The length that all have.
    fn len(&self) -> usize {
        let len = self.left[0].len();
        let fits = |run: &&[N]| run.len() == len;
        assert!(
            len.is_multiple_of(LANES) && self.left.iter().all(fits) && self.right.iter().all(fits),
            "length of a run"
        );
        len
    }
}

/// The sums with AVX-512: how many numbers a register has, how it is loaded, and what adds to the sums.
#[cfg(target_arch = "x86_64")]
macro_rules! avx512 {
    ($products:expr, $numbers:literal, $load:expr, $multiply_add:ident) => {{
        let vectors = $products.len() / $numbers;
        let [left, right] = [&$products.left[..], &$products.right[..]];
        let mut sums = [[_mm512_setzero_ps(); ROWS]; COLUMNS];
        for first in (0..vectors).map(|vector| vector * $numbers) {
            // SAFETY: every run has `vectors` whole vectors, as `len` has checked, and every number of bits is a value.
            let left: [_; ROWS] = unsafe {
                [
                    $load(left[0].as_ptr().add(first)),
                    $load(left[1].as_ptr().add(first)),
                    $load(left[2].as_ptr().add(first)),
                    $load(left[3].as_ptr().add(first)),
                ]
            };
            for c in 0..COLUMNS {
                // SAFETY: as above.
                let value = unsafe { $load(right[c].as_ptr().add(first)) };
                for r in 0..ROWS {
                    sums[c][r] = $multiply_add!(sums[c][r], left[r], value);
                }
            }
        }
        let mut totals = [[0.0; ROWS]; COLUMNS];
        for c in 0..COLUMNS {
            let [a, b, c_, d] = sums[c];
            // Sums of four lanes of two registers, then of four: the lanes of a quarter are the four registers.
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c_, d), _mm512_unpackhi_ps(c_, d));
            let [ab, cd] = [_mm512_castps_pd(ab), _mm512_castps_pd(cd)];
            let lower = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
            let quarters = _mm512_add_ps(lower, _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
            let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(quarters)));
            let halves = _mm256_add_ps(_mm512_castps512_ps256(quarters), upper);
            let total = _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves));
            // SAFETY: the pointer is that of four values.
            unsafe { _mm_storeu_ps(totals[c].as_mut_ptr(), total) };
        }
        totals
    }};
}

#[cfg(target_arch = "x86_64")]
macro_rules! add_product {
    ($sum:expr, $left:expr, $right:expr) => {
        _mm512_fmadd_ps($left, $right, $sum)
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! add_pairs {
    ($sum:expr, $left:expr, $right:expr) => {
        _mm512_dpbf16_ps($sum, $left, $right)
    };
}

impl PlaneProducts<'_, f32> {
    /// The sums, on the processor's best instruction set.
    pub fn in_f32(&self) -> Sums {
        self.in_f32_on(Cpu::chosen())
    }

    fn in_f32_on(&self, cpu: Cpu) -> Sums {
        match cpu {
            // SAFETY: the processor has AVX-512, as was found out when the choice was made.
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx512 { .. } | Cpu::Amx(_) => unsafe { self.avx512() },
            cpu => cpu.run(Portable(self)),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn avx512(&self) -> Sums {
        use std::arch::x86_64::*;

        avx512!(self, 16, _mm512_loadu_ps, add_product)
    }
}

/// The sums on any instruction set.
struct Portable<'a, 'b>(&'a PlaneProducts<'b, f32>);

impl Portable<'_, '_> {
    /// `R` rows and `C` columns of the tile, the sums kept in registers.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const C: usize>(&self, simd: S, row: usize, column: usize, tile: &mut Sums) {
        let left: [&[S::f32s]; R] = std::array::from_fn(|r| S::as_simd_f32s(self.0.left[row + r]).0);
        let right: [&[S::f32s]; C] = std::array::from_fn(|c| S::as_simd_f32s(self.0.right[column + c]).0);
        let mut sums = [[simd.splat_f32s(0.0); R]; C];
        for index in 0..self.0.len() / S::F32_LANES {
            for c in 0..C {
                for r in 0..R {
                    sums[c][r] = simd.mul_add_e_f32s(left[r][index], right[c][index], sums[c][r]);
                }
            }
        }
        for c in 0..C {
            for r in 0..R {
                tile[column + c][row + r] = simd.reduce_sum_f32s(sums[c][r]);
            }
        }
    }
}

impl WithSimd for Portable<'_, '_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let mut tile = [[0.0; ROWS]; COLUMNS];
        for row in [0, 2] {
            for column in [0, 3] {
                self.block::<S, 2, 3>(simd, row, column, &mut tile);
            }
        }
        tile
    }
}

impl PlaneProducts<'_, Bf16> {
    /// The sums, on the processor's best instruction set.
    pub fn in_bf16(&self) -> Sums {
        self.in_bf16_on(Cpu::chosen())
    }

    fn in_bf16_on(&self, cpu: Cpu) -> Sums {
        match cpu {
            // SAFETY: the processor has AVX-512 with bfloat16, as was found out when the choice was made.
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx512 { bf16: true, .. } | Cpu::Amx(_) => unsafe { self.avx512() },
            _ => plain(self),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn avx512(&self) -> Sums {
        use std::arch::x86_64::*;

        #[inline]
        #[target_feature(enable = "avx512f,avx512bf16")]
        unsafe fn load(numbers: *const Bf16) -> __m512bh {
            // SAFETY: the caller vouches for the memory; both types are 512 bits of any value.
            unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_loadu_si512(numbers.cast())) }
        }
        avx512!(self, 32, load, add_pairs)
    }
}

/// The sums on processors that have no such products.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn plain(products: &PlaneProducts<'_, Bf16>) -> Sums {
    let product = |left: &[Bf16], right: &[Bf16]| {
        let mut sums = [0.0; LANES];
        for (left, right) in left.as_chunks::<LANES>().0.iter().zip(right.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += widened(left[lane]) * widened(right[lane]);
            }
        }
        sums.iter().sum()
    };
    products.right.map(|right| products.left.map(|left| product(left, right)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::precision::write_rounded;

    fn values(seed: usize) -> Vec<f32> {
        (0..5 * LANES).map(|index| ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    fn check(sums: Sums, left: &[Vec<f32>], right: &[Vec<f32>], name: &str) {
        for (right, sums) in right.iter().zip(sums) {
            for (left, sum) in left.iter().zip(sums) {
                let expected: f64 = left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert!((f64::from(sum) - expected).abs() < 2e-5, "{name}: {sum}, expected {expected}");
            }
        }
    }

    /// Every instruction set that this processor has, not the best one only.
    #[test]
    fn every_instruction_set_matches_the_definition() {
        let left: Vec<Vec<f32>> = (0..ROWS).map(values).collect();
        let right: Vec<Vec<f32>> = (0..COLUMNS).map(|seed| values(seed + 50)).collect();
        for cpu in Cpu::available() {
            let left = std::array::from_fn(|row| left[row].as_slice());
            let products = PlaneProducts { left, right: std::array::from_fn(|column| right[column].as_slice()) };
            let left: Vec<Vec<f32>> = left.iter().map(|run| run.to_vec()).collect();
            check(products.in_f32_on(cpu), &left, &right, cpu.name());
        }
    }

    #[test]
    fn bfloat16_matches_the_definition() {
        let rounded = |seed: usize| {
            let mut numbers = vec![0; 5 * LANES];
            write_rounded(&mut numbers, &values(seed));
            numbers
        };
        let left: Vec<Vec<Bf16>> = (0..ROWS).map(rounded).collect();
        let right: Vec<Vec<Bf16>> = (0..COLUMNS).map(|seed| rounded(seed + 50)).collect();
        let widened = |runs: &[Vec<Bf16>]| -> Vec<Vec<f32>> {
            runs.iter().map(|run| run.iter().copied().map(widened).collect()).collect()
        };
        let products = || PlaneProducts {
            left: std::array::from_fn(|row| left[row].as_slice()),
            right: std::array::from_fn(|column| right[column].as_slice()),
        };
        for cpu in Cpu::available() {
            check(products().in_bf16_on(cpu), &widened(&left), &widened(&right), cpu.name());
        }
    }
}

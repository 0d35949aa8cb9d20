//! The inner product that the weight's gradient is made of.

use multiversion::multiversion;
use pulp::{Simd, WithSimd};

use super::cpu::Cpu;
use super::precision::{Bf16, widened};

/// Planes of the left factor in a tile.
pub const ROWS: usize = 4;

/// Planes of the right factor in a tile: with 4 rows of sums it fills 24 of the 32 AVX-512 registers.
pub const COLUMNS: usize = 6;

/// Numbers of a plane that divide every length.
pub const LANES: usize = 32;

/// Runs of several planes, all of one length, a multiple of [`LANES`].
///
/// `sums[r][c] = sum_p left[r][p] right[c][p]`: every lane of a register sums its own pixels, so that nothing has to be rearranged.
pub struct PlaneProducts<'a, N> {
    pub left: [&'a [N]; ROWS],
    pub right: [&'a [N]; COLUMNS],
}

type Sums = [[f32; COLUMNS]; ROWS];

impl<N> PlaneProducts<'_, N> {
    /// The length that all have.
    fn len(&self) -> usize {
        let len = self.left[0].len();
        let fits = |run: &&[N]| run.len() == len;
        assert!(len % LANES == 0 && self.left.iter().all(fits) && self.right.iter().all(fits), "length of a run");
        len
    }
}

impl PlaneProducts<'_, f32> {
    /// The sums, on the processor's best instruction set.
    pub fn in_f32(self) -> Sums {
        Cpu::chosen().run(self)
    }

    /// `R` rows and `C` columns of the tile, the sums kept in registers.
    #[inline(always)]
    fn block<S: Simd, const R: usize, const C: usize>(&self, simd: S, row: usize, column: usize, tile: &mut Sums) {
        let vectors = self.len() / S::F32_LANES;
        let left: [*const S::f32s; R] = std::array::from_fn(|r| self.left[row + r].as_ptr().cast());
        let right: [*const S::f32s; C] = std::array::from_fn(|c| self.right[column + c].as_ptr().cast());
        let mut sums = [[simd.splat_f32s(0.0); C]; R];
        for index in 0..vectors {
            // SAFETY: every run has `vectors` whole vectors, as `len` has checked.
            let load = |run: *const S::f32s| unsafe { run.add(index).read_unaligned() };
            let left = left.map(load);
            for c in 0..C {
                let value = load(right[c]);
                for r in 0..R {
                    sums[r][c] = simd.mul_add_e_f32s(left[r], value, sums[r][c]);
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                tile[row + r][column + c] = simd.reduce_sum_f32s(sums[r][c]);
            }
        }
    }
}

impl WithSimd for PlaneProducts<'_, f32> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let mut tile = [[0.0; COLUMNS]; ROWS];
        if S::F32_LANES == 16 {
            self.block::<S, 4, 6>(simd, 0, 0, &mut tile);
            return tile;
        }
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
    pub fn in_bf16(self) -> Sums {
        match Cpu::chosen() {
            #[cfg(target_arch = "x86_64")]
            Cpu::Avx512 { bf16: true, .. } => {
                // SAFETY: the processor has AVX-512 with bfloat16, as was found out when the choice was made.
                unsafe { self.avx512() }
            }
            _ => plain(&self),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn avx512(self) -> Sums {
        use std::arch::x86_64::*;

        let vectors = self.len() / 32;
        let left = self.left.map(<[Bf16]>::as_ptr);
        let right = self.right.map(<[Bf16]>::as_ptr);
        let mut sums = [[_mm512_setzero_ps(); COLUMNS]; ROWS];
        for index in 0..vectors {
            let load = |run: *const Bf16| {
                // SAFETY: every run has `vectors` whole vectors, as `len` has checked; both types are 512 bits without invalid values.
                unsafe { std::mem::transmute::<__m512i, __m512bh>(_mm512_loadu_si512(run.add(32 * index).cast())) }
            };
            let left = [load(left[0]), load(left[1]), load(left[2]), load(left[3])];
            for c in 0..COLUMNS {
                let value = load(right[c]);
                for r in 0..ROWS {
                    sums[r][c] = _mm512_dpbf16_ps(sums[r][c], left[r], value);
                }
            }
        }
        sums.map(|sums| sums.map(|sum| _mm512_reduce_add_ps(sum)))
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
    products.left.map(|left| products.right.map(|right| product(left, right)))
}

#[cfg(test)]
mod tests {
    use super::super::precision::write_rounded;
    use super::*;

    fn values(seed: usize) -> Vec<f32> {
        (0..5 * LANES).map(|index| ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    fn check(sums: Sums, left: &[Vec<f32>], right: &[Vec<f32>], name: &str) {
        for (left, sums) in left.iter().zip(sums) {
            for (right, sum) in right.iter().zip(sums) {
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
            check(cpu.run(products), &left, &right, cpu.name());
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
        check(products().in_bf16(), &widened(&left), &widened(&right), "chosen");
        check(plain(&products()), &widened(&left), &widened(&right), "plain");
    }
}

//! Rows of an image and polynomials along them.

use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use num_complex::Complex32;

use crate::lanes::{LANES, Lanes};

/// Pixels that fill the lanes.
const PIXELS: usize = LANES / 2;

/// At most N real polynomials along rows of complex pixels, in the order in which a row is read: for every few pixels the values of
/// all polynomials, each twice for real and imaginary part, and zero beyond the last pixel and the last polynomial.
pub(crate) struct PolynomialRows<const N: usize>(Vec<[Lanes; N]>);

impl<const N: usize> PolynomialRows<N> {
    /// From the values (polynomial, pixel) on rows of this length.
    pub fn new(polynomials: &[f32], length: usize) -> Self {
        let chunk = |chunk: usize| {
            std::array::from_fn(|index| {
                Lanes(std::array::from_fn(|lane| {
                    let pixel = chunk * PIXELS + lane / 2;
                    let value = || polynomials.get(index * length + pixel).copied().unwrap_or_default();
                    if pixel < length { value() } else { 0.0 }
                }))
            })
        };
        Self((0..length.div_ceil(PIXELS)).map(chunk).collect())
    }

    /// The scalar products of a row with every polynomial.
    pub fn products(&self, row: &[Complex32]) -> [Complex32; N] {
        let mut sums = [Lanes::ZERO; N];
        add_products(row, &self.0, &mut sums);
        sums.map(|sum| sum.0.as_chunks::<2>().0.iter().map(|[re, im]| Complex32::new(*re, *im)).sum())
    }

    /// Adds every polynomial times its weight to a row.
    pub fn add(&self, weights: &[Complex32; N], row: &mut [Complex32]) {
        let weights = weights.map(|w| Lanes(std::array::from_fn(|lane| if lane % 2 == 0 { w.re } else { w.im })));
        add_weighted(&weights, &self.0, row);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_products<const N: usize>(row: &[Complex32], polynomials: &[[Lanes; N]], sums: &mut [Lanes; N]) {
    for (values, polynomials) in row.chunks(PIXELS).zip(polynomials) {
        let values = load(values);
        for (sum, polynomial) in sums.iter_mut().zip(polynomials) {
            if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
                add_product::<true>(sum, &values, polynomial);
            } else {
                add_product::<false>(sum, &values, polynomial);
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_weighted<const N: usize>(weights: &[Lanes; N], polynomials: &[[Lanes; N]], row: &mut [Complex32]) {
    for (pixels, polynomials) in row.chunks_mut(PIXELS).zip(polynomials) {
        let mut values = load(pixels);
        for (weight, polynomial) in weights.iter().zip(polynomials) {
            if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
                add_product::<true>(&mut values, weight, polynomial);
            } else {
                add_product::<false>(&mut values, weight, polynomial);
            }
        }
        for (pixel, [re, im]) in pixels.iter_mut().zip(values.0.as_chunks::<2>().0) {
            *pixel = Complex32::new(*re, *im);
        }
    }
}

#[inline(always)]
fn add_product<const FMA: bool>(sum: &mut Lanes, a: &Lanes, b: &Lanes) {
    for (sum, (a, b)) in sum.0.iter_mut().zip(a.0.iter().zip(&b.0)) {
        *sum = if FMA { a.mul_add(*b, *sum) } else { *sum + a * b };
    }
}

/// Real and imaginary parts side by side, the rest zero.
#[inline(always)]
fn load(values: &[Complex32]) -> Lanes {
    let mut lanes = Lanes::ZERO;
    for (lane, value) in lanes.0.as_chunks_mut::<2>().0.iter_mut().zip(values) {
        *lane = [value.re, value.im];
    }
    lanes
}

//! Sums of many values in an order that does not depend on the processor, and an exponential that vectorises.

use multiversion::multiversion;

/// Sums run in f32 over short blocks, so that they vectorise, and in f64 over the blocks.
pub const BLOCK: usize = 256;

/// Sum of the distances from an origin.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn sum(values: &[f32], origin: f32) -> f64 {
    values.chunks(BLOCK).map(|block| f64::from(lanes(block, block, |value, _| value - origin))).sum()
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn sum_of_squares(values: &[f32], origin: f32) -> f64 {
    let square = |value: f32, _| (value - origin) * (value - origin);
    values.chunks(BLOCK).map(|block| f64::from(lanes(block, block, square))).sum()
}

/// `sum a` and `sum a (b - origin)`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn gradient_sums(a: &[f32], b: &[f32], origin: f32) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        sums[0] += f64::from(lanes(a, b, |a, _| a));
        sums[1] += f64::from(lanes(a, b, |a, b| a * (b - origin)));
    }
    sums
}

/// Sum of `term` with sixteen running sums, the order of which does not depend on the processor.
#[inline(always)]
pub fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_vectors, a_rest) = a.as_chunks::<16>();
    let (b_vectors, b_rest) = b.as_chunks::<16>();
    for (a, b) in a_vectors.iter().zip(b_vectors) {
        for lane in 0..16 {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += term(*a, *b);
    }
    sums.iter().sum()
}

/// e^x within two units in the last place; 0 below -87.3 and about 1.6e38 above 88.
///
/// `x = n ln 2 + r` with |r| <= ln 2 / 2, e^r by its Taylor series of degree 7, and n goes into the exponent's bits. No
/// fused products, so that every processor gives the same bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // ln 2 in two parts: the product of n and the first is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.3, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut series = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + coefficient;
    }
    // The integer sits in the low bits of `rounded`; the shift drops the rest.
    let exponent = rounded.to_bits().wrapping_add(127) << 23;
    series * f32::from_bits(exponent)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_exact_exponential() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "exp({x}) is off by {error:e}");
        }
    }

    #[test]
    fn saturates_outside_of_the_range() {
        assert!(exp(-1e9) < 1.3e-38);
        assert!(exp(1e9).is_finite());
        assert_eq!(sigmoid(1e9), 1.0);
        assert!(sigmoid(-1e9) < 1e-37);
    }
}

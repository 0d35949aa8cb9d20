//! Sums of many values, the order of which does not depend on the processor.

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

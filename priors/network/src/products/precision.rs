//! The numbers that convolutions multiply.

use multiversion::multiversion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The numbers that convolutions multiply; they are summed in f32 always, and everything else is in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits.
    #[default]
    F32,
    /// 8 bits with f32's range (bfloat16): twice as many products at a time on processors that have them, slow on others.
    Bf16,
}

impl Precision {
    /// Inputs that share one term of the kernel's sum.
    pub(crate) fn inputs_per_term(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::Bf16 => 2,
        }
    }
}

/// Two numbers in bfloat16, `a` in the low half, in the place of one f32.
#[inline(always)]
pub(crate) fn pair(a: f32, b: f32) -> f32 {
    f32::from_bits(rounded(b) & 0xffff_0000 | rounded(a) >> 16)
}

/// [`pair`]s of the values of two rows.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(crate) fn write_pairs(pairs: &mut [f32], a: &[f32], b: &[f32]) {
    let count = pairs.len();
    // Sixteen at a time, so that the loop over them becomes a few instructions.
    let (a_vectors, a) = a[..count].as_chunks::<16>();
    let (b_vectors, b) = b[..count].as_chunks::<16>();
    let (vectors, pairs) = pairs.as_chunks_mut::<16>();
    for ((pairs, a), b) in vectors.iter_mut().zip(a_vectors).zip(b_vectors) {
        for lane in 0..16 {
            pairs[lane] = pair(a[lane], b[lane]);
        }
    }
    pairs.iter_mut().zip(a).zip(b).for_each(|((value, a), b)| *value = pair(*a, *b));
}

/// The numbers of a [`pair`].
#[inline(always)]
pub(crate) fn numbers(pair: f32) -> [f32; 2] {
    [f32::from_bits(pair.to_bits() << 16), f32::from_bits(pair.to_bits() & 0xffff_0000)]
}

/// The bits of a number in bfloat16.
pub(crate) type Bf16 = u16;

/// The number.
#[inline(always)]
pub(crate) fn widened(bits: Bf16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The values in bfloat16.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
pub(crate) fn write_rounded(numbers: &mut [Bf16], x: &[f32]) {
    numbers.iter_mut().zip(x).for_each(|(number, x)| *number = (rounded(*x) >> 16) as Bf16);
}

/// The bits, the upper half of which is the nearest bfloat16; ties to even. The NaN that processors make stays one.
#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    bits.wrapping_add(0x7fff + (bits >> 16 & 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_rounded_to_eight_bits() {
        assert_eq!(numbers(pair(1.0, -2.5)), [1.0, -2.5]);
        let (tie, step) = (1.0 + 1.0 / 256.0, 1.0 / 128.0);
        assert_eq!(numbers(pair(tie, tie + step)), [1.0, 1.0 + 2.0 * step]);
        assert_eq!(numbers(pair(tie + 1e-6, -tie - 1e-6)), [1.0 + step, -1.0 - step]);
        assert!(numbers(pair(f32::NAN, f32::INFINITY))[0].is_nan());
        assert_eq!(numbers(pair(0.0, f32::NEG_INFINITY)), [0.0, f32::NEG_INFINITY]);
    }
}

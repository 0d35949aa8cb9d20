//! Sixteen numbers that a processor handles at once.

/// Sixteen floats: one AVX-512 register, two of AVX2, four of NEON.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Lanes(pub [f32; LANES]);

/// Length of [`Lanes`].
pub(crate) const LANES: usize = 16;

impl Lanes {
    pub const ZERO: Self = Self([0.0; LANES]);

    /// `self * factor + addend`, lane by lane. `FMA` says whether the processor fuses the two: without the
    /// instruction, `mul_add` is a slow library call.
    #[inline(always)]
    pub fn scale_add<const FMA: bool>(self, factor: f32, addend: &[f32; LANES]) -> Self {
        let mut out = self;
        for (value, add) in out.0.iter_mut().zip(addend) {
            *value = if FMA { value.mul_add(factor, *add) } else { *value * factor + add };
        }
        out
    }

    /// Product lane by lane.
    #[inline(always)]
    pub fn times(self, other: &Self) -> Self {
        let mut out = self;
        for (value, factor) in out.0.iter_mut().zip(&other.0) {
            *value *= factor;
        }
        out
    }

    /// Sum lane by lane.
    #[inline(always)]
    pub fn plus(self, other: &Self) -> Self {
        let mut out = self;
        for (value, add) in out.0.iter_mut().zip(&other.0) {
            *value += add;
        }
        out
    }
}

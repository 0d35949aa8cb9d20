//! Sixteen numbers that a processor handles at once, and buffers in which they never straddle two cache lines.

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

/// Floats of which the first lies at the beginning of a cache line, so that vectors of [`LANES`] never straddle two.
#[derive(Default)]
pub(crate) struct AlignedFloats(Vec<f32>);

impl AlignedFloats {
    /// The first `len` floats, after making room for them; they hold leftovers.
    pub fn slice_mut(&mut self, len: usize) -> &mut [f32] {
        self.0.resize(self.0.len().max(len + LANES), 0.0);
        let offset = self.offset();
        &mut self.0[offset..offset + len]
    }

    /// The first `len` floats of a buffer that has room for them.
    pub fn slice(&self, len: usize) -> &[f32] {
        &self.0[self.offset()..][..len]
    }

    /// Speed alone depends on it, so that an unknown alignment is no error.
    fn offset(&self) -> usize {
        self.0.as_ptr().align_offset(LANES * size_of::<f32>()).min(LANES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_with_a_cache_line() {
        let mut buffer = AlignedFloats::default();
        for len in [1, 100, 5000, 7] {
            assert_eq!(buffer.slice_mut(len).as_ptr().align_offset(64), 0);
            assert_eq!(buffer.slice(len).len(), len);
        }
    }
}

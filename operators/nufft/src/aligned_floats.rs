//! A buffer that begins with a cache line.

use crate::lanes::LANES;

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

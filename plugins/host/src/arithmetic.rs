//! Whether the processor still computes as the host expects.

use std::hint::black_box;

/// Whether this thread rounds to the nearest number and keeps denormal ones, as every program begins. A plugin that sets another
/// mode, as code for audio does, would change all results that this thread computes after it.
pub(crate) fn is_intact() -> bool {
    let tiny = black_box(f32::MIN_POSITIVE);
    let (one, half_step) = (black_box(1.0f32), black_box(f32::EPSILON / 4.0));
    let keeps_denormals = tiny * 0.5 != 0.0 && black_box(f32::from_bits(1)) * 1.0 != 0.0;
    let rounds_to_nearest = one + half_step == one && one - half_step == one && -one - half_step == -one;
    keeps_denormals && rounds_to_nearest
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_begins_intact() {
        assert!(super::is_intact());
    }
}

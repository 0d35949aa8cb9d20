//! Images of one size over images of another.

/// Where two lengths overlap when they are centred: the longer is cut, or the shorter surrounded, by the same number of pixels
/// on both sides, an odd one at the end.
///
/// ```
/// use diph_core::Overlap;
/// // A map of 230 pixels for a network of 224 loses three on each side.
/// assert_eq!(Overlap::centred(230, 224), Overlap { first: 3, second: 0, len: 224 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Where it begins in the first.
    pub first: usize,
    /// Where it begins in the second.
    pub second: usize,
    /// How long it is.
    pub len: usize,
}

impl Overlap {
    /// Of two lengths.
    pub fn centred(first: usize, second: usize) -> Self {
        Self {
            first: first.saturating_sub(second) / 2,
            second: second.saturating_sub(first) / 2,
            len: first.min(second),
        }
    }
}

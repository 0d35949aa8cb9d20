//! The part of a map that is worth showing.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Zip, s};

/// Cuts maps to what is shown: black outside of `inside`, cropped to a common window.
pub(super) struct Clip<'a> {
    inside: ArrayView2<'a, bool>,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl<'a> Clip<'a> {
    /// Shows voxels `inside`; the window is around `window`, so that several clips can share it.
    pub(super) fn to(inside: ArrayView2<'a, bool>, window: ArrayView2<'_, bool>) -> Self {
        let (rows, columns) = crop_to(window);
        Self { inside, rows, columns }
    }

    /// The window of a map of the same shape, NaN where nothing is shown.
    pub(super) fn apply(&self, values: ArrayView2<'_, f32>) -> Array2<f32> {
        let shown =
            Zip::from(values).and(self.inside).map_collect(|&value, &inside| if inside { value } else { f32::NAN });
        shown.slice(s![self.rows.clone(), self.columns.clone()]).to_owned()
    }
}

/// Rows and columns around the mask with a margin of 4 % of the larger side; everything when the mask is empty.
fn crop_to(mask: ArrayView2<'_, bool>) -> (Range<usize>, Range<usize>) {
    let (height, width) = mask.dim();
    let rows = mask.outer_iter().map(|row| row.iter().any(|&inside| inside));
    let columns = mask.columns().into_iter().map(|column| column.iter().any(|&inside| inside));
    let (Some(rows), Some(columns)) = (extent(rows), extent(columns)) else { return (0..height, 0..width) };
    let margin = (0.04 * rows.len().max(columns.len()) as f32).ceil() as usize;
    let widen = |range: Range<usize>, end: usize| range.start.saturating_sub(margin)..(range.end + margin).min(end);
    (widen(rows, height), widen(columns, width))
}

/// From the first to the last `true`.
fn extent(inside: impl Iterator<Item = bool>) -> Option<Range<usize>> {
    let mut hits = inside.enumerate().filter_map(|(index, inside)| inside.then_some(index));
    let first = hits.next()?;
    Some(first..hits.last().unwrap_or(first) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_is_nan_and_cut_away() {
        let mask = Array2::from_shape_fn((100, 100), |(y, x)| (40..60).contains(&y) && (40..60).contains(&x));
        let clipped = Clip::to(mask.view(), mask.view()).apply(Array2::from_elem((100, 100), 2.0).view());
        assert_eq!(clipped.dim(), (22, 22));
        assert_eq!(clipped[[1, 1]], 2.0);
        assert!(clipped[[0, 1]].is_nan());
    }

    #[test]
    fn around_the_mask() {
        let mut mask = Array2::from_elem((60, 40), false);
        mask[[20, 10]] = true;
        mask[[44, 30]] = true;
        assert_eq!(crop_to(mask.view()), (19..46, 9..32));
        mask[[0, 39]] = true;
        assert_eq!(crop_to(mask.view()), (0..47, 8..40));
        assert_eq!(crop_to(Array2::from_elem((6, 4), false).view()), (0..6, 0..4));
    }
}

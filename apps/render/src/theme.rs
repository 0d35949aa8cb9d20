//! Sizes and colours that all pictures share, in pixels.

use super::Rgb;

pub(super) const PAPER: Rgb = [255; 3];
pub(super) const INK: Rgb = [28, 28, 32];
pub(super) const FAINT_INK: Rgb = [96, 98, 106];
pub(super) const GRID: Rgb = [224, 226, 230];

pub(super) const MARGIN: usize = 26;
pub(super) const GAP: usize = 16;
pub(super) const TITLE_SIZE: f32 = 26.0;
pub(super) const HEADING_SIZE: f32 = 23.0;
pub(super) const NOTE_SIZE: f32 = 18.5;
pub(super) const TICK_SIZE: f32 = 17.0;

/// Height of a line of text of some size.
pub(super) fn line_height(size: f32) -> usize {
    (1.45 * size).round() as usize
}

//! The bar that explains the colours of a map.

use super::text::{Align, TextStyle, draw_text, draw_text_upwards};
use super::theme::{FAINT_INK, INK, NOTE_SIZE, TICK_SIZE, line_height};
use super::ticks::{Tick, linear_ticks};
use super::{ColorScale, Panel, RgbImage};

const BAR_WIDTH: usize = 18;
const BAR_GAP: usize = 10;
const TICK_LENGTH: usize = 5;
const LABEL_GAP: f32 = 6.0;
/// Height of the tip that says that the map goes beyond the bar.
const TIP: usize = 14;

/// Width that a bar takes, with the space to its map.
pub(super) fn color_bar_width(scale: &ColorScale, height: usize) -> usize {
    let style = TextStyle::plain(TICK_SIZE, INK);
    let widest = ticks(scale, height).iter().map(|tick| style.width(&tick.label)).fold(0.0, f32::max);
    let label = line_height(NOTE_SIZE);
    BAR_GAP + BAR_WIDTH + TICK_LENGTH + (LABEL_GAP + widest).ceil() as usize + label
}

/// Draws the bar of a panel to the right of a map whose right edge is at `x`.
pub(super) fn draw_color_bar(image: &mut RgbImage, panel: &Panel, x: usize, y: usize, height: usize) {
    let scale = &panel.scale;
    let left = x + BAR_GAP;
    let (bar_top, bar_height) = (y + TIP, height.saturating_sub(2 * TIP).max(2));
    for row in 0..bar_height {
        let position = 1.0 - row as f32 / (bar_height - 1) as f32;
        image.fill(left, bar_top + row, BAR_WIDTH, 1, scale.colormap.color(position));
    }
    image.outline(left, bar_top, BAR_WIDTH, bar_height, FAINT_INK);
    if panel.values.iter().any(|&value| value > scale.high) {
        draw_tip(image, left, bar_top, Tip::Up, scale);
    }
    if panel.values.iter().any(|&value| value < scale.low) {
        draw_tip(image, left, bar_top + bar_height - 1, Tip::Down, scale);
    }
    let style = TextStyle::plain(TICK_SIZE, INK);
    let mut widest = 0f32;
    for tick in ticks(scale, height) {
        let position = (tick.value - f64::from(scale.low)) / f64::from(scale.high - scale.low);
        let row = bar_top + ((1.0 - position) * (bar_height - 1) as f64).round() as usize;
        image.fill(left + BAR_WIDTH, row, TICK_LENGTH, 1, INK);
        let start = (left + BAR_WIDTH + TICK_LENGTH) as f32 + LABEL_GAP;
        draw_text(image, &tick.label, (start, row as f32), Align::Left, style);
        widest = widest.max(style.width(&tick.label));
    }
    let label_x = (left + BAR_WIDTH + TICK_LENGTH) as f32 + LABEL_GAP + widest + 0.75 * NOTE_SIZE;
    let middle = (bar_top + bar_height / 2) as f32;
    draw_text_upwards(image, &scale.label, (label_x, middle), TextStyle::plain(NOTE_SIZE, INK));
}

fn ticks(scale: &ColorScale, height: usize) -> Vec<Tick> {
    linear_ticks(f64::from(scale.low), f64::from(scale.high), (height / 55).clamp(2, 6))
}

#[derive(Clone, Copy, PartialEq)]
enum Tip {
    Up,
    Down,
}

/// A triangle in the colour of the bar's end.
fn draw_tip(image: &mut RgbImage, left: usize, edge: usize, tip: Tip, scale: &ColorScale) {
    let color = scale.colormap.color(if tip == Tip::Up { 1.0 } else { 0.0 });
    for step in 1..TIP {
        let half = BAR_WIDTH as f32 / 2.0 * (1.0 - step as f32 / TIP as f32);
        let y = if tip == Tip::Up { edge - step } else { edge + step };
        for column in 0..BAR_WIDTH {
            let distance = (column as f32 + 0.5 - BAR_WIDTH as f32 / 2.0).abs();
            let inside = half - distance + 0.5;
            image.blend(left + column, y, FAINT_INK, inside);
            image.blend(left + column, y, color, inside - 1.2);
        }
    }
}

//! Lines and dots with soft edges, and the colours that tell curves apart.

use super::{Rgb, RgbImage};

pub(super) const LINE_WIDTH: f32 = 2.4;

/// Okabe and Ito's colours, which people with any colour vision tell apart.
const COLORS: [Rgb; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [60, 60, 60]];

/// The colour of a curve by its place in the legend; they repeat after the seventh.
pub(super) fn color_of(index: usize) -> Rgb {
    COLORS[index % COLORS.len()]
}

/// A line with round ends, smoothed by its distance to each pixel.
pub(super) fn draw_segment(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), color: Rgb) {
    draw_stroke(image, from, to, LINE_WIDTH, color);
}

/// A filled disc.
pub(super) fn draw_disc(image: &mut RgbImage, center: (f32, f32), diameter: f32, color: Rgb) {
    draw_stroke(image, center, center, diameter, color);
}

fn draw_stroke(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), width: f32, color: Rgb) {
    let reach = width / 2.0 + 1.0;
    let first = |a: f32, b: f32| (a.min(b) - reach).floor().max(0.0) as usize;
    let last = |a: f32, b: f32| (a.max(b) + reach).ceil().max(0.0) as usize;
    for y in first(from.1, to.1)..=last(from.1, to.1) {
        for x in first(from.0, to.0)..=last(from.0, to.0) {
            let distance = distance_to_segment((x as f32, y as f32), from, to);
            image.blend(x, y, color, width / 2.0 + 0.5 - distance);
        }
    }
}

fn distance_to_segment((x, y): (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - from.0) * dx + (y - from.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - from.0 - along * dx).hypot(y - from.1 - along * dy)
}

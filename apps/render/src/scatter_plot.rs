//! Named points in a plane: time against error.

use diph_core::{Error, Result};

use super::RgbImage;
use super::axis::{Axis, AxisScale};
use super::strokes::{color_of, draw_disc};
use super::text::{Align, TextStyle, draw_text, draw_text_upwards};
use super::theme::{FAINT_INK, GRID, HEADING_SIZE, INK, MARGIN, NOTE_SIZE, PAPER, TICK_SIZE, line_height};

const PLOT_WIDTH: usize = 640;
const PLOT_HEIGHT: usize = 420;
const DOT: f32 = 12.0;

/// A point with its name beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScatterPoint {
    /// Written beside the point.
    pub name: String,
    /// Horizontal and vertical; a point that has no place on an axis is left out.
    pub at: (f64, f64),
}

/// Named points with axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScatterPlot {
    /// Line above the plot; empty for none.
    pub title: String,
    /// Quantity and unit of the horizontal axis.
    pub x_label: String,
    /// Quantity and unit of the vertical axis.
    pub y_label: String,
    /// How the horizontal axis is laid out.
    pub x_scale: AxisScale,
    /// How the vertical axis is laid out.
    pub y_scale: AxisScale,
    /// The points.
    pub points: Vec<ScatterPoint>,
}

impl ScatterPlot {
    /// Draws the plot on white paper.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no point to draw.
    pub fn draw(&self) -> Result<RgbImage> {
        let none = || Error::parameter("scatter plot: draw", "points", "at least one that both axes can show", "none");
        let shown = |point: &&ScatterPoint| self.x_scale.shows(point.at.0) && self.y_scale.shows(point.at.1);
        let points: Vec<&ScatterPoint> = self.points.iter().filter(shown).collect();
        let x = Axis::over(self.x_scale, points.iter().map(|point| point.at.0), 0.08, 7).ok_or_else(none)?;
        let y = Axis::over(self.y_scale, points.iter().map(|point| point.at.1), 0.08, 7).ok_or_else(none)?;
        let (ticks, labels) = (TextStyle::plain(TICK_SIZE, INK), TextStyle::plain(NOTE_SIZE, INK));
        let widest = y.ticks.iter().map(|tick| ticks.width(&tick.label)).fold(0.0, f32::max);
        let left = MARGIN + line_height(NOTE_SIZE) + widest.ceil() as usize + 8;
        let top = MARGIN + if self.title.is_empty() { 0 } else { line_height(HEADING_SIZE) };
        let below = line_height(TICK_SIZE) + line_height(NOTE_SIZE) + MARGIN;
        let mut image = RgbImage::new(left + PLOT_WIDTH + MARGIN, top + PLOT_HEIGHT + below, PAPER);
        let across = |value: f64| left as f32 + x.position(value) as f32 * (PLOT_WIDTH - 1) as f32;
        let down = |value: f64| top as f32 + (1.0 - y.position(value) as f32) * (PLOT_HEIGHT - 1) as f32;
        for tick in &x.ticks {
            image.fill(across(tick.value) as usize, top, 1, PLOT_HEIGHT, GRID);
            let under = (top + PLOT_HEIGHT) as f32 + 0.9 * TICK_SIZE;
            draw_text(&mut image, &tick.label, (across(tick.value), under), Align::Center, ticks);
        }
        for tick in &y.ticks {
            image.fill(left, down(tick.value) as usize, PLOT_WIDTH, 1, GRID);
            draw_text(&mut image, &tick.label, (left as f32 - 8.0, down(tick.value)), Align::Right, ticks);
        }
        image.outline(left, top, PLOT_WIDTH, PLOT_HEIGHT, FAINT_INK);
        let center = (left + PLOT_WIDTH / 2) as f32;
        let under = (top + PLOT_HEIGHT + line_height(TICK_SIZE)) as f32 + 0.8 * NOTE_SIZE;
        draw_text(&mut image, &self.x_label, (center, under), Align::Center, labels);
        let middle = (top + PLOT_HEIGHT / 2) as f32;
        draw_text_upwards(&mut image, &self.y_label, (MARGIN as f32 + NOTE_SIZE / 2.0, middle), labels);
        let heading = TextStyle::bold(HEADING_SIZE, INK).fitted(&self.title, PLOT_WIDTH);
        draw_text(&mut image, &self.title, (center, MARGIN as f32 + HEADING_SIZE / 2.0), Align::Center, heading);
        let dots: Vec<(f32, f32)> = points.iter().map(|point| (across(point.at.0), down(point.at.1))).collect();
        // What is taken: every dot, then name after name.
        let mut taken: Vec<Area> = dots.iter().map(|dot| Area::around(*dot, DOT, DOT)).collect();
        for (index, (point, dot)) in points.iter().zip(&dots).enumerate() {
            draw_disc(&mut image, *dot, DOT, color_of(index));
            let at = place(*dot, ticks.width(&point.name), center, &taken);
            taken.push(Area::around(at, ticks.width(&point.name), TICK_SIZE));
            draw_text(&mut image, &point.name, at, Align::Center, ticks);
        }
        Ok(image)
    }
}

/// The middle of a name beside its dot: on the side that has more room, or where it covers nothing that is there already.
fn place(dot: (f32, f32), width: f32, center: f32, taken: &[Area]) -> (f32, f32) {
    let (aside, above) = (DOT + width / 2.0, DOT + TICK_SIZE / 2.0);
    let toward = if dot.0 > center { -1.0 } else { 1.0 };
    let places = [(toward * aside, 0.0), (-toward * aside, 0.0), (toward * aside, -above), (toward * aside, above)];
    let places = places.map(|(x, y)| (dot.0 + x, dot.1 + y));
    let is_free = |at: &&(f32, f32)| {
        let name = Area::around(**at, width, TICK_SIZE);
        taken.iter().all(|other| !name.overlaps(other))
    };
    *places.iter().find(is_free).unwrap_or(&places[0])
}

/// A rectangle of the picture.
struct Area {
    middle: (f32, f32),
    half: (f32, f32),
}

impl Area {
    fn around(middle: (f32, f32), width: f32, height: f32) -> Self {
        Self { middle, half: (width / 2.0, height / 2.0) }
    }

    fn overlaps(&self, other: &Self) -> bool {
        (self.middle.0 - other.middle.0).abs() < self.half.0 + other.half.0
            && (self.middle.1 - other.middle.1).abs() < self.half.1 + other.half.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_neither_dots_nor_names() {
        let (center, dots) = (320.0, [(300.0, 100.0), (330.0, 102.0)]);
        let mut taken: Vec<Area> = dots.iter().map(|dot| Area::around(*dot, DOT, DOT)).collect();
        for dot in dots {
            let name = Area::around(place(dot, 90.0, center, &taken), 90.0, TICK_SIZE);
            assert!(taken.iter().all(|other| !name.overlaps(other)), "{:?}", name.middle);
            taken.push(name);
        }
    }

    #[test]
    fn points_have_their_colors_and_those_without_a_place_are_left_out() {
        let point = |name: &str, at| ScatterPoint { name: name.into(), at };
        let plot = ScatterPlot {
            title: "Time against error".into(),
            x_label: "seconds".into(),
            y_label: "MAPE [%]".into(),
            x_scale: AxisScale::Log,
            y_scale: AxisScale::Linear,
            points: vec![point("gone", (0.0, 1.0)), point("mmse", (0.5, 12.0)), point("diffusion", (5.0, 11.0))],
        };
        let image = plot.draw().unwrap();
        let has = |color| (0..image.height()).any(|y| (0..image.width()).any(|x| image.pixel(x, y) == Some(color)));
        assert!(has(color_of(0)) && has(color_of(1)) && !has(color_of(2)));
        assert!(ScatterPlot { points: vec![point("gone", (0.0, 1.0))], ..plot }.draw().is_err());
    }
}

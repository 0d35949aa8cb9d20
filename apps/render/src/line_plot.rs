//! Curves over an axis.

use diph_core::{Error, Result};

use super::text::{Align, TextStyle, draw_text, draw_text_upwards};
use super::theme::{FAINT_INK, GRID, HEADING_SIZE, INK, MARGIN, NOTE_SIZE, PAPER, TICK_SIZE, line_height};
use super::ticks::{Tick, decade_ticks, linear_ticks};
use super::{Rgb, RgbImage};

const PLOT_WIDTH: usize = 760;
const PLOT_HEIGHT: usize = 420;
const LINE_WIDTH: f32 = 2.4;
/// Okabe and Ito's colours, which people with any colour vision tell apart.
const COLORS: [Rgb; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [60, 60, 60]];

/// How numbers are laid along the vertical axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisScale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios; numbers that are not positive are left out.
    Log,
}

/// One curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// (x, y) in drawing order; points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
}

/// Curves with axes, ticks and a legend, for losses and metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinePlot {
    /// Line above the plot; empty for none.
    pub title: String,
    /// Quantity and unit of the horizontal axis.
    pub x_label: String,
    /// Quantity and unit of the vertical axis.
    pub y_label: String,
    /// How the vertical axis is laid out.
    pub y_scale: AxisScale,
    /// The curves.
    pub series: Vec<Series>,
}

impl LinePlot {
    /// Draws the plot on white paper.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no point to draw.
    pub fn draw(&self) -> Result<RgbImage> {
        let frame = Frame::of(self)?;
        let mut image = RgbImage::new(frame.image_width(), frame.image_height(), PAPER);
        self.draw_axes(&mut image, &frame);
        for (index, series) in self.series.iter().enumerate() {
            let points: Vec<(f32, f32)> = self.shown(series).map(|point| frame.place(point)).collect();
            let color = COLORS[index % COLORS.len()];
            for pair in points.windows(2) {
                draw_segment(&mut image, pair[0], pair[1], color);
            }
            if let [lone] = points[..] {
                draw_segment(&mut image, lone, lone, color);
            }
        }
        self.draw_legend(&mut image, &frame);
        Ok(image)
    }

    fn draw_axes(&self, image: &mut RgbImage, frame: &Frame) {
        let (left, top) = (frame.left, frame.top);
        let ticks = TextStyle::plain(TICK_SIZE, INK);
        for tick in &frame.x_ticks {
            let x = frame.place((tick.value, frame.y_range.0)).0;
            image.fill(x as usize, top, 1, PLOT_HEIGHT, GRID);
            let y = (top + PLOT_HEIGHT) as f32 + 0.9 * TICK_SIZE;
            draw_text(image, &tick.label, (x, y), Align::Center, ticks);
        }
        for tick in &frame.y_ticks {
            let y = frame.place((frame.x_range.0, self.on_axis(tick.value))).1;
            image.fill(left, y as usize, PLOT_WIDTH, 1, GRID);
            draw_text(image, &tick.label, (left as f32 - 8.0, y), Align::Right, ticks);
        }
        image.outline(left, top, PLOT_WIDTH, PLOT_HEIGHT, FAINT_INK);
        let labels = TextStyle::plain(NOTE_SIZE, INK);
        let center = (left + PLOT_WIDTH / 2) as f32;
        let below = (top + PLOT_HEIGHT + line_height(TICK_SIZE)) as f32 + 0.8 * NOTE_SIZE;
        draw_text(image, &self.x_label, (center, below), Align::Center, labels);
        let middle = (top + PLOT_HEIGHT / 2) as f32;
        draw_text_upwards(image, &self.y_label, (MARGIN as f32 + NOTE_SIZE / 2.0, middle), labels);
        let heading = TextStyle::bold(HEADING_SIZE, INK).fitted(&self.title, PLOT_WIDTH);
        draw_text(image, &self.title, (center, MARGIN as f32 + HEADING_SIZE / 2.0), Align::Center, heading);
    }

    fn draw_legend(&self, image: &mut RgbImage, frame: &Frame) {
        let x = (frame.left + PLOT_WIDTH + 18) as f32;
        for (index, series) in self.series.iter().enumerate() {
            let y = frame.top as f32 + 14.0 + (index * line_height(NOTE_SIZE)) as f32;
            draw_segment(image, (x, y), (x + 26.0, y), COLORS[index % COLORS.len()]);
            draw_text(image, &series.name, (x + 36.0, y), Align::Left, TextStyle::plain(NOTE_SIZE, INK));
        }
    }

    /// Points that can be drawn, the y of each as it lies on the axis.
    fn shown<'a>(&'a self, series: &'a Series) -> impl Iterator<Item = (f64, f64)> + 'a {
        let points = series.points.iter().map(|&(x, y)| (x, self.on_axis(y)));
        points.filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    fn on_axis(&self, y: f64) -> f64 {
        match self.y_scale {
            AxisScale::Linear => y,
            AxisScale::Log => y.log10(),
        }
    }
}

/// Where the axes lie and what they span; y as it lies on the axis.
struct Frame {
    left: usize,
    top: usize,
    legend_width: usize,
    x_range: (f64, f64),
    y_range: (f64, f64),
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

impl Frame {
    fn of(plot: &LinePlot) -> Result<Self> {
        let points: Vec<(f64, f64)> = plot.series.iter().flat_map(|series| plot.shown(series)).collect();
        let none = || Error::parameter("line plot: draw", "series", "at least one finite point", "none");
        let x_range = range(points.iter().map(|point| point.0), 0.0).ok_or_else(none)?;
        let y_range = range(points.iter().map(|point| point.1), 0.04).ok_or_else(none)?;
        let y_ticks = match plot.y_scale {
            AxisScale::Linear => linear_ticks(y_range.0, y_range.1, 7),
            AxisScale::Log => decade_ticks(10f64.powf(y_range.0), 10f64.powf(y_range.1)),
        };
        let style = TextStyle::plain(TICK_SIZE, INK);
        let widest = y_ticks.iter().map(|tick| style.width(&tick.label)).fold(0.0, f32::max);
        let names = plot.series.iter().map(|series| TextStyle::plain(NOTE_SIZE, INK).width(&series.name));
        let heading = if plot.title.is_empty() { 0 } else { line_height(HEADING_SIZE) };
        Ok(Self {
            left: MARGIN + line_height(NOTE_SIZE) + widest.ceil() as usize + 8,
            top: MARGIN + heading,
            legend_width: 54 + names.fold(0.0, f32::max).ceil() as usize,
            x_ticks: linear_ticks(x_range.0, x_range.1, 8),
            x_range,
            y_range,
            y_ticks,
        })
    }

    fn image_width(&self) -> usize {
        self.left + PLOT_WIDTH + self.legend_width + MARGIN
    }

    fn image_height(&self) -> usize {
        self.top + PLOT_HEIGHT + line_height(TICK_SIZE) + line_height(NOTE_SIZE) + MARGIN
    }

    fn place(&self, (x, y): (f64, f64)) -> (f32, f32) {
        let across = (x - self.x_range.0) / (self.x_range.1 - self.x_range.0);
        let up = (y - self.y_range.0) / (self.y_range.1 - self.y_range.0);
        let (width, height) = ((PLOT_WIDTH - 1) as f64, (PLOT_HEIGHT - 1) as f64);
        ((self.left as f64 + across * width) as f32, (self.top as f64 + (1.0 - up) * height) as f32)
    }
}

/// Least and greatest number, widened by a share of their distance; a lone number gets room on both sides.
fn range(values: impl Iterator<Item = f64>, share: f64) -> Option<(f64, f64)> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return None;
    }
    if low == high {
        let room = if low == 0.0 { 1.0 } else { 0.5 * low.abs() };
        return Some((low - room, high + room));
    }
    let room = share * (high - low);
    Some((low - room, high + room))
}

/// A line with round ends, smoothed by its distance to each pixel.
fn draw_segment(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), color: Rgb) {
    let reach = LINE_WIDTH / 2.0 + 1.0;
    let first = |a: f32, b: f32| (a.min(b) - reach).floor().max(0.0) as usize;
    let last = |a: f32, b: f32| (a.max(b) + reach).ceil().max(0.0) as usize;
    for y in first(from.1, to.1)..=last(from.1, to.1) {
        for x in first(from.0, to.0)..=last(from.0, to.0) {
            let distance = distance_to_segment((x as f32, y as f32), from, to);
            image.blend(x, y, color, LINE_WIDTH / 2.0 + 0.5 - distance);
        }
    }
}

fn distance_to_segment((x, y): (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((x - from.0) * dx + (y - from.1) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - from.0 - along * dx).hypot(y - from.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(y_scale: AxisScale, points: &[(f64, f64)]) -> LinePlot {
        let series = vec![Series { name: "loss".into(), points: points.to_vec() }];
        LinePlot { title: "Training".into(), x_label: "step".into(), y_label: "loss".into(), y_scale, series }
    }

    #[test]
    fn draws_a_curve_in_its_color() {
        for scale in [AxisScale::Linear, AxisScale::Log] {
            let image = plot(scale, &[(0.0, 1.0), (10.0, 0.001)]).draw().unwrap();
            let count = (0..image.width() * image.height())
                .filter(|i| image.pixel(i % image.width(), i / image.width()) == Some(COLORS[0]));
            assert!(count.count() > PLOT_WIDTH);
        }
    }

    #[test]
    fn points_that_cannot_be_drawn_are_left_out() {
        assert!(plot(AxisScale::Log, &[(0.0, 0.0), (1.0, -2.0)]).draw().is_err());
        assert!(plot(AxisScale::Linear, &[(0.0, f64::NAN)]).draw().is_err());
        assert!(plot(AxisScale::Linear, &[]).draw().is_err());
        assert!(plot(AxisScale::Linear, &[(3.0, 0.0)]).draw().is_ok());
        assert!(plot(AxisScale::Log, &[(0.0, 0.0), (1.0, 2.0)]).draw().is_ok());
    }
}

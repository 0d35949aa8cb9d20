//! Curves over an axis.

use diph_core::{Error, Result};

use super::RgbImage;
use super::axis::{Axis, AxisScale};
use super::strokes::{color_of, draw_disc, draw_segment};
use super::text::{Align, TextStyle, draw_text, draw_text_upwards};
use super::theme::{FAINT_INK, GRID, HEADING_SIZE, INK, MARGIN, NOTE_SIZE, PAPER, TICK_SIZE, line_height};

const PLOT_WIDTH: usize = 760;
const PLOT_HEIGHT: usize = 420;
const MARKER: f32 = 9.0;

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
    /// How the horizontal axis is laid out.
    pub x_scale: AxisScale,
    /// How the vertical axis is laid out.
    pub y_scale: AxisScale,
    /// Whether every point has a dot, which shows where a curve was measured.
    pub markers: bool,
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
            let color = color_of(index);
            for pair in points.windows(2) {
                draw_segment(&mut image, pair[0], pair[1], color);
            }
            if let [lone] = points[..] {
                draw_segment(&mut image, lone, lone, color);
            }
            for point in points.iter().filter(|_| self.markers) {
                draw_disc(&mut image, *point, MARKER, color);
            }
        }
        self.draw_legend(&mut image, &frame);
        Ok(image)
    }

    fn draw_axes(&self, image: &mut RgbImage, frame: &Frame) {
        let (left, top) = (frame.left, frame.top);
        let ticks = TextStyle::plain(TICK_SIZE, INK);
        for tick in &frame.x.ticks {
            let x = frame.across(tick.value);
            image.fill(x as usize, top, 1, PLOT_HEIGHT, GRID);
            let y = (top + PLOT_HEIGHT) as f32 + 0.9 * TICK_SIZE;
            draw_text(image, &tick.label, (x, y), Align::Center, ticks);
        }
        for tick in &frame.y.ticks {
            let y = frame.down(tick.value);
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
            draw_segment(image, (x, y), (x + 26.0, y), color_of(index));
            draw_text(image, &series.name, (x + 36.0, y), Align::Left, TextStyle::plain(NOTE_SIZE, INK));
        }
    }

    /// Points that can be drawn.
    fn shown<'a>(&'a self, series: &'a Series) -> impl Iterator<Item = (f64, f64)> + 'a {
        series.points.iter().copied().filter(|(x, y)| self.x_scale.shows(*x) && self.y_scale.shows(*y))
    }
}

/// Where the axes lie.
struct Frame {
    left: usize,
    top: usize,
    legend_width: usize,
    x: Axis,
    y: Axis,
}

impl Frame {
    fn of(plot: &LinePlot) -> Result<Self> {
        let points: Vec<(f64, f64)> = plot.series.iter().flat_map(|series| plot.shown(series)).collect();
        let none = || Error::parameter("line plot: draw", "series", "at least one finite point", "none");
        // Dots at the ends of the curves need room beside them.
        let margin = if plot.markers { 0.03 } else { 0.0 };
        let x = Axis::over(plot.x_scale, points.iter().map(|point| point.0), margin, 8).ok_or_else(none)?;
        let y = Axis::over(plot.y_scale, points.iter().map(|point| point.1), 0.04, 7).ok_or_else(none)?;
        let style = TextStyle::plain(TICK_SIZE, INK);
        let widest = y.ticks.iter().map(|tick| style.width(&tick.label)).fold(0.0, f32::max);
        let names = plot.series.iter().map(|series| TextStyle::plain(NOTE_SIZE, INK).width(&series.name));
        let heading = if plot.title.is_empty() { 0 } else { line_height(HEADING_SIZE) };
        Ok(Self {
            left: MARGIN + line_height(NOTE_SIZE) + widest.ceil() as usize + 8,
            top: MARGIN + heading,
            legend_width: 54 + names.fold(0.0, f32::max).ceil() as usize,
            x,
            y,
        })
    }

    fn image_width(&self) -> usize {
        self.left + PLOT_WIDTH + self.legend_width + MARGIN
    }

    fn image_height(&self) -> usize {
        self.top + PLOT_HEIGHT + line_height(TICK_SIZE) + line_height(NOTE_SIZE) + MARGIN
    }

    fn place(&self, (x, y): (f64, f64)) -> (f32, f32) {
        (self.across(x), self.down(y))
    }

    fn across(&self, x: f64) -> f32 {
        (self.left as f64 + self.x.position(x) * (PLOT_WIDTH - 1) as f64) as f32
    }

    fn down(&self, y: f64) -> f32 {
        (self.top as f64 + (1.0 - self.y.position(y)) * (PLOT_HEIGHT - 1) as f64) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(y_scale: AxisScale, points: &[(f64, f64)]) -> LinePlot {
        let series = vec![Series { name: "loss".into(), points: points.to_vec() }];
        LinePlot {
            title: "Training".into(),
            x_label: "step".into(),
            y_label: "loss".into(),
            y_scale,
            series,
            ..LinePlot::default()
        }
    }

    #[test]
    fn draws_a_curve_in_its_color() {
        for scale in [AxisScale::Linear, AxisScale::Log] {
            let image = plot(scale, &[(0.0, 1.0), (10.0, 0.001)]).draw().unwrap();
            let count = (0..image.width() * image.height())
                .filter(|i| image.pixel(i % image.width(), i / image.width()) == Some(color_of(0)));
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

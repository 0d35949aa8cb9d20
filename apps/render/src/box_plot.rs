//! Distributions side by side, one line each.

use diph_core::{Error, Result};

use super::RgbImage;
use super::axis::{Axis, AxisScale};
use super::strokes::{color_of, draw_disc, draw_segment};
use super::text::{Align, TextStyle, draw_text};
use super::theme::{FAINT_INK, GRID, HEADING_SIZE, INK, MARGIN, NOTE_SIZE, PAPER, TICK_SIZE, line_height};

const PLOT_WIDTH: usize = 560;
const ROW_HEIGHT: usize = 40;
const BOX_HEIGHT: usize = 20;
const DOT: f32 = 6.0;

/// One distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoxRow {
    /// Written at its left.
    pub name: String,
    /// The numbers; those that are not finite are left out.
    pub values: Vec<f64>,
}

/// Box plots in rows: the box from the lower to the upper quartile with a line at the median, whiskers to the least and the
/// greatest number, and every number as a dot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoxPlot {
    /// Line above the plot; empty for none.
    pub title: String,
    /// Quantity and unit of the axis.
    pub label: String,
    /// The rows from top to bottom.
    pub rows: Vec<BoxRow>,
}

impl BoxPlot {
    /// Draws the plot on white paper.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no number to draw.
    pub fn draw(&self) -> Result<RgbImage> {
        let none = || Error::parameter("box plot: draw", "rows", "at least one finite number", "none");
        let values = self.rows.iter().flat_map(|row| row.values.iter().copied());
        let axis = Axis::over(AxisScale::Linear, values, 0.04, 6).ok_or_else(none)?;
        let style = TextStyle::plain(NOTE_SIZE, INK);
        let names = self.rows.iter().map(|row| style.width(&row.name)).fold(0.0, f32::max).ceil() as usize;
        let (left, top) =
            (MARGIN + names + 14, MARGIN + if self.title.is_empty() { 0 } else { line_height(HEADING_SIZE) });
        let height = ROW_HEIGHT * self.rows.len();
        let below = line_height(TICK_SIZE) + line_height(NOTE_SIZE) + MARGIN;
        let mut image = RgbImage::new(left + PLOT_WIDTH + 2 * MARGIN, top + height + below, PAPER);
        let across = |value: f64| left as f32 + axis.position(value) as f32 * (PLOT_WIDTH - 1) as f32;
        let center = (left + PLOT_WIDTH / 2) as f32;
        let heading = TextStyle::bold(HEADING_SIZE, INK).fitted(&self.title, PLOT_WIDTH);
        draw_text(&mut image, &self.title, (center, MARGIN as f32 + HEADING_SIZE / 2.0), Align::Center, heading);
        for tick in &axis.ticks {
            let x = across(tick.value);
            image.fill(x as usize, top, 1, height, GRID);
            let y = (top + height) as f32 + 0.9 * TICK_SIZE;
            draw_text(&mut image, &tick.label, (x, y), Align::Center, TextStyle::plain(TICK_SIZE, INK));
        }
        image.outline(left, top, PLOT_WIDTH, height, FAINT_INK);
        let under = (top + height + line_height(TICK_SIZE)) as f32 + 0.8 * NOTE_SIZE;
        draw_text(&mut image, &self.label, (center, under), Align::Center, style);
        for (index, row) in self.rows.iter().enumerate() {
            let y = (top + index * ROW_HEIGHT + ROW_HEIGHT / 2) as f32;
            draw_text(&mut image, &row.name, (left as f32 - 8.0, y), Align::Right, style);
            draw_row(&mut image, row, index, y, across);
        }
        Ok(image)
    }
}

fn draw_row(image: &mut RgbImage, row: &BoxRow, index: usize, y: f32, across: impl Fn(f64) -> f32) {
    let mut sorted: Vec<f64> = row.values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else { return };
    let color = color_of(index);
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| across(quantile(&sorted, share)));
    let (top, half) = (y as usize - BOX_HEIGHT / 2, BOX_HEIGHT as f32 / 2.0);
    draw_segment(image, (across(*least), y), (low, y), FAINT_INK);
    draw_segment(image, (high, y), (across(*greatest), y), FAINT_INK);
    let (left, width) = (low as usize, (high - low).max(1.0) as usize);
    image.fill(left, top, width, BOX_HEIGHT, lighter(color));
    image.outline(left, top, width, BOX_HEIGHT, color);
    draw_segment(image, (middle, y - half), (middle, y + half), color);
    for value in &sorted {
        draw_disc(image, (across(*value), y), DOT, INK);
    }
}

fn lighter(color: super::Rgb) -> super::Rgb {
    color.map(|channel| 255 - (255 - channel) / 4)
}

/// The number below which a share of the sorted numbers lies, between two of them by linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_between_numbers() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&sorted, share)), [1.0, 1.75, 3.0, 5.0, 8.0]);
        assert_eq!(quantile(&[7.0], 0.75), 7.0);
    }

    #[test]
    fn every_row_takes_room_and_an_empty_one_is_drawn_without_a_box() {
        let row = |name: &str, values: &[f64]| BoxRow { name: name.into(), values: values.to_vec() };
        let plot = |rows| BoxPlot { title: "T1".into(), label: "MAPE [%]".into(), rows };
        let one = plot(vec![row("lrtv", &[10.0, 12.0])]).draw().unwrap();
        let two = plot(vec![row("lrtv", &[10.0, 12.0]), row("none", &[f64::NAN])]).draw().unwrap();
        assert_eq!(two.height() - one.height(), ROW_HEIGHT);
        let has = |color| (0..one.height()).any(|y| (0..one.width()).any(|x| one.pixel(x, y) == Some(color)));
        assert!(has(lighter(color_of(0))) && has(INK));
        assert!(plot(vec![row("none", &[])]).draw().is_err());
    }
}

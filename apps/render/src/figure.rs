//! Maps in a grid.

use diph_core::{Error, Result};

use super::color_bar::{color_bar_width, draw_color_bar};
use super::text::{Align, TextStyle, draw_text, draw_text_upwards};
use super::theme::{FAINT_INK, GAP, HEADING_SIZE, INK, MARGIN, NOTE_SIZE, PAPER, TITLE_SIZE, line_height};
use super::{Panel, RgbImage};

/// Least width and height of a map on the page, in pixels.
const LEAST_PANEL: usize = 300;

/// Maps of one shape in a grid with headings, row labels and colour bars.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// Line above everything.
    pub title: Option<String>,
    /// Heading of each column; empty for none.
    pub column_titles: Vec<String>,
    /// The rows from top to bottom.
    pub rows: Vec<FigureRow>,
}

/// One row of a [`Figure`].
#[derive(Clone, Debug, Default)]
pub struct FigureRow {
    /// Written upwards at the left.
    pub label: String,
    /// The maps from left to right; `None` leaves a place empty.
    pub panels: Vec<Option<Panel>>,
}

impl Figure {
    /// Draws the figure on white paper. Maps are enlarged by the least whole number that makes them 300 pixels wide
    /// and high.
    ///
    /// # Errors
    /// [`Error::Shape`] when maps differ in shape, [`Error::Parameter`] when there is no map or the maps are empty.
    pub fn draw(&self) -> Result<RgbImage> {
        let layout = Layout::of(self)?;
        let mut image = RgbImage::new(layout.width, layout.height, PAPER);
        self.draw_headings(&mut image, &layout);
        for (row, &y) in self.rows.iter().zip(&layout.row_tops) {
            let middle = (y + layout.panel_height / 2) as f32;
            let style = TextStyle::bold(HEADING_SIZE, INK).fitted(&row.label, layout.panel_height);
            draw_text_upwards(&mut image, &row.label, (MARGIN as f32 + HEADING_SIZE / 2.0, middle), style);
            for (panel, &x) in row.panels.iter().zip(&layout.column_lefts) {
                if let Some(panel) = panel {
                    draw_panel(&mut image, panel, (x, y), &layout);
                }
            }
        }
        Ok(image)
    }

    fn draw_headings(&self, image: &mut RgbImage, layout: &Layout) {
        if let Some(title) = &self.title {
            let style = TextStyle::bold(TITLE_SIZE, INK).fitted(title, layout.width - 2 * MARGIN);
            let y = (MARGIN + line_height(TITLE_SIZE) / 2) as f32;
            draw_text(image, title, (layout.width as f32 / 2.0, y), Align::Center, style);
        }
        for (title, &x) in self.column_titles.iter().zip(&layout.column_lefts) {
            let style = TextStyle::bold(HEADING_SIZE, INK).fitted(title, layout.panel_width);
            let center = x as f32 + layout.panel_width as f32 / 2.0;
            draw_text(image, title, (center, layout.heading_y as f32), Align::Center, style);
        }
    }

    fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| row.panels.iter().flatten())
    }
}

fn draw_panel(image: &mut RgbImage, panel: &Panel, (left, top): (usize, usize), layout: &Layout) {
    for ((y, x), &value) in panel.values.indexed_iter() {
        let color = panel.scale.color(value);
        image.fill(left + x * layout.zoom, top + y * layout.zoom, layout.zoom, layout.zoom, color);
    }
    if let Some(note) = &panel.note {
        let style = TextStyle::plain(NOTE_SIZE, FAINT_INK).fitted(note, layout.panel_width);
        let center = (left as f32 + layout.panel_width as f32 / 2.0, top as f32 - 0.75 * NOTE_SIZE);
        draw_text(image, note, center, Align::Center, style);
    }
    if panel.color_bar {
        draw_color_bar(image, panel, left + layout.panel_width, top, layout.panel_height);
    }
}

/// Where everything goes.
struct Layout {
    width: usize,
    height: usize,
    /// Pixels per voxel.
    zoom: usize,
    panel_width: usize,
    panel_height: usize,
    heading_y: usize,
    column_lefts: Vec<usize>,
    row_tops: Vec<usize>,
}

impl Layout {
    fn of(figure: &Figure) -> Result<Self> {
        let (voxels_y, voxels_x) = common_shape(figure)?;
        let zoom = LEAST_PANEL.div_ceil(voxels_y.min(voxels_x));
        let (panel_width, panel_height) = (voxels_x * zoom, voxels_y * zoom);

        let title = figure.title.as_ref().map_or(0, |_| line_height(TITLE_SIZE) + GAP / 2);
        let heading = if figure.column_titles.is_empty() { 0 } else { line_height(HEADING_SIZE) };
        let mut y = MARGIN + title + heading;
        let mut row_tops = Vec::new();
        for row in &figure.rows {
            let has_note = row.panels.iter().flatten().any(|panel| panel.note.is_some());
            y += if has_note { line_height(NOTE_SIZE) } else { 0 };
            row_tops.push(y);
            y += panel_height + GAP;
        }

        let labels = if figure.rows.iter().all(|row| row.label.is_empty()) { 0 } else { line_height(HEADING_SIZE) };
        let mut x = MARGIN + labels;
        let mut column_lefts = Vec::new();
        let columns = figure.rows.iter().map(|row| row.panels.len()).max().unwrap_or(0);
        for column in 0..columns {
            column_lefts.push(x);
            let bars = figure.rows.iter().filter_map(|row| row.panels.get(column)?.as_ref());
            let bar = bars.filter(|panel| panel.color_bar).map(|panel| color_bar_width(&panel.scale, panel_height));
            x += panel_width + bar.max().unwrap_or(0) + GAP;
        }
        Ok(Self {
            width: x - GAP + MARGIN,
            height: y - GAP + MARGIN,
            zoom,
            panel_width,
            panel_height,
            heading_y: MARGIN + title + heading * 2 / 5,
            column_lefts,
            row_tops,
        })
    }
}

fn common_shape(figure: &Figure) -> Result<(usize, usize)> {
    let no_map = || Error::parameter("figure: draw", "panels", "at least one map with voxels", "none");
    let shape = figure.panels().next().ok_or_else(no_map)?.values.dim();
    if shape.0 == 0 || shape.1 == 0 {
        return Err(no_map());
    }
    match figure.panels().find(|panel| panel.values.dim() != shape) {
        None => Ok(shape),
        Some(other) => Err(Error::Shape {
            operation: "figure: draw".into(),
            role: "map".into(),
            expected: vec![shape.0, shape.1],
            got: other.values.shape().to_vec(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::{ColorScale, Colormap};

    fn panel(shape: (usize, usize)) -> Panel {
        let scale = ColorScale::new(Colormap::Grey, 0.0, 1.0, "PD [a.u.]");
        Panel { values: Array2::from_elem(shape, 0.5), scale, color_bar: false, note: None }
    }

    fn figure(panels: Vec<Option<Panel>>) -> Figure {
        Figure { title: None, column_titles: Vec::new(), rows: vec![FigureRow { label: String::new(), panels }] }
    }

    #[test]
    fn maps_are_enlarged_by_whole_numbers() {
        let image = figure(vec![Some(panel((64, 70))), None, Some(panel((64, 70)))]).draw().unwrap();
        assert_eq!(image.width(), 3 * 70 * 5 + 2 * GAP + 2 * MARGIN);
        assert_eq!(image.height(), 64 * 5 + 2 * MARGIN);
        assert_eq!(image.pixel(MARGIN, MARGIN), Some([128; 3]));
        assert_eq!(image.pixel(MARGIN + 349, MARGIN + 319), Some([128; 3]));
        assert_eq!(image.pixel(MARGIN + 350, MARGIN), Some(PAPER));
    }

    #[test]
    fn shapes_must_agree_and_there_must_be_a_map() {
        let error = figure(vec![Some(panel((8, 8))), Some(panel((8, 9)))]).draw().unwrap_err();
        assert_eq!(error.to_string(), "figure: draw: expected map [8, 8], got [8, 9]");
        assert!(figure(vec![None]).draw().is_err());
        assert!(figure(vec![Some(panel((0, 3)))]).draw().is_err());
    }

    #[test]
    fn a_color_bar_and_headings_take_room() {
        let bare = figure(vec![Some(panel((300, 300)))]).draw().unwrap();
        let mut full = figure(vec![Some(Panel { color_bar: true, note: Some("10 %".into()), ..panel((300, 300)) })]);
        full.title = Some("Maps".into());
        full.column_titles = vec!["T1".into()];
        let full = full.draw().unwrap();
        assert!(full.width() > bare.width() + 40);
        assert!(full.height() > bare.height() + 60);
    }
}

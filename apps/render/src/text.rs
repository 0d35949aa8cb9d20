//! Words in pictures, set in DejaVu Sans.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use super::{Rgb, RgbImage};

/// Which part of the text stands at the given x.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct TextStyle {
    /// Pixels per em.
    pub size: f32,
    pub bold: bool,
    pub color: Rgb,
}

impl TextStyle {
    pub(super) fn plain(size: f32, color: Rgb) -> Self {
        Self { size, bold: false, color }
    }

    pub(super) fn bold(size: f32, color: Rgb) -> Self {
        Self { size, bold: true, color }
    }

    /// The same style, smaller where the text would be wider than `width`.
    pub(super) fn fitted(self, text: &str, width: usize) -> Self {
        let needed = self.width(text);
        Self { size: self.size * (width as f32 / needed.max(1.0)).min(1.0), ..self }
    }

    /// Width of a text in pixels.
    pub(super) fn width(self, text: &str) -> f32 {
        self.layout(text).1
    }

    /// Glyphs on a baseline at y = 0, and where the next one would start.
    fn layout(self, text: &str) -> (Vec<Glyph>, f32) {
        let font = self.font().as_scaled(self.scale());
        let mut glyphs: Vec<Glyph> = Vec::new();
        let mut x = 0.0;
        for character in text.chars() {
            let id = font.glyph_id(character);
            if let Some(previous) = glyphs.last() {
                x += font.kern(previous.id, id);
            }
            glyphs.push(id.with_scale_and_position(self.scale(), point(x, 0.0)));
            x += font.h_advance(id);
        }
        (glyphs, x)
    }

    fn font(self) -> &'static FontRef<'static> {
        if self.bold { &BOLD } else { &REGULAR }
    }

    /// The font library counts sizes from the lowest descender to the highest ascender, people count ems.
    fn scale(self) -> PxScale {
        let font = self.font();
        PxScale::from(self.size * font.height_unscaled() / font.units_per_em().unwrap_or(1000.0))
    }
}

/// Height of a capital letter of DejaVu Sans in ems.
const CAPITAL_HEIGHT: f32 = 0.729;

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| embedded(dejavu::sans::regular()));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| embedded(dejavu::sans::bold()));

fn embedded(file: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(file).expect("the font that is part of the program can be read")
}

/// Writes a line of text whose capitals are centred on `y`.
pub(super) fn draw_text(image: &mut RgbImage, text: &str, (x, y): (f32, f32), align: Align, style: TextStyle) {
    let start = (x - shift(text, align, style)).round();
    let baseline = (y + CAPITAL_HEIGHT * style.size / 2.0).round();
    cover(text, style, |along, down, coverage| blend(image, start + along, baseline + down, style.color, coverage));
}

/// Writes a line of text that runs upwards, its capitals centred on `x` and its middle at `y`.
pub(super) fn draw_text_upwards(image: &mut RgbImage, text: &str, (x, y): (f32, f32), style: TextStyle) {
    let start = (y + shift(text, Align::Center, style)).round();
    let baseline = (x + CAPITAL_HEIGHT * style.size / 2.0).round();
    cover(text, style, |along, down, coverage| blend(image, baseline + down, start - along, style.color, coverage));
}

fn shift(text: &str, align: Align, style: TextStyle) -> f32 {
    match align {
        Align::Left => 0.0,
        Align::Center => style.width(text) / 2.0,
        Align::Right => style.width(text),
    }
}

/// Calls back with every touched pixel: distance along the baseline, distance below it, coverage.
fn cover(text: &str, style: TextStyle, mut draw: impl FnMut(f32, f32, f32)) {
    for glyph in style.layout(text).0 {
        let Some(outline) = style.font().outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|x, y, coverage| draw(corner.x + x as f32, corner.y + y as f32, coverage));
    }
}

fn blend(image: &mut RgbImage, x: f32, y: f32, color: Rgb, coverage: f32) {
    if x >= 0.0 && y >= 0.0 {
        image.blend(x as usize, y as usize, color, coverage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_leaves_ink_where_it_should() {
        let style = TextStyle::plain(20.0, [0; 3]);
        let mut image = RgbImage::new(200, 40, [255; 3]);
        draw_text(&mut image, "T₁ [s]", (100.0, 20.0), Align::Center, style);
        let columns: Vec<usize> =
            (0..200).filter(|&x| (0..40).any(|y| image.pixel(x, y).is_some_and(|color| color[0] < 128))).collect();
        let (first, last) = (columns[0] as f32, columns[columns.len() - 1] as f32);
        assert!(((first + last) / 2.0 - 100.0).abs() < 3.0);
        assert!((last - first - style.width("T₁ [s]")).abs() < 6.0);
    }

    #[test]
    fn upwards_text_is_the_turned_text() {
        let style = TextStyle::bold(20.0, [0; 3]);
        let mut level = RgbImage::new(101, 101, [255; 3]);
        draw_text(&mut level, "T2 error", (50.0, 50.0), Align::Center, style);
        let mut upwards = RgbImage::new(101, 101, [255; 3]);
        draw_text_upwards(&mut upwards, "T2 error", (50.0, 50.0), style);
        let ink = |image: &RgbImage| -> usize {
            (0..101 * 101).filter(|i| image.pixel(i % 101, i / 101).is_some_and(|color| color[0] < 128)).count()
        };
        assert!(ink(&level) > 100);
        assert_eq!(ink(&level), ink(&upwards));
    }

    #[test]
    fn long_text_shrinks_to_fit() {
        let style = TextStyle::plain(20.0, [0; 3]);
        let fitted = style.fitted("a rather long line of words", 100);
        assert!(fitted.width("a rather long line of words") <= 101.0);
        assert_eq!(style.fitted("T1", 100).size, 20.0);
    }
}

//! A picture in memory.

use diph_core::{Error, Result};

/// Red, green and blue, 0 to 255, in sRGB.
pub type Rgb = [u8; 3];

/// A picture of 8 bits per channel. Positions are (x, y) from the upper left corner; drawing outside is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl RgbImage {
    /// A picture of one colour.
    pub fn new(width: usize, height: usize, color: Rgb) -> Self {
        Self { width, height, pixels: color.repeat(width * height) }
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Colour of a pixel; `None` outside.
    pub fn pixel(&self, x: usize, y: usize) -> Option<Rgb> {
        let start = self.offset(x, y)?;
        Some([self.pixels[start], self.pixels[start + 1], self.pixels[start + 2]])
    }

    /// Sets a pixel.
    pub fn set(&mut self, x: usize, y: usize, color: Rgb) {
        if let Some(start) = self.offset(x, y) {
            self.pixels[start..start + 3].copy_from_slice(&color);
        }
    }

    /// Lays a colour over a pixel, `coverage` from 0 (nothing) to 1 (opaque).
    pub fn blend(&mut self, x: usize, y: usize, color: Rgb, coverage: f32) {
        let Some(below) = self.pixel(x, y) else { return };
        let coverage = coverage.clamp(0.0, 1.0);
        let mix = |channel: usize| {
            let (below, above) = (f32::from(below[channel]), f32::from(color[channel]));
            (below + (above - below) * coverage).round() as u8
        };
        self.set(x, y, [mix(0), mix(1), mix(2)]);
    }

    /// Fills a rectangle with its upper left corner at (x, y).
    pub fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, color: Rgb) {
        for row in y..(y + height).min(self.height) {
            for column in x..(x + width).min(self.width) {
                self.set(column, row, color);
            }
        }
    }

    /// Draws the border of a rectangle, one pixel wide, inside of it.
    pub fn outline(&mut self, x: usize, y: usize, width: usize, height: usize, color: Rgb) {
        self.fill(x, y, width, 1, color);
        self.fill(x, (y + height).saturating_sub(1), width, 1, color);
        self.fill(x, y, 1, height, color);
        self.fill((x + width).saturating_sub(1), y, 1, height, color);
    }

    /// Pictures one below the other, aligned at the left, on a ground of this colour. Without any picture the result is empty.
    pub fn below(pictures: &[Self], ground: Rgb) -> Self {
        let width = pictures.iter().map(Self::width).max().unwrap_or(0);
        let mut column = Self { width, height: 0, pixels: Vec::new() };
        for picture in pictures {
            let padding = ground.repeat(width - picture.width);
            for line in picture.pixels.chunks_exact(3 * picture.width.max(1)) {
                column.pixels.extend_from_slice(line);
                column.pixels.extend_from_slice(&padding);
            }
            column.height += picture.height;
        }
        column
    }

    /// Pictures side by side from left to right, aligned at the top, on a ground of this colour. Without any picture the result is
    /// empty.
    pub fn beside(pictures: &[Self], ground: Rgb) -> Self {
        let height = pictures.iter().map(Self::height).max().unwrap_or(0);
        let mut row = Self::new(pictures.iter().map(Self::width).sum(), height, ground);
        let mut left = 0;
        for picture in pictures {
            for (y, line) in picture.pixels.chunks_exact(3 * picture.width.max(1)).enumerate() {
                let start = 3 * (y * row.width + left);
                row.pixels[start..start + line.len()].copy_from_slice(line);
            }
            left += picture.width;
        }
        row
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// [`Error::External`] when the picture is empty.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.pixels).and_then(|()| writer.finish()))
            .map_err(|error| Error::external("png", error))?;
        Ok(file)
    }

    fn offset(&self, x: usize, y: usize) -> Option<usize> {
        (x < self.width && y < self.height).then_some(3 * (y * self.width + x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_reads_back() {
        let mut image = RgbImage::new(7, 5, [255; 3]);
        image.fill(2, 1, 3, 2, [10, 20, 30]);
        image.blend(6, 4, [0; 3], 0.5);
        let file = image.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (7, 5, png::ColorType::Rgb));
        assert_eq!(pixels, image.pixels);
        assert_eq!(image.pixel(4, 2), Some([10, 20, 30]));
        assert_eq!(image.pixel(5, 2), Some([255; 3]));
        assert_eq!(image.pixel(6, 4), Some([128; 3]));
    }

    #[test]
    fn pictures_stand_side_by_side() {
        let row = RgbImage::beside(&[RgbImage::new(2, 1, [9; 3]), RgbImage::new(3, 4, [7; 3])], [1; 3]);
        assert_eq!((row.width(), row.height()), (5, 4));
        assert_eq!([(1, 0), (1, 1), (2, 0), (4, 3)].map(|(x, y)| row.pixel(x, y).unwrap()[0]), [9, 1, 7, 7]);
        assert_eq!(RgbImage::beside(&[], [0; 3]).width(), 0);
    }

    #[test]
    fn outside_is_ignored_and_empty_is_an_error() {
        let mut image = RgbImage::new(2, 2, [0; 3]);
        image.fill(1, 1, 9, 9, [1; 3]);
        image.set(2, 0, [9; 3]);
        assert_eq!(image.pixel(2, 0), None);
        assert_eq!(image.pixel(0, 0), Some([0; 3]));
        assert!(RgbImage::new(0, 4, [0; 3]).to_png().is_err());
    }
}

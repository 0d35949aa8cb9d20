//! Complex images of any size as the real channels of a network of fixed size.

use diph_core::{Error, ImageShape, Overlap, Result, Space, View, ViewMut};
use diph_network::Tensor;
use num_complex::Complex32;

/// How images (coefficient, y, x) and network images (1, 2 K, size, size) lie over each other: centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageChannels {
    coefficients: usize,
    height: usize,
    width: usize,
    size: usize,
}

impl ImageChannels {
    /// Fails when the image has another number of coefficients.
    pub fn new(operation: &str, role: &str, shape: &[usize], coefficients: usize, size: usize) -> Result<Self> {
        match *shape {
            [k, height, width] if k == coefficients => Ok(Self { coefficients, height, width, size }),
            [_, height, width] => Err(Error::Shape {
                operation: operation.into(),
                role: role.into(),
                expected: vec![coefficients, height, width],
                got: shape.to_vec(),
            }),
            _ => Err(Error::Shape {
                operation: operation.into(),
                role: role.into(),
                expected: vec![coefficients, size, size],
                got: shape.to_vec(),
            }),
        }
    }

    fn space(&self) -> Space {
        Space::image(self.coefficients, &ImageShape::plane(self.height, self.width))
    }

    /// The image as channels; pixels that it does not have come from `outside`.
    pub fn to_network(
        self,
        operation: &str,
        role: &str,
        image: &View<'_>,
        mut outside: impl FnMut() -> f32,
    ) -> Result<Tensor> {
        let values = self.space().slice(operation, role, image)?;
        if let Some(index) = values.iter().position(|value| !(value.re.is_finite() && value.im.is_finite())) {
            return Err(Error::NotFinite { operation: operation.into(), role: role.into(), index });
        }
        let plane = self.size * self.size;
        let has_outside = self.height < self.size || self.width < self.size;
        let mut channels: Vec<f32> = match has_outside {
            true => (0..2 * self.coefficients * plane).map(|_| outside()).collect(),
            false => vec![0.0; 2 * self.coefficients * plane],
        };
        self.for_each_row(|coefficient, image_start, network_start, len| {
            let row = &values[image_start..][..len];
            for (part, channel) in [2 * coefficient, 2 * coefficient + 1].into_iter().enumerate() {
                let target = &mut channels[channel * plane + network_start..][..len];
                target.iter_mut().zip(row).for_each(|(target, value)| {
                    *target = if part == 0 { value.re } else { value.im };
                });
            }
        });
        Tensor::new([1, 2 * self.coefficients, self.size, self.size], channels)
            .map_err(|error| Error::external(operation, error))
    }

    /// Channels as an image; 0 where the network does not reach.
    pub fn to_image(self, operation: &str, channels: &[f32], image: ViewMut<'_>) -> Result<()> {
        let values = self.space().slice_mut(operation, "denoised image", image)?;
        let plane = self.size * self.size;
        values.fill(Complex32::ZERO);
        self.for_each_row(|coefficient, image_start, network_start, len| {
            let real = &channels[2 * coefficient * plane + network_start..][..len];
            let imaginary = &channels[(2 * coefficient + 1) * plane + network_start..][..len];
            let row = values[image_start..][..len].iter_mut();
            row.zip(real.iter().zip(imaginary)).for_each(|(value, (re, im))| *value = Complex32::new(*re, *im));
        });
        Ok(())
    }

    /// Calls with (coefficient, start in the image, start in a network's plane, length) for each common row.
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize, usize, usize)) {
        let (y, x) = (Overlap::centred(self.height, self.size), Overlap::centred(self.width, self.size));
        for coefficient in 0..self.coefficients {
            for row in 0..y.len {
                let image = (coefficient * self.height + y.first + row) * self.width + x.first;
                visit(coefficient, image, (y.second + row) * self.size + x.second, x.len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;

    fn image(k: usize, height: usize, width: usize) -> ArrayD<Complex32> {
        let mut count = 0.0;
        ArrayD::from_shape_simple_fn(IxDyn(&[k, height, width]), || {
            count += 1.0;
            Complex32::new(count, -count)
        })
    }

    #[test]
    fn channels_are_real_then_imaginary() -> Result<()> {
        let image = image(2, 2, 2);
        let layout = ImageChannels::new("test", "image", image.shape(), 2, 2)?;
        let channels = layout.to_network("test", "image", &image.view(), || 9.0)?;
        let values = channels.into_values();
        assert_eq!(values[..8], [1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0]);
        Ok(())
    }

    /// 230 to 224 cuts 3 on each side; a smaller image is centred in what `outside` gives.
    #[test]
    fn crops_and_pads_at_the_centre() -> Result<()> {
        for (height, width, size) in [(7, 9, 4), (3, 5, 4), (4, 4, 4), (2, 3, 8)] {
            let image = image(1, height, width);
            let layout = ImageChannels::new("test", "image", image.shape(), 1, size)?;
            let channels = layout.to_network("test", "image", &image.view(), || 99.0)?;
            let values = channels.into_values();
            let outside = values[..size * size].iter().filter(|value| **value == 99.0).count();
            assert_eq!(outside, size * size - size.min(height) * size.min(width));
            let mut back = ArrayD::from_elem(image.raw_dim(), Complex32::new(5.0, 5.0));
            layout.to_image("test", &values, back.view_mut())?;
            let kept = back.iter().zip(&image).filter(|(back, image)| back == image).count();
            let zeros = back.iter().filter(|value| **value == Complex32::ZERO).count();
            assert_eq!(kept, size.min(height) * size.min(width));
            assert_eq!(kept + zeros, height * width);
        }
        Ok(())
    }

    #[test]
    fn images_of_other_shapes_or_with_nan_are_errors() -> Result<()> {
        assert!(ImageChannels::new("test", "image", &[4, 8, 8], 5, 8).is_err());
        assert!(ImageChannels::new("test", "image", &[8, 8], 5, 8).is_err());
        let mut image = image(1, 2, 2);
        image[[0, 1, 0]].im = f32::NAN;
        let layout = ImageChannels::new("test", "image", image.shape(), 1, 2)?;
        let error = layout.to_network("test", "image", &image.view(), || 0.0);
        assert!(matches!(error, Err(Error::NotFinite { index: 2, .. })));
        Ok(())
    }
}

//! Numbers with a shape.

use crate::{Error, Result};

/// Numbers in f32 with a shape, the last axis running fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Tensor {
    /// Values in the order of their shape.
    ///
    /// # Errors
    /// [`Error::Shape`] when there are not as many values as the shape has places.
    pub fn new(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Result<Self> {
        let shape = shape.into();
        match shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length)) {
            Some(count) if count == values.len() => Ok(Self { shape, values }),
            _ => Err(Error::shape("tensor", format!("values for a shape of {shape:?}"), &[values.len()])),
        }
    }

    /// A tensor of one value everywhere.
    pub fn filled(shape: impl Into<Vec<usize>>, value: f32) -> Self {
        let shape = shape.into();
        let values = vec![value; shape.iter().product()];
        Self { shape, values }
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The shape of images (batch, channel, y, x).
    ///
    /// # Errors
    /// [`Error::Shape`], naming the operation, when there are not four axes.
    pub fn image_shape(&self, operation: &str) -> Result<[usize; 4]> {
        let other = || Error::shape(operation, "a shape [batch, channel, y, x]", &self.shape);
        self.shape.as_slice().try_into().map_err(|_| other())
    }

    /// The values, last axis fastest.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The values without the shape.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// A function of every value.
    pub fn map(&self, function: impl Fn(f32) -> f32) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().map(|value| function(*value)).collect() }
    }

    /// A function of every value and that of another tensor in its place.
    ///
    /// # Errors
    /// [`Error::Shape`] when the shapes differ.
    pub fn zip(&self, other: &Self, function: impl Fn(f32, f32) -> f32) -> Result<Self> {
        if self.shape != other.shape {
            return Err(Error::shape("tensors", format!("two of the shape {:?}", self.shape), &other.shape));
        }
        let values = self.values.iter().zip(&other.values).map(|(a, b)| function(*a, *b)).collect();
        Ok(Self { shape: self.shape.clone(), values })
    }

    /// Every channel of images (batch, channel, y, x) times a factor, a function of image and channel.
    ///
    /// # Errors
    /// [`Error::Shape`] when these are no images.
    pub fn scaled(&self, factor: impl Fn(usize, usize) -> f32) -> Result<Self> {
        let [_, channels, height, width] = self.image_shape("scaling")?;
        let mut scaled = self.clone();
        for (plane, values) in scaled.values.chunks_exact_mut((height * width).max(1)).enumerate() {
            let factor = factor(plane / channels, plane % channels);
            values.iter_mut().for_each(|value| *value *= factor);
        }
        Ok(scaled)
    }

    /// Some channels of images (batch, channel, y, x).
    ///
    /// # Errors
    /// [`Error::Shape`] when these are no images or have no such channels.
    pub fn channels(&self, first: usize, count: usize) -> Result<Self> {
        let [batch, channels, height, width] = self.image_shape("channels")?;
        if first.checked_add(count).is_none_or(|end| end > channels) {
            return Err(Error::shape("channels", format!("{count} channels from {first} on"), &self.shape));
        }
        let pixels = height * width;
        let images = self.values.chunks_exact((channels * pixels).max(1));
        let values = images.flat_map(|image| &image[first * pixels..][..count * pixels]).copied().collect();
        Self::new([batch, count, height, width], values)
    }

    /// The channels of images, then those of others of the same size.
    ///
    /// # Errors
    /// [`Error::Shape`] when these are no images, or differ in more than their channels.
    pub fn joined(&self, other: &Self) -> Result<Self> {
        let [batch, channels, height, width] = self.image_shape("concatenation")?;
        let [other_batch, other_channels, other_height, other_width] = other.image_shape("concatenation")?;
        if (batch, height, width) != (other_batch, other_height, other_width) {
            let expected = format!("images of the size of {:?}", self.shape);
            return Err(Error::shape("concatenation", expected, &other.shape));
        }
        let (len, other_len) = (channels * height * width, other_channels * height * width);
        let image = |image: usize| {
            let own = &self.values[image * len..][..len];
            own.iter().chain(&other.values[image * other_len..][..other_len])
        };
        let values = (0..batch).flat_map(image).copied().collect();
        Self::new([batch, channels + other_channels, height, width], values)
    }
}

/// Helpers of the tests.
#[cfg(test)]
pub(crate) mod testing {
    use rand::{RngExt, SeedableRng};

    use super::Tensor;

    /// Uniform in [-1, 1].
    pub fn random(shape: &[usize], seed: u64) -> Tensor {
        let mut rng = diph_core::Rng::seed_from_u64(seed);
        let values = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
        Tensor::new(shape, values).expect("shape and values fit")
    }

    /// `|a - b| / |b|` in the Euclidean norm, zero when both are zero.
    pub fn relative_error(a: &[f32], b: &[f32]) -> f64 {
        assert_eq!(a.len(), b.len());
        let square = |x: f64| x * x;
        let difference: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(a - b))).sum();
        let norm: f64 = b.iter().map(|b| square(f64::from(*b))).sum();
        if difference == 0.0 { 0.0 } else { (difference / norm.max(f64::MIN_POSITIVE)).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_come_apart_and_together() -> Result<()> {
        let x = testing::random(&[2, 5, 3, 4], 1);
        assert_eq!(x.channels(0, 2)?.joined(&x.channels(2, 3)?)?, x);
        assert_eq!(x.joined(&x.channels(5, 0)?)?, x);
        assert!(x.channels(4, 2).is_err() && x.channels(usize::MAX, 2).is_err());
        assert!(x.joined(&testing::random(&[2, 5, 4, 3], 2)).is_err());
        Ok(())
    }

    #[test]
    fn shapes_and_values_must_fit() {
        assert!(Tensor::new([2, 3], vec![0.0; 5]).is_err());
        assert!(Tensor::new([usize::MAX, 2], vec![0.0; 2]).is_err());
        assert!(Tensor::filled([2], 1.0).zip(&Tensor::filled([1, 2], 1.0), |a, b| a + b).is_err());
    }
}

//! Space to depth and back.

use crate::{Error, Result, Tensor};

/// Where every value of (n, c r^2, h, w) lies in (n, c, h r, w r), the channels in the order `c * r^2 + dy * r + dx`.
fn places([batch, channels, height, width]: [usize; 4], factor: usize) -> impl Iterator<Item = usize> {
    let planes = (0..batch * channels).flat_map(move |plane| (0..factor * factor).map(move |tap| (plane, tap)));
    planes.flat_map(move |(plane, tap)| {
        let (dy, dx) = (tap / factor, tap % factor);
        (0..height).flat_map(move |y| {
            let row = ((plane * height + y) * factor + dy) * width * factor + dx;
            (0..width).map(move |x| row + x * factor)
        })
    })
}

/// (n, c, h r, w r) to (n, c r^2, h, w), with the channel order `c * r^2 + dy * r + dx`.
///
/// # Errors
/// [`Error::Shape`] when the height or width is no multiple of `factor`, or that is 0.
pub fn pixel_unshuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let [batch, channels, height, width] = x.image_shape("pixel unshuffle")?;
    if factor == 0 || !height.is_multiple_of(factor) || !width.is_multiple_of(factor) {
        let expected = format!("a height and width that are multiples of the factor {factor}, at least 1");
        return Err(Error::shape("pixel unshuffle", expected, x.shape()));
    }
    let (height, width) = (height / factor, width / factor);
    let values = places([batch, channels, height, width], factor).map(|place| x.values()[place]).collect();
    Tensor::new([batch, channels * factor * factor, height, width], values)
}

/// (n, c r^2, h, w) to (n, c, h r, w r): the inverse of [`pixel_unshuffle`].
///
/// # Errors
/// [`Error::Shape`] when the channels are no multiple of `factor^2`, or `factor` is 0.
pub fn pixel_shuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    let [batch, channels, height, width] = x.image_shape("pixel shuffle")?;
    let square = factor.checked_mul(factor).filter(|square| *square > 0 && channels.is_multiple_of(*square));
    let Some(square) = square else {
        let expected =
            format!("a number of channels that is a multiple of the square of the factor {factor}, at least 1");
        return Err(Error::shape("pixel shuffle", expected, x.shape()));
    };
    let channels = channels / square;
    let mut shuffled = Tensor::filled([batch, channels, height * factor, width * factor], 0.0);
    let values = shuffled.values_mut();
    places([batch, channels, height, width], factor).zip(x.values()).for_each(|(place, value)| values[place] = *value);
    Ok(shuffled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::testing::random;

    #[test]
    fn channel_order_is_channel_then_row_then_column() -> Result<()> {
        let x = Tensor::new([1, 2, 4, 4], (0..32).map(|value| value as f32).collect())?;
        let y = pixel_unshuffle(&x, 2)?;
        assert_eq!(y.shape(), [1, 8, 2, 2]);
        // Channel 0, dy 1, dx 0: the pixels (1, 0), (1, 2), (3, 0), (3, 2) of channel 0.
        assert_eq!(y.channels(2, 1)?.values(), [4.0, 6.0, 12.0, 14.0]);
        Ok(())
    }

    #[test]
    fn shuffle_undoes_unshuffle() -> Result<()> {
        for factor in [1, 2, 4] {
            let x = random(&[2, 3, 8, 12], 5);
            assert_eq!(pixel_shuffle(&pixel_unshuffle(&x, factor)?, factor)?, x);
        }
        Ok(())
    }

    #[test]
    fn sizes_must_divide() {
        assert!(pixel_unshuffle(&random(&[1, 1, 5, 4], 7), 2).is_err());
        assert!(pixel_shuffle(&random(&[1, 6, 4, 4], 8), 2).is_err());
        for factor in [0, usize::MAX] {
            assert!(pixel_shuffle(&random(&[1, 4, 4, 4], 8), factor).is_err());
            assert!(pixel_unshuffle(&random(&[1, 4, 4, 4], 8), factor).is_err());
        }
        assert_eq!(pixel_unshuffle(&Tensor::filled([1, 0, 4, 4], 0.0), 2).map(|y| y.values().len()).ok(), Some(0));
    }
}

//! Space to depth and back.

use candle_core::{Result, Tensor, bail};

/// (n, c, h r, w r) to (n, c r^2, h, w), with the channel order `c * r^2 + dy * r + dx`.
///
/// # Errors
/// When the height or width is no multiple of `factor`, or that is 0.
pub fn pixel_unshuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    match factor {
        0 => bail!("pixel unshuffle: expected a factor of at least 1, got 0"),
        1 => return Ok(x.clone()),
        _ => (),
    }
    let (batch, channels, height, width) = x.dims4()?;
    let (height, width) = (height / factor, width / factor);
    x.reshape((batch, channels, height, factor, width, factor))?.permute((0, 1, 3, 5, 2, 4))?.reshape((
        batch,
        channels * factor * factor,
        height,
        width,
    ))
}

/// (n, c r^2, h, w) to (n, c, h r, w r): the inverse of [`pixel_unshuffle`].
///
/// # Errors
/// When the channels are no multiple of `factor^2`, or `factor` is 0.
pub fn pixel_shuffle(x: &Tensor, factor: usize) -> Result<Tensor> {
    match factor {
        0 => bail!("pixel shuffle: expected a factor of at least 1, got 0"),
        1 => return Ok(x.clone()),
        _ => (),
    }
    let (batch, channels, height, width) = x.dims4()?;
    let Some(square) = factor.checked_mul(factor) else {
        bail!("pixel shuffle: expected a factor whose square is a number of channels, got {factor}");
    };
    let channels = channels / square;
    x.reshape((batch, channels, factor, factor, height, width))?.permute((0, 1, 4, 2, 5, 3))?.reshape((
        batch,
        channels,
        height * factor,
        width * factor,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradients, random, relative_error};
    use super::*;

    #[test]
    fn channel_order_is_channel_then_row_then_column() -> Result<()> {
        let x = Tensor::arange(0.0_f32, 32.0, &candle_core::Device::Cpu)?.reshape((1, 2, 4, 4))?;
        let y = pixel_unshuffle(&x, 2)?;
        assert_eq!(y.dims(), [1, 8, 2, 2]);
        // Channel 0, dy 1, dx 0: the pixels (1, 0), (1, 2), (3, 0), (3, 2) of channel 0.
        assert_eq!(y.narrow(1, 2, 1)?.flatten_all()?.to_vec1::<f32>()?, [4.0, 6.0, 12.0, 14.0]);
        Ok(())
    }

    #[test]
    fn shuffle_undoes_unshuffle() -> Result<()> {
        for factor in [1, 2, 4] {
            let x = random(&[2, 3, 8, 12], 5);
            assert_eq!(relative_error(&pixel_shuffle(&pixel_unshuffle(&x, factor)?, factor)?, &x)?, 0.0);
        }
        check_gradients(&[random(&[1, 2, 4, 4], 6)], |x| pixel_unshuffle(&x[0], 2))
    }

    #[test]
    fn sizes_must_divide() {
        assert!(pixel_unshuffle(&random(&[1, 1, 5, 4], 7), 2).is_err());
        assert!(pixel_shuffle(&random(&[1, 6, 4, 4], 8), 2).is_err());
    }
}

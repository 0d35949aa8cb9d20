use candle_core::{Result, Tensor};

use super::super::gradient_check::{check_gradients, gradients, random, relative_error};
use super::{Activation, GROUPS, group_norm};

/// The same from candle's ops.
fn composed(x: &Tensor, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let grouped = x.reshape((batch, GROUPS, channels / GROUPS * height * width))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim(2)?)?;
    let deviation = (centred.sqr()?.mean_keepdim(2)? + 1e-5)?.sqrt()?;
    let normed = centred.broadcast_div(&deviation)?.reshape(x.shape())?;
    let u = normed
        .broadcast_mul(&scale.reshape((batch, channels, 1, 1))?)?
        .broadcast_add(&shift.reshape((batch, channels, 1, 1))?)?;
    match activation {
        Activation::Identity => Ok(u),
        Activation::Silu => u.silu(),
    }
}

fn arguments(batch: usize, channels: usize, height: usize, width: usize) -> Result<[Tensor; 3]> {
    let x = ((random(&[batch, channels, height, width], 1) * 2.0)? + 0.7)?;
    Ok([x, random(&[batch, channels], 2), random(&[batch, channels], 3)])
}

#[test]
fn matches_the_composed_form() -> Result<()> {
    for (batch, channels, height, width) in [(1, 32, 3, 5), (2, 64, 7, 7), (2, 96, 1, 1), (1, 32, 19, 31)] {
        for activation in [Activation::Identity, Activation::Silu] {
            let arguments = arguments(batch, channels, height, width)?;
            let ours = group_norm(&arguments[0], &arguments[1], &arguments[2], activation)?;
            let theirs = composed(&arguments[0], &arguments[1], &arguments[2], activation)?;
            assert!(relative_error(&ours, &theirs)? < 2e-6);
            let ours = gradients(&arguments, |x| group_norm(&x[0], &x[1], &x[2], activation))?;
            let theirs = gradients(&arguments, |x| composed(&x[0], &x[1], &x[2], activation))?;
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let error = relative_error(ours, theirs)?;
                assert!(error < 1e-5, "{batch} {channels} {height} {width} {activation:?}: {error:e}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_match_finite_differences() -> Result<()> {
    for activation in [Activation::Identity, Activation::Silu] {
        check_gradients(&arguments(2, 64, 3, 5)?, |x| group_norm(&x[0], &x[1], &x[2], activation))?;
    }
    Ok(())
}

#[test]
fn a_large_mean_does_not_drown_the_variance() -> Result<()> {
    let x = (random(&[1, 32, 16, 16], 4) + 1000.0)?;
    let ones = Tensor::ones((1, 32), candle_core::DType::F32, &candle_core::Device::Cpu)?;
    let y = group_norm(&x, &ones, &ones.zeros_like()?, Activation::Identity)?;
    let deviation = y.sqr()?.mean_all()?.to_scalar::<f32>()?;
    assert!((deviation - 1.0).abs() < 1e-2, "{deviation}");
    Ok(())
}

#[test]
fn channels_must_be_a_multiple_of_the_groups() -> Result<()> {
    let [x, scale, shift] = arguments(1, 48, 2, 2)?;
    assert!(group_norm(&x, &scale, &shift, Activation::Silu).is_err());
    let [x, _, shift] = arguments(1, 64, 2, 2)?;
    assert!(group_norm(&x, &random(&[1, 32], 5), &shift, Activation::Silu).is_err());
    Ok(())
}

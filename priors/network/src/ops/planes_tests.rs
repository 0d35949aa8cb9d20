use candle_core::{Result, Tensor};

use super::super::gradient_check::{random, relative_error};
use super::super::{Precision, average_pool, conv2d, group_norm, upsample_nearest};
use super::*;

/// Two maps of odd channels whose groups reach over the border between them.
fn inputs() -> (Tensor, Tensor) {
    (random(&[2, 41, 6, 10], 1), (random(&[2, 55, 6, 10], 2) + 0.5).expect("a number"))
}

#[test]
fn a_chain_matches_the_operations_one_by_one() -> Result<()> {
    let arena = Arena::default();
    let (a, b) = inputs();
    let (scale, shift) = (random(&[2, 96], 3), random(&[2, 96], 4));
    let planes = Planes::new(&a, &arena)?.joined(&Planes::new(&b, &arena)?)?;
    let tensor = Tensor::cat(&[a, b], 1)?;
    assert_eq!(relative_error(&planes.to_tensor()?, &tensor)?, 0.0);
    for activation in [Activation::Identity, Activation::Silu] {
        let normalised = group_norm(&tensor, &scale, &shift, activation)?;
        let resampled: [(Option<Direction>, Tensor); 3] = [
            (None, normalised.clone()),
            (Some(Direction::Up), upsample_nearest(&normalised)?),
            (Some(Direction::Down), average_pool(&normalised)?),
        ];
        for (direction, expected) in resampled {
            let mut planes = planes.normalised(&scale, &shift, activation)?;
            if let Some(direction) = direction {
                planes = planes.resampled(direction)?;
            }
            assert!(relative_error(&planes.to_tensor()?, &expected)? < 2e-6);
            let (weight, bias) = (random(&[9, 96, 3, 3], 5), random(&[9], 6));
            let weights = Arc::new(ConvolutionWeights::new(weight.clone(), bias.clone(), Precision::F32));
            let y = conv2d(&expected, &weight, &bias, Precision::F32)?;
            let ours = planes.convolved(&weights, None)?;
            assert!(relative_error(&ours.to_tensor()?, &y)? < 2e-6);
            let twice = planes.convolved(&weights, Some(&ours))?;
            assert!(relative_error(&twice.to_tensor()?, &(y * 2.0)?)? < 2e-6);
        }
    }
    Ok(())
}

#[test]
fn operations_that_wait_may_follow_each_other() -> Result<()> {
    let (x, _) = inputs();
    let planes = Planes::new(&x, &Arena::default())?;
    let round = planes.resampled(Direction::Up)?.resampled(Direction::Down)?;
    assert!(relative_error(&round.to_tensor()?, &x)? < 1e-6);
    let joined = planes.resampled(Direction::Up)?.joined(&planes.resampled(Direction::Up)?)?;
    assert_eq!(joined.shape(), [2, 82, 12, 20]);
    Ok(())
}

#[test]
fn sizes_that_do_not_fit_are_errors() -> Result<()> {
    let arena = Arena::default();
    let odd = Planes::new(&random(&[1, 32, 3, 4], 7), &arena)?;
    assert!(odd.resampled(Direction::Down).is_err());
    assert!(odd.joined(&Planes::new(&random(&[1, 32, 4, 4], 8), &arena)?).is_err());
    assert!(odd.normalised(&random(&[1, 31], 9), &random(&[1, 32], 10), Activation::Silu).is_err());
    assert!(odd.attention(5).is_err());
    Ok(())
}

use super::*;
use crate::convolution::ConvolutionWeights;
use crate::tape::Gradients;
use crate::tensor::testing::{random, relative_error};
use crate::{Parameter, Precision};

/// Two maps of odd channels whose groups reach over the border between them.
fn inputs() -> (Tensor, Tensor) {
    (random(&[2, 41, 6, 10], 1), random(&[2, 55, 6, 10], 2).map(|value| value + 0.5))
}

fn rows(shape: &[usize; 2], seed: u64) -> Rows {
    Rows::new(random(shape, seed).into_values(), shape[1])
}

/// Normalisation, activation and resampling as one would write them down, in f64.
fn plain(x: &Tensor, scale: &Rows, shift: &Rows, activation: Activation, direction: Option<Direction>) -> Tensor {
    let [batch, channels, height, width] = x.image_shape("test").unwrap();
    let (pixels, group) = (height * width, channels / GROUPS);
    let mut y = Vec::new();
    for (index, values) in x.values().chunks_exact(group * pixels).enumerate() {
        let count = values.len() as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
        for (place, value) in values.iter().enumerate() {
            let channel = index * group + place / pixels;
            let (scale, shift) = (f64::from(scale.values()[channel]), f64::from(shift.values()[channel]));
            let u = scale * (f64::from(*value) - mean) / (variance + 1e-5).sqrt() + shift;
            y.push(match activation {
                Activation::Identity => u,
                Activation::Silu => u / (1.0 + (-u).exp()),
            });
        }
    }
    let at = |plane: usize, row: usize, column: usize| y[(plane * height + row) * width + column];
    let (rows, columns) = match direction {
        None => (height, width),
        Some(Direction::Up) => (2 * height, 2 * width),
        Some(Direction::Down) => (height / 2, width / 2),
    };
    let value = |index: usize| {
        let (plane, row, column) = (index / (rows * columns), index / columns % rows, index % columns);
        let value = match direction {
            None => at(plane, row, column),
            Some(Direction::Up) => at(plane, row / 2, column / 2),
            Some(Direction::Down) => {
                let pixels = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(y, x)| at(plane, 2 * row + y, 2 * column + x));
                pixels.iter().sum::<f64>() / 4.0
            }
        };
        value as f32
    };
    Tensor::new([batch, channels, rows, columns], (0..batch * channels * rows * columns).map(value).collect()).unwrap()
}

#[test]
fn a_chain_matches_the_operations_one_by_one() -> Result<()> {
    let arena = Arena::default();
    let (a, b) = inputs();
    let (scale, shift) = (rows(&[2, 96], 3), rows(&[2, 96], 4));
    let planes = Planes::new(&a, &arena)?.joined(&Planes::new(&b, &arena)?)?;
    let tensor = a.joined(&b)?;
    assert_eq!(planes.to_tensor(), tensor);
    for activation in [Activation::Identity, Activation::Silu] {
        for direction in [None, Some(Direction::Up), Some(Direction::Down)] {
            let expected = plain(&tensor, &scale, &shift, activation, direction);
            let mut planes = planes.normalised(&scale, &shift, activation)?;
            if let Some(direction) = direction {
                planes = planes.resampled(direction)?;
            }
            assert!(relative_error(planes.to_tensor().values(), expected.values()) < 2e-6);
            let [weight, bias] = [random(&[9, 96, 3, 3], 5), random(&[9], 6)].map(Parameter::constant);
            let weights = Arc::new(ConvolutionWeights::new(weight, bias, Precision::F32));
            // A convolution that reads as it goes, and one of what was written before.
            let y = Planes::new(&expected, &arena)?.convolved(&weights, None)?.to_tensor();
            let ours = planes.convolved(&weights, None)?;
            assert!(relative_error(ours.to_tensor().values(), y.values()) < 2e-6);
            let twice = planes.convolved(&weights, Some(&ours))?;
            assert!(relative_error(twice.to_tensor().values(), y.map(|value| 2.0 * value).values()) < 2e-6);
        }
    }
    Ok(())
}

/// Everything that waits and everything that is written, along a random direction of the input.
#[test]
fn gradients_match_finite_differences() -> Result<()> {
    let (a, b) = inputs();
    let (direction, end) = (random(&[2, 41, 6, 10], 7), random(&[2, 41, 3, 5], 8));
    let [scale, shift, added] = [rows(&[2, 96], 3), rows(&[2, 96], 4), rows(&[2, 41], 9)];
    let [weight, bias] = [random(&[41, 96, 3, 3], 5), random(&[41], 6)].map(Parameter::constant);
    let weights = Arc::new(ConvolutionWeights::new(weight, bias, Precision::F32));
    let factors = random(&[2 * 41 * 6 * 10], 10).into_values();
    let places: Vec<usize> = (0..2 * 41 * 15).map(|index| (index * 7) % (2 * 41 * 60)).collect();
    let run = |x: Planes| -> Result<Planes> {
        let b = Planes::new(&b, x.arena())?;
        let h = x.joined(&b)?.normalised(&scale, &shift, Activation::Silu)?;
        let h = h.resampled(Direction::Up)?.resampled(Direction::Down)?.convolved(&weights, Some(&x))?;
        h.scaled(&factors)?.shifted(&added)?.gathered([2, 41, 3, 5], places.clone())
    };
    let loss = |step: f32| -> Result<f64> {
        let x = a.zip(&direction, |a, direction| a + step * direction)?;
        let y = run(Planes::new(&x, &Arena::default())?)?.to_tensor();
        Ok(y.values().iter().zip(end.values()).map(|(y, end)| f64::from(*y) * f64::from(*end)).sum())
    };
    let (tape, arena) = (Tape::default(), Arena::default());
    let x = Planes::new(&a, &arena)?.on_tape(&tape);
    let y = run(x.clone())?;
    let mut gradient = arena.buffer(end.values().len());
    gradient.copy_from_slice(end.values());
    y.carry_back(gradient);
    tape.backward(&mut Gradients::new(&arena))?;
    let gradient = x.gradient().expect("a gradient");
    let derivative: f64 =
        gradient.values().iter().zip(direction.values()).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
    let central = |step: f32| -> Result<f64> { Ok((loss(step)? - loss(-step)?) / f64::from(2.0 * step)) };
    let expected = (4.0 * central(1e-2)? - central(2e-2)?) / 3.0;
    assert!((derivative / expected - 1.0).abs() < 5e-3, "{derivative} {expected}");
    Ok(())
}

#[test]
fn operations_that_wait_may_follow_each_other() -> Result<()> {
    let (x, _) = inputs();
    let planes = Planes::new(&x, &Arena::default())?;
    let round = planes.resampled(Direction::Up)?.resampled(Direction::Down)?;
    assert!(relative_error(round.to_tensor().values(), x.values()) < 1e-6);
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
    assert!(odd.normalised(&rows(&[1, 31], 9), &rows(&[1, 32], 10), Activation::Silu).is_err());
    assert!(odd.attention(5).is_err() && odd.scaled(&[1.0]).is_err() && odd.shifted(&rows(&[1, 31], 9)).is_err());
    assert!(odd.gathered([1, 1, 1, 1], vec![usize::MAX]).is_err());
    Ok(())
}

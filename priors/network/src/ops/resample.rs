//! Resampling by two: nearest neighbour up, average down.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::storage::values;

/// Direction of a change of resolution by two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Mean of every 2 x 2 pixels.
    Down,
    /// Every pixel four times.
    Up,
}

/// Every pixel four times: (.., y, x) to (.., 2 y, 2 x).
///
/// # Errors
/// When the tensor is not f32 of four axes.
pub fn upsample_nearest(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Upsample { factor: 1.0 })
}

/// Mean of every 2 x 2 pixels: (.., 2 y, 2 x) to (.., y, x).
///
/// # Errors
/// When the tensor is not f32 of four axes with an even height and width.
pub fn average_pool(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(SumPool { factor: 0.25 })
}

/// Copies, times a factor.
struct Upsample {
    factor: f32,
}

/// Sum of 2 x 2, times a factor: the transpose of [`Upsample`].
struct SumPool {
    factor: f32,
}

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "nearest upsampling"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let [batch, channels, height, width] = image_shape(self.name(), layout)?;
        let x = values(self.name(), x, layout)?;
        let mut y = vec![0.0; 4 * x.len()];
        upsample(&mut y, x, width, self.factor);
        Ok((CpuStorage::F32(y), Shape::from(&[batch, channels, 2 * height, 2 * width])))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(&SumPool { factor: self.factor })?))
    }
}

impl CustomOp1 for SumPool {
    fn name(&self) -> &'static str {
        "average pooling"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let [batch, channels, height, width] = image_shape(self.name(), layout)?;
        if height % 2 != 0 || width % 2 != 0 {
            bail!("{}: expected an even height and width, got {height} x {width}", self.name());
        }
        let x = values(self.name(), x, layout)?;
        let mut y = vec![0.0; x.len() / 4];
        sum_pool(&mut y, x, width, self.factor);
        Ok((CpuStorage::F32(y), Shape::from(&[batch, channels, height / 2, width / 2])))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(&Upsample { factor: self.factor })?))
    }
}

/// Every pixel of rows of `width` four times, times a factor.
pub fn upsample(y: &mut [f32], x: &[f32], width: usize, factor: f32) {
    if x.is_empty() {
        return;
    }
    y.par_chunks_mut(4 * width).zip(x.par_chunks(width)).for_each(|(rows, x)| {
        let (first, second) = rows.split_at_mut(2 * width);
        for (pair, x) in first.as_chunks_mut::<2>().0.iter_mut().zip(x) {
            *pair = [factor * x; 2];
        }
        second.copy_from_slice(first);
    });
}

/// The sum of every 2 x 2 pixels of rows of `width`, times a factor.
pub fn sum_pool(y: &mut [f32], x: &[f32], width: usize, factor: f32) {
    if x.is_empty() {
        return;
    }
    y.par_chunks_mut(width / 2).zip(x.par_chunks(2 * width)).for_each(|(y, rows)| {
        let (first, second) = rows.split_at(width);
        let pairs = first.as_chunks::<2>().0.iter().zip(second.as_chunks::<2>().0);
        y.iter_mut().zip(pairs).for_each(|(y, (a, b))| *y = factor * ((a[0] + a[1]) + (b[0] + b[1])));
    });
}

fn image_shape(operation: &str, layout: &Layout) -> Result<[usize; 4]> {
    match *layout.dims() {
        [batch, channels, height, width] => Ok([batch, channels, height, width]),
        ref other => bail!("{operation}: expected a shape [batch, channel, y, x], got {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::super::gradient_check::{check_gradients, gradients, random, relative_error};
    use super::*;

    #[test]
    fn upsampling_repeats_and_pooling_averages() -> Result<()> {
        let x = Tensor::new(&[[[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]]], &candle_core::Device::Cpu)?;
        let up = upsample_nearest(&x)?;
        let expected: &[f32] =
            &[1., 1., 2., 2., 3., 3., 1., 1., 2., 2., 3., 3., 4., 4., 5., 5., 6., 6., 4., 4., 5., 5., 6., 6.];
        assert_eq!(up.flatten_all()?.to_vec1::<f32>()?, expected);
        assert_eq!(relative_error(&average_pool(&up)?, &x)?, 0.0);
        Ok(())
    }

    #[test]
    fn gradients_match_finite_differences() -> Result<()> {
        check_gradients(&[random(&[2, 3, 3, 5], 1)], |x| upsample_nearest(&x[0]))?;
        check_gradients(&[random(&[2, 3, 4, 6], 2)], |x| average_pool(&x[0]))
    }

    #[test]
    fn matches_candle_where_candle_is_right() -> Result<()> {
        let x = [random(&[2, 3, 6, 10], 8)];
        assert_eq!(relative_error(&upsample_nearest(&x[0])?, &x[0].upsample_nearest2d(12, 20)?)?, 0.0);
        assert!(relative_error(&average_pool(&x[0])?, &x[0].avg_pool2d(2)?)? < 1e-6);
        let ours = gradients(&x, |x| average_pool(&x[0]))?;
        let theirs = gradients(&x, |x| x[0].avg_pool2d(2))?;
        assert!(relative_error(&ours[0], &theirs[0])? < 1e-6);
        Ok(())
    }

    /// The form in which an overwritten gradient shows: one tensor read by the resampling and by something else.
    #[test]
    fn gradients_of_a_shared_input_add_up() -> Result<()> {
        let x = Var::from_tensor(&random(&[1, 2, 4, 4], 3))?;
        let loss = (upsample_nearest(x.as_tensor())?.sum_all()? + x.sqr()?.sum_all()?)?;
        let gradients = loss.backward()?;
        let Some(gradient) = gradients.get(&x) else { panic!("no gradient") };
        let expected = ((x.as_tensor() * 2.0)? + 4.0)?;
        assert!(relative_error(gradient, &expected)? < 1e-6);
        Ok(())
    }

    #[test]
    fn an_odd_size_cannot_be_halved() {
        let message = average_pool(&random(&[1, 1, 3, 4], 4)).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("even height and width, got 3 x 4"), "{message}");
    }
}

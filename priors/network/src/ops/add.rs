//! Sum of two tensors.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::storage::values;

/// Values of a task.
const CHUNK: usize = 1 << 14;

/// `a + b`, both f32 and of one shape.
///
/// candle's own sum runs on a thread pool of its own, the threads of which spin after each operation and so take the
/// processor away from everything else.
///
/// # Errors
/// When a shape or a dtype does not fit.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.contiguous()?.apply_op2(&b.contiguous()?, Add)
}

struct Add;

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if a_layout.dims() != b_layout.dims() {
            bail!("add: expected two tensors of one shape, got {:?} and {:?}", a_layout.dims(), b_layout.dims());
        }
        let a = values(self.name(), a, a_layout)?;
        let b = values(self.name(), b, b_layout)?;
        let mut sum = vec![0.0; a.len()];
        sum.par_chunks_mut(CHUNK).zip(a.par_chunks(CHUNK)).zip(b.par_chunks(CHUNK)).for_each(|((sum, a), b)| {
            sum.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum = a + b);
        });
        Ok((CpuStorage::F32(sum), a_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _a: &Tensor,
        _b: &Tensor,
        _sum: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(gradient.clone()), Some(gradient.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient_check::{check_gradients, random, relative_error};
    use super::*;

    #[test]
    fn matches_candle() -> Result<()> {
        let (a, b) = (random(&[3, 70, 90], 1), random(&[3, 70, 90], 2));
        assert_eq!(relative_error(&add(&a, &b)?, &(&a + &b)?)?, 0.0);
        check_gradients(&[random(&[2, 5], 3), random(&[2, 5], 4)], |x| add(&x[0], &x[1]))
    }

    #[test]
    fn shapes_must_agree() {
        assert!(add(&random(&[2, 3], 5), &random(&[3, 2], 6)).is_err());
    }
}

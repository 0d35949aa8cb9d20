//! AdamW (Loshchilov & Hutter 2019) in one pass over a parameter.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, Var, bail};

use crate::Result;

const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// A parameter with the moments of its gradient.
pub struct Parameter {
    pub variable: Var,
    moments: Vec<[f32; 2]>,
}

impl Parameter {
    pub fn new(variable: Var) -> Self {
        let moments = vec![[0.0; 2]; variable.elem_count()];
        Self { variable, moments }
    }
}

/// Factors of one step.
pub struct AdamW {
    kept: f32,
    rate: f32,
    second_scale: f32,
}

impl AdamW {
    /// Step number `step`, counted from 1.
    pub fn new(step: usize, learning_rate: f64, weight_decay: f64) -> Self {
        let [first_bias, second_bias] = BETAS.map(|beta| 1.0 - beta.powi(step as i32));
        Self {
            kept: (1.0 - learning_rate * weight_decay) as f32,
            rate: (learning_rate / first_bias) as f32,
            second_scale: (1.0 / second_bias.sqrt()) as f32,
        }
    }

    pub fn update(&self, parameter: &mut Parameter, gradient: &Tensor) -> Result {
        let Parameter { variable, moments } = parameter;
        let update = Update { adam_w: self, moments: RefCell::new(moments) };
        Ok(variable.as_tensor().inplace_op2(&gradient.contiguous()?, &update)?)
    }
}

/// candle hands out a variable's memory only to operations, and those only as `&self`.
struct Update<'a> {
    adam_w: &'a AdamW,
    moments: RefCell<&'a mut [[f32; 2]]>,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "AdamW"
    }

    fn cpu_fwd(
        &self,
        values: &mut CpuStorage,
        _: &Layout,
        gradient: &CpuStorage,
        place: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), CpuStorage::F32(gradient)) = (values, gradient) else {
            bail!("AdamW: expected f32");
        };
        let Some((start, end)) = place.contiguous_offsets() else {
            bail!("AdamW: expected a contiguous gradient");
        };
        let [first_beta, second_beta] = BETAS.map(|beta| beta as f32);
        let AdamW { kept, rate, second_scale } = self.adam_w;
        let mut moments = self.moments.borrow_mut();
        for ((value, gradient), [first, second]) in values.iter_mut().zip(&gradient[start..end]).zip(moments.iter_mut())
        {
            *first = first_beta * *first + (1.0 - first_beta) * gradient;
            *second = second_beta * *second + (1.0 - second_beta) * gradient * gradient;
            *value = kept * *value - rate * *first / (second.sqrt() * second_scale + EPSILON);
        }
        Ok(())
    }
}

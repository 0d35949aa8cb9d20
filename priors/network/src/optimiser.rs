//! AdamW: parameters with their moments and moving averages, sums of gradients, and the step.

use std::ops::Deref;

use multiversion::multiversion;
use rayon::prelude::*;

use crate::tape::{Arena, Buffer, Gradients, add_values};
use crate::{Error, Parameter, Result, Tensor};

/// A parameter, the moments of its gradient and its averages, all of the same length.
#[derive(Debug)]
pub struct ParameterState {
    /// Name in guided-diffusion's state dict.
    pub name: String,
    /// The parameter, which a network made from it holds too.
    pub variable: Parameter,
    /// Running mean of the gradient.
    pub first_moment: Vec<f32>,
    /// Running mean of its square.
    pub second_moment: Vec<f32>,
    /// Exponential moving averages of the parameter, one for each rate.
    pub averages: Vec<Vec<f32>>,
}

impl ParameterState {
    /// Before the first step: moments zero, as many averages as asked for equal to the parameter.
    pub fn new(name: String, tensor: Tensor, averages: usize) -> Self {
        let zeros = vec![0.0; tensor.values().len()];
        Self {
            name,
            averages: vec![tensor.values().to_vec(); averages],
            variable: Parameter::variable(tensor),
            first_moment: zeros.clone(),
            second_moment: zeros,
        }
    }
}

/// The sum of the gradients of every parameter.
pub struct GradientSum<'a> {
    parameters: &'a [ParameterState],
    sums: Vec<Option<Buffer>>,
}

impl<'a> GradientSum<'a> {
    /// An optimiser before its first step: all moments are zero.
    pub fn new(parameters: &'a [ParameterState]) -> Self {
        Self { parameters, sums: parameters.iter().map(|_| None).collect() }
    }

    /// Adds the gradients that are there.
    pub fn add(&mut self, mut gradients: Gradients) {
        for (sum, parameter) in self.sums.iter_mut().zip(self.parameters) {
            let Some(gradient) = gradients.take(&parameter.variable) else {
                continue;
            };
            match sum {
                Some(sum) => add_values(sum, &gradient),
                None => *sum = Some(gradient),
            }
        }
    }

    /// In the order of the parameters; zero where nothing depended on one.
    pub fn finish(self, arena: &Arena) -> Vec<Buffer> {
        let or_zero = |(sum, parameter): (Option<Buffer>, &ParameterState)| {
            sum.unwrap_or_else(|| arena.zeros(parameter.variable.count()))
        };
        self.sums.into_iter().zip(self.parameters).map(or_zero).collect()
    }
}

/// Keeps the division finite where a parameter never had a gradient.
const EPSILON: f32 = 1e-8;

/// Values of a parameter that are updated together: all arrays of them fit into the cache.
const CHUNK: usize = 2048;

/// One step of AdamW (Loshchilov & Hutter 2019): the decay of the weights is no part of the gradient. The exponential moving
/// averages of the parameters follow in the same pass.
#[derive(Clone, Debug)]
pub struct AdamW {
    betas: [f32; 2],
    /// What is left of a parameter after the decay.
    kept: f32,
    /// Learning rate, divided by the bias of the first moment.
    rate: f32,
    /// One over the square root of the bias of the second moment.
    second_scale: f32,
    /// What the gradient is multiplied with: clips it.
    gradient_scale: f32,
    /// Weight of the new parameter in each average.
    average_weights: Vec<f32>,
}

impl AdamW {
    /// Step number `step`, counted from 0. Gradients are multiplied with `gradient_scale` first, which is how they are clipped;
    /// `ema_rates` are those of the averages.
    pub fn new(
        step: u64,
        learning_rate: f64,
        weight_decay: f64,
        betas: [f64; 2],
        gradient_scale: f64,
        ema_rates: &[f64],
    ) -> Self {
        let [first_bias, second_bias] = betas.map(|beta| 1.0 - beta.powf((step + 1) as f64));
        Self {
            betas: betas.map(|beta| beta as f32),
            kept: (1.0 - learning_rate * weight_decay) as f32,
            rate: (learning_rate / first_bias) as f32,
            second_scale: (1.0 / second_bias.sqrt()) as f32,
            gradient_scale: gradient_scale as f32,
            average_weights: ema_rates.iter().map(|rate| (1.0 - warmed_up(*rate, step)) as f32).collect(),
        }
    }

    /// Updates every parameter; `gradients` are in the same order.
    ///
    /// # Errors
    /// When a gradient has another length than its parameter.
    pub fn update(
        &self,
        parameters: &mut [ParameterState],
        gradients: &[impl Deref<Target = [f32]> + Sync],
    ) -> Result<()> {
        if parameters.len() != gradients.len() {
            return Err(Error::setting(
                "gradients",
                format!("one for each of {} parameters", parameters.len()),
                gradients.len(),
            ));
        }
        if let Some(other) = parameters.iter().find(|state| state.averages.len() != self.average_weights.len()) {
            let expected = format!("{} averages of each parameter", self.average_weights.len());
            return Err(Error::setting("ema_rates", expected, other.averages.len()));
        }
        parameters
            .par_iter_mut()
            .zip(gradients)
            .try_for_each(|(parameter, gradient)| self.update_one(parameter, gradient))
    }

    fn update_one(&self, state: &mut ParameterState, gradient: &[f32]) -> Result<()> {
        let ParameterState { variable, first_moment, second_moment, averages, .. } = state;
        let mut values = variable.values_mut();
        if gradient.len() != values.len() || first_moment.len() != values.len() || second_moment.len() != values.len() {
            return Err(Error::shape("AdamW", format!("a gradient of {} values", values.len()), &[gradient.len()]));
        }
        let moments = first_moment.chunks_mut(CHUNK).zip(second_moment.chunks_mut(CHUNK));
        let chunks = values.chunks_mut(CHUNK).zip(gradient.chunks(CHUNK)).zip(moments);
        for (index, ((values, gradient), (first, second))) in chunks.enumerate() {
            update_values(self, values, gradient, first, second);
            let start = index * CHUNK;
            for (average, weight) in averages.iter_mut().zip(&self.average_weights) {
                let average = &mut average[start..][..values.len()];
                average.iter_mut().zip(&*values).for_each(|(average, value)| *average += weight * (value - *average));
            }
        }
        Ok(())
    }
}

/// The rate of an average that forgets its beginning: `min(rate, (1 + n) / (10 + n))` after n steps. Without it an average
/// of rate 0.9999 would be the untrained network for thousands of steps.
fn warmed_up(rate: f64, step: u64) -> f64 {
    let step = step as f64;
    rate.min((1.0 + step) / (10.0 + step))
}

/// Euclidean norm of all gradients together, summed in f64 and in a fixed order.
pub fn gradient_norm(gradients: &[impl Deref<Target = [f32]> + Sync]) -> f64 {
    let squares: Vec<f64> = gradients.par_iter().map(|gradient| sum_of_squares(gradient)).collect();
    squares.iter().sum::<f64>().sqrt()
}

/// In eight sums side by side, which the processor adds at once.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let chunks = values.chunks_exact(sums.len());
    let rest: f64 = chunks.remainder().iter().map(|value| f64::from(*value).powi(2)).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += f64::from(*value) * f64::from(*value));
    }
    sums.iter().sum::<f64>() + rest
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn update_values(
    adam_w: &AdamW,
    values: &mut [f32],
    gradient: &[f32],
    first_moment: &mut [f32],
    second_moment: &mut [f32],
) {
    let [first_beta, second_beta] = adam_w.betas;
    let moments = first_moment.iter_mut().zip(second_moment);
    for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
        let gradient = gradient * adam_w.gradient_scale;
        *first = first_beta * *first + (1.0 - first_beta) * gradient;
        *second = second_beta * *second + (1.0 - second_beta) * gradient * gradient;
        let deviation = second.sqrt() * adam_w.second_scale + EPSILON;
        *value = adam_w.kept * *value - adam_w.rate * *first / deviation;
    }
}

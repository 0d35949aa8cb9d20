//! A few numbers for each image: the embedding of the timestep, and scales and shifts of channels.

use std::sync::{Arc, Mutex, PoisonError};

use crate::products::matrix_product::{Matrix, add_product};
use crate::tape::{Gradients, Step, Tape};
use crate::{Error, Parameter, Result};

/// Numbers (image, column), on a tape where their gradient is wanted.
#[derive(Clone)]
pub struct Rows {
    values: Arc<Vec<f32>>,
    columns: usize,
    tape: Option<(Tape, Slot)>,
}

/// Gradients of numbers, one for each time that they were used.
type Slot = Arc<Mutex<Vec<Vec<f32>>>>;

/// The sum of the gradients that a slot holds. The use that the way back comes to last, which was the first one, comes first: that is
/// the order of the forward pass.
fn take(slot: &Slot) -> Option<Vec<f32>> {
    let mut parts = std::mem::take(&mut *slot.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().rev();
    let mut sum = parts.next()?;
    // Minus zero is zero, as in a sum.
    sum.iter_mut().for_each(|value| *value += 0.0);
    parts.for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value));
    Some(sum)
}

impl Rows {
    /// Constant numbers, in rows of as many columns.
    pub fn new(values: Vec<f32>, columns: usize) -> Self {
        Self { values: Arc::new(values), columns, tape: None }
    }

    /// The same numbers as constants.
    pub fn off_tape(&self) -> Self {
        Self { tape: None, ..self.clone() }
    }

    /// The same numbers at the beginning of a tape that finds their gradient.
    pub fn on_tape(&self, tape: &Tape) -> Self {
        Self { tape: Some((tape.clone(), Slot::default())), ..self.clone() }
    }

    /// A parameter (column) as the row of each image.
    pub fn repeated(parameter: &Parameter, rows: usize, tape: Option<&Tape>) -> Self {
        let row = parameter.values();
        let result = Self::new(row.repeat(rows), row.len());
        match tape.filter(|_| parameter.is_variable()) {
            Some(tape) => result.noted(tape, |output| Repeated { parameter: parameter.clone(), output }),
            None => result,
        }
    }

    fn noted<S: Step + 'static>(self, tape: &Tape, step: impl FnOnce(Slot) -> S) -> Self {
        let slot = Slot::default();
        tape.record(step(slot.clone()));
        Self { tape: Some((tape.clone(), slot)), ..self }
    }

    /// Numbers of rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.values.len() / self.columns.max(1), self.columns]
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Whether anybody asks for the gradient.
    pub fn wants_gradient(&self) -> bool {
        self.tape.is_some()
    }

    /// Adds to the gradient, if one is wanted.
    pub fn add_gradient(&self, gradient: Vec<f32>) {
        if let Some((_, slot)) = &self.tape {
            slot.lock().unwrap_or_else(PoisonError::into_inner).push(gradient);
        }
    }

    /// The gradient of the beginning of a tape, when anything depended on it.
    pub fn take_gradient(&self) -> Option<Vec<f32>> {
        take(&self.tape.as_ref()?.1)
    }

    /// `x W^T + b` of rows x, weight W (output, input) and bias b (output); zeros in a network that is only counted.
    ///
    /// # Errors
    /// When a shape does not fit.
    pub fn linear(&self, weight: &Parameter, bias: &Parameter, tape: Option<&Tape>) -> Result<Self> {
        let [rows, inputs] = self.shape();
        let outputs = bias.count();
        if weight.shape() != [outputs, inputs] {
            return Err(Error::shape("linear", format!("a weight of shape [{outputs}, {inputs}]"), weight.shape()));
        }
        let mut values = vec![0.0; rows * outputs];
        if !weight.has_values() {
            return Ok(Self::new(values, outputs));
        }
        let x = Matrix::new(&self.values, rows, inputs);
        add_product(&mut values, outputs, x, Matrix::new(&weight.values(), outputs, inputs).transposed(), 1.0);
        let added = bias.values();
        values.chunks_exact_mut(outputs.max(1)).for_each(|row| row.iter_mut().zip(&*added).for_each(|(y, b)| *y += b));
        let y = Self::new(values, outputs);
        let Some(tape) = tape else { return Ok(y) };
        Ok(y.noted(tape, |output| Linear { x: self.clone(), weight: weight.clone(), bias: bias.clone(), output }))
    }

    /// `x / (1 + e^-x)`.
    pub fn silu(&self) -> Self {
        let y = Self::new(self.values.iter().map(|x| x / (1.0 + (-x).exp())).collect(), self.columns);
        match &self.tape {
            Some((tape, _)) => {
                let kept = y.values.clone();
                y.noted(tape, |output| Silu { x: self.clone(), y: kept, output })
            }
            None => y,
        }
    }

    /// Scale and shift of a normalisation with these parameters that is followed by `(1 + s) u + t`, s and t being the first and the
    /// second half of the columns.
    ///
    /// # Errors
    /// When there are not two columns for each weight.
    pub fn modulation(&self, weight: &Parameter, bias: &Parameter) -> Result<[Self; 2]> {
        let channels = weight.count();
        if self.columns != 2 * channels || bias.count() != channels {
            return Err(Error::shape("modulation", format!("rows of {} numbers", 2 * channels), &self.shape()));
        }
        let (weights, biases) = (weight.values(), bias.values());
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for row in self.values.chunks_exact(self.columns) {
            let (s, t) = row.split_at(channels);
            scale.extend(s.iter().zip(&*weights).map(|(s, weight)| (s + 1.0) * weight));
            shift.extend(s.iter().zip(t).zip(&*biases).map(|((s, t), bias)| (s + 1.0) * bias + t));
        }
        let [scale, shift] = [scale, shift].map(|values| Self::new(values, channels));
        let Some((tape, _)) = &self.tape else { return Ok([scale, shift]) };
        let slots = [Slot::default(), Slot::default()];
        let step = Modulation { x: self.clone(), weight: weight.clone(), bias: bias.clone(), outputs: slots.clone() };
        tape.record(step);
        let [of_scale, of_shift] = slots.map(|slot| Some((tape.clone(), slot)));
        Ok([Self { tape: of_scale, ..scale }, Self { tape: of_shift, ..shift }])
    }
}

/// The sum of all rows.
fn column_sums(values: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    values.chunks_exact(columns.max(1)).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value));
    sums
}

struct Repeated {
    parameter: Parameter,
    output: Slot,
}

impl Step for Repeated {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        if let Some(gradient) = take(&self.output) {
            gradients.add_slice(&self.parameter, &column_sums(&gradient, self.parameter.count()));
        }
        Ok(())
    }
}

struct Linear {
    x: Rows,
    weight: Parameter,
    bias: Parameter,
    output: Slot,
}

impl Step for Linear {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(gradient) = take(&self.output) else { return Ok(()) };
        let ([rows, inputs], outputs) = (self.x.shape(), self.bias.count());
        let y_gradient = Matrix::new(&gradient, rows, outputs);
        gradients.add_slice(&self.bias, &column_sums(&gradient, outputs));
        if self.weight.is_variable() {
            let mut transposed = vec![0.0; inputs * outputs];
            let x = Matrix::new(&self.x.values, rows, inputs).transposed();
            add_product(&mut transposed, outputs, x, y_gradient, 1.0);
            let of_output = |output: usize| transposed[output..].iter().step_by(outputs).copied();
            gradients.add_slice(&self.weight, &(0..outputs).flat_map(of_output).collect::<Vec<f32>>());
        }
        if self.x.wants_gradient() {
            let mut of_x = vec![0.0; rows * inputs];
            let weight = self.weight.values();
            add_product(&mut of_x, inputs, y_gradient, Matrix::new(&weight, outputs, inputs), 1.0);
            self.x.add_gradient(of_x);
        }
        Ok(())
    }
}

struct Silu {
    x: Rows,
    y: Arc<Vec<f32>>,
    output: Slot,
}

impl Step for Silu {
    fn backward(self: Box<Self>, _: &mut Gradients) -> Result<()> {
        if let Some(mut gradient) = take(&self.output) {
            for ((gradient, x), y) in gradient.iter_mut().zip(&*self.x.values).zip(&*self.y) {
                let sigmoid = 1.0 / ((-x).exp() + 1.0);
                *gradient *= sigmoid * (1.0 - y) + y;
            }
            self.x.add_gradient(gradient);
        }
        Ok(())
    }
}

struct Modulation {
    x: Rows,
    weight: Parameter,
    bias: Parameter,
    /// Of scale and shift.
    outputs: [Slot; 2],
}

impl Step for Modulation {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let [Some(of_scale), Some(of_shift)] = self.outputs.each_ref().map(take) else { return Ok(()) };
        let channels = self.weight.count();
        let (weights, biases) = (self.weight.values(), self.bias.values());
        let (mut of_weight, mut of_bias) = (vec![0.0; channels], vec![0.0; channels]);
        let mut of_x = Vec::with_capacity(self.x.values.len());
        let rows = self.x.values.chunks_exact(self.x.columns);
        for ((row, of_scale), of_shift) in
            rows.zip(of_scale.chunks_exact(channels)).zip(of_shift.chunks_exact(channels))
        {
            for (channel, s) in row[..channels].iter().enumerate() {
                of_weight[channel] += of_scale[channel] * (s + 1.0);
                of_bias[channel] += of_shift[channel] * (s + 1.0);
                of_x.push(of_scale[channel] * weights[channel] + of_shift[channel] * biases[channel]);
            }
            of_x.extend(of_shift);
        }
        drop((weights, biases));
        gradients.add_slice(&self.weight, &of_weight);
        gradients.add_slice(&self.bias, &of_bias);
        self.x.add_gradient(of_x);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;
    use crate::tape::Arena;
    use crate::tensor::testing::random;

    /// A linear layer, SiLU and a modulation against finite differences.
    #[test]
    fn gradients_match_finite_differences() -> Result<()> {
        let shapes: [&[usize]; 5] = [&[3, 4], &[10, 4], &[10], &[5], &[5]];
        let start = |index: usize| random(shapes[index], index as u64);
        let weights = random(&[3, 10], 9);
        let loss = |tensors: &[Tensor], tape: Option<&Tape>| -> Result<(f64, Vec<Parameter>, Rows)> {
            let parameters: Vec<Parameter> = tensors[1..].iter().cloned().map(Parameter::variable).collect();
            let mut x = Rows::new(tensors[0].values().to_vec(), 4);
            if let Some(tape) = tape {
                x = x.on_tape(tape);
            }
            let y = x.linear(&parameters[0], &parameters[1], tape)?.silu();
            let [scale, shift] = y.modulation(&parameters[2], &parameters[3])?;
            let (of_scale, of_shift) = weights.values().split_at(15);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            let sum = dot(scale.values(), of_scale) + dot(shift.values(), of_shift);
            scale.add_gradient(of_scale.to_vec());
            shift.add_gradient(of_shift.to_vec());
            Ok((sum, parameters, x))
        };
        let (tape, arena) = (Tape::default(), Arena::default());
        let tensors: Vec<Tensor> = (0..5).map(start).collect();
        let (_, parameters, x) = loss(&tensors, Some(&tape))?;
        let mut gradients = Gradients::new(&arena);
        tape.backward(&mut gradients)?;
        let mut found = vec![x.take_gradient().unwrap_or_default()];
        found.extend(
            parameters.iter().map(|parameter| gradients.take(parameter).map(|it| it.to_vec()).unwrap_or_default()),
        );
        for (index, gradient) in found.iter().enumerate() {
            let direction = random(shapes[index], 20 + index as u64);
            let moved = |step: f32| -> Result<f64> {
                let mut tensors = tensors.clone();
                tensors[index] = tensors[index].zip(&direction, |value, direction| value + step * direction)?;
                Ok(loss(&tensors, None)?.0)
            };
            let central = |step: f32| -> Result<f64> { Ok((moved(step)? - moved(-step)?) / f64::from(2.0 * step)) };
            let expected = (4.0 * central(1e-2)? - central(2e-2)?) / 3.0;
            let derivative: f64 =
                gradient.iter().zip(direction.values()).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            assert!((derivative - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{index}: {derivative} {expected}");
        }
        Ok(())
    }
}

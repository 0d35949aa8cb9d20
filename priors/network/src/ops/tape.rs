//! What feature maps went through, and the way back.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Result, Tensor, Var, bail};
use rayon::prelude::*;

use super::arena::Buffer;
use super::attention::attend_back;
use super::conv2d_geometry::Conv2dGeometry;
use super::convolution::Convolution;
use super::convolution_weights::ConvolutionWeights;
use super::gradients::Gradients;
use super::plane_source::ImagePlanes;
use super::planes::{Part, Planes};
use super::storage::with_values;
use super::weight_gradient::WeightGradient;

/// Values of a task.
const CHUNK: usize = 1 << 14;

/// The operations that wrote memory, in their order. Maps that only wait to be read are part of the operation that reads them.
#[derive(Clone, Default)]
pub struct Tape {
    steps: Arc<Mutex<Vec<Step>>>,
}

/// An operation and what it wrote.
pub struct Step {
    pub operation: Operation,
    pub output: Part,
}

/// What wrote a feature map.
pub enum Operation {
    /// `onto + weight * x + bias`.
    Convolution { x: Planes, onto: Option<Planes>, weights: Arc<ConvolutionWeights> },
    /// Attention of queries, keys and values in one part of memory.
    Attention { qkv: Planes, heads: usize },
    /// What waited, done.
    Copy { x: Planes },
    /// Something in candle, the derivative of which is candle's.
    Change { x: Planes, input: Var, output: Tensor },
}

impl Tape {
    /// Notes an operation.
    pub fn record(&self, operation: Operation, output: Part) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(Step { operation, output });
    }

    /// The gradients of a number of which `output` has this gradient. Empties the tape, so that memory goes back to the arena on the way.
    ///
    /// # Errors
    /// When the gradient has another shape than the output.
    pub fn backward(&self, output: &Planes, gradient: &Tensor) -> Result<Gradients> {
        if gradient.dims() != output.shape() {
            bail!("backward: expected a gradient of shape {:?}, got {:?}", output.shape(), gradient.dims());
        }
        let mut gradients = Gradients::new(output.arena());
        let mut buffer = output.arena().buffer(gradient.elem_count());
        with_values("backward", gradient, |gradient| {
            buffer.copy_from_slice(gradient);
            Ok(())
        })?;
        output.carry_back(buffer, &mut gradients)?;
        while let Some(step) = self.pop() {
            // What nothing depended on has no gradient.
            if let Some(gradient) = step.output.take_gradient() {
                step.operation.backward(gradient, &mut gradients)?;
            }
        }
        gradients.finish()?;
        Ok(gradients)
    }

    fn pop(&self) -> Option<Step> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Operation {
    fn backward(self, y_gradient: Buffer, gradients: &mut Gradients) -> Result<()> {
        match self {
            Self::Convolution { x, onto, weights } => {
                convolution_back(&x, &weights, &y_gradient, gradients)?;
                match onto {
                    Some(onto) => onto.carry_back(y_gradient, gradients),
                    None => Ok(()),
                }
            }
            Self::Attention { qkv, heads } => {
                let [batch, channels, height, width] = qkv.shape();
                let mut gradient = qkv.arena().buffer(batch * channels * height * width);
                attend_back(qkv.values(), &[batch, channels, height * width], heads, &y_gradient, &mut gradient)?;
                qkv.carry_back(gradient, gradients)
            }
            Self::Copy { x } => x.carry_back(y_gradient, gradients),
            Self::Change { x, input, output } => {
                let y_gradient = Tensor::from_slice(&y_gradient, output.shape(), output.device())?;
                let mut store = (output * y_gradient)?.sum_all()?.backward()?;
                if let Some(gradient) = store.remove(&input) {
                    let mut buffer = x.arena().buffer(gradient.elem_count());
                    with_values("backward", &gradient, |gradient| {
                        buffer.copy_from_slice(gradient);
                        Ok(())
                    })?;
                    x.carry_back(buffer, gradients)?;
                }
                gradients.add_store(store);
                Ok(())
            }
        }
    }
}

fn convolution_back(
    x: &Planes,
    weights: &ConvolutionWeights,
    y_gradient: &[f32],
    gradients: &mut Gradients,
) -> Result<()> {
    let geometry = Conv2dGeometry::new(&x.shape(), &weights.shape()?)?;
    let transposed = geometry.transposed();
    let y_gradient = ImagePlanes::new(&transposed, y_gradient);
    let (weight, bias) = (&weights.weight, &weights.bias);
    let to_weights = || {
        let mut weight_gradient = x.arena().buffer(weight.elem_count());
        let mut bias_gradient = x.arena().buffer(bias.elem_count());
        let gradient = WeightGradient { geometry, precision: weights.precision, arena: x.arena() };
        gradient.run(x, &y_gradient, &mut weight_gradient, &mut bias_gradient);
        (weight_gradient, bias_gradient)
    };
    let to_x = || -> Result<Buffer> {
        let mut gradient = x.arena().buffer(x.shape().iter().product());
        let weight = &weights.packed_transposed(&geometry)?;
        Convolution { geometry: transposed, weight, bias: None, residual: None }.run(&y_gradient, &mut gradient);
        Ok(gradient)
    };
    // Both at once, so that no thread waits for the end of the one before the other begins.
    let (of_weights, of_x) = rayon::join(
        || (weight.track_op() || bias.track_op()).then(to_weights),
        || x.wants_gradient().then(to_x).transpose(),
    );
    if let Some((weight_gradient, bias_gradient)) = of_weights {
        gradients.add(weight, weight_gradient);
        gradients.add(bias, bias_gradient);
    }
    match of_x? {
        Some(gradient) => x.carry_back(gradient, gradients),
        None => Ok(()),
    }
}

/// `sum += values`.
pub fn add_values(sum: &mut [f32], values: &[f32]) {
    let chunks = sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
    chunks.for_each(|(sum, values)| sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value));
}

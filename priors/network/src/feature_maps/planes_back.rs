//! Convolution of and attention over feature maps, there and back.

use std::sync::Arc;

use super::planes::Planes;
use crate::attention::{attend, attend_back};
use crate::convolution::{Conv2dGeometry, Convolution, ConvolutionWeights, ImagePlanes, PlaneSource, WeightGradient};
use crate::tape::{Gradients, Slot, Step};
use crate::{Error, Result};

/// Attention of queries, keys and values in one part of memory.
struct Attended {
    qkv: Planes,
    heads: usize,
    output: Slot,
}

impl Planes {
    /// Attention over the pixels, see [`attend`]: this map has three times the result's channels.
    ///
    /// # Errors
    /// When the channels do not split into heads.
    pub fn attention(&self, heads: usize) -> Result<Self> {
        let planes = self.contiguous();
        let [batch, channels, height, width] = planes.shape();
        let shape = [batch, channels / 3, height, width];
        let mut y = self.arena().buffer(shape.iter().product());
        attend(planes.values(), &[batch, channels, height * width], heads, &mut y)?;
        Ok(self.noted(y, shape, |output| Attended { qkv: planes.off_tape(), heads, output }))
    }
}

impl Step for Attended {
    fn backward(self: Box<Self>, _: &mut Gradients) -> Result<()> {
        let Some(y_gradient) = self.output.take() else { return Ok(()) };
        let [batch, channels, height, width] = self.qkv.shape();
        let mut gradient = self.qkv.arena().buffer(batch * channels * height * width);
        attend_back(self.qkv.values(), &[batch, channels, height * width], self.heads, &y_gradient, &mut gradient)?;
        self.qkv.carry_back(gradient);
        Ok(())
    }
}

/// `onto + weight * x + bias`.
struct Convolved {
    x: Planes,
    onto: Option<Planes>,
    weights: Arc<ConvolutionWeights>,
    output: Slot,
}

impl Planes {
    /// The convolution of this map, plus another map of the result's shape.
    ///
    /// # Errors
    /// When a shape does not fit.
    pub fn convolved(&self, weights: &Arc<ConvolutionWeights>, onto: Option<&Self>) -> Result<Self> {
        let geometry = Conv2dGeometry::new(&self.shape(), &weights.shape()?)?;
        let shape = geometry.output_shape();
        if let Some(onto) = onto.filter(|onto| onto.shape() != shape) {
            let expected = format!("a feature map of shape {shape:?} to add to");
            return Err(Error::shape("conv2d", expected, &onto.shape()));
        }
        if weights.bias.shape() != [geometry.outputs] {
            let expected = format!("a bias of shape [{}]", geometry.outputs);
            return Err(Error::shape("conv2d", expected, weights.bias.shape()));
        }
        let mut y = self.arena().buffer(shape.iter().product());
        let bias = weights.bias.values();
        weights.with_packed(&geometry, |weight| {
            let residual = onto.map(|onto| onto as &dyn PlaneSource);
            Convolution { geometry, weight, bias: Some(&bias), residual }.run(self, &mut y);
        });
        Ok(self.noted(y, shape, |output| {
            let onto = onto.map(Self::off_tape);
            Convolved { x: self.off_tape(), onto, weights: weights.clone(), output }
        }))
    }
}

impl Step for Convolved {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(y_gradient) = self.output.take() else { return Ok(()) };
        let Self { x, onto, weights, .. } = *self;
        let geometry = Conv2dGeometry::new(&x.shape(), &weights.shape()?)?;
        let transposed = geometry.transposed();
        let source = ImagePlanes::new(&transposed, &y_gradient);
        let (weight, bias) = (&weights.weight, &weights.bias);
        let to_weights = || {
            let mut weight_gradient = x.arena().buffer(weight.count());
            let mut bias_gradient = x.arena().buffer(bias.count());
            let gradient = WeightGradient { geometry, precision: weights.precision, arena: x.arena() };
            gradient.run(&x, &source, &mut weight_gradient, &mut bias_gradient);
            (weight_gradient, bias_gradient)
        };
        let to_x = || {
            let mut gradient = x.arena().buffer(x.shape().iter().product());
            let weight = &weights.packed_transposed(&geometry);
            Convolution { geometry: transposed, weight, bias: None, residual: None }.run(&source, &mut gradient);
            gradient
        };
        // Both at once, so that no thread waits for the end of the one before the other begins.
        let (of_weights, of_x) = rayon::join(
            || (weight.is_variable() || bias.is_variable()).then(to_weights),
            || x.wants_gradient().then(to_x),
        );
        if let Some((weight_gradient, bias_gradient)) = of_weights {
            gradients.add(weight, weight_gradient);
            gradients.add(bias, bias_gradient);
        }
        if let Some(gradient) = of_x {
            x.carry_back(gradient);
        }
        if let Some(onto) = onto {
            onto.carry_back(y_gradient);
        }
        Ok(())
    }
}

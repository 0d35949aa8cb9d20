//! Two-dimensional convolution, 1x1 or 3x3, with the input's size: forward, data gradient and weight gradient.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::arena::Arena;
use super::conv2d_geometry::Conv2dGeometry;
use super::convolution::Convolution;
use super::packed_weight::PackedWeight;
use super::plane_source::ImagePlanes;
use super::precision::Precision;
use super::storage::{values, with_values};
use super::weight_gradient::WeightGradient;

/// `y[n, o, p] = bias[o] + sum_{i, tap} weight[o, i, tap] x[n, i, p + tap]`, zero outside of the image, stride 1.
///
/// `x` is (batch, input, y, x), `weight` (output, input, kernel, kernel) with a kernel of 1 or 3, `bias` (output). f32.
///
/// The precision is that of the products in the result and in the gradients.
///
/// # Errors
/// When a shape or a dtype does not fit.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, precision: Precision) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Conv2d { precision })
}

struct Conv2d {
    precision: Precision,
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = Conv2dGeometry::new(x_layout.dims(), weight_layout.dims())?;
        if bias_layout.dims() != [geometry.outputs] {
            bail!("conv2d: expected a bias of shape [{}], got {:?}", geometry.outputs, bias_layout.dims());
        }
        let x = values(self.name(), x, x_layout)?;
        let weight = values(self.name(), weight, weight_layout)?;
        let bias = values(self.name(), bias, bias_layout)?;
        let weight = PackedWeight::new(&geometry, weight, self.precision);
        let mut y = vec![0.0; geometry.batch * geometry.outputs * geometry.pixels()];
        let convolution = Convolution { geometry, weight: &weight, bias: Some(bias), residual: None };
        convolution.run(&ImagePlanes::new(&geometry, x), &mut y);
        Ok((CpuStorage::F32(y), Shape::from(&geometry.output_shape())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        y_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let geometry = Conv2dGeometry::new(x.dims(), weight.dims())?;
        let device = x.device();
        with_values(self.name(), y_gradient, |y_gradient| {
            let x_gradient = match x.track_op() {
                false => None,
                true => {
                    let gradient = with_values(self.name(), weight, |weight| {
                        let packed = PackedWeight::transposed(&geometry, weight, self.precision);
                        Ok(data_gradient(&geometry, &packed, y_gradient))
                    })?;
                    Some(Tensor::from_vec(gradient, x.shape(), device)?)
                }
            };
            if !weight.track_op() && !bias.track_op() {
                return Ok((x_gradient, None, None));
            }
            let (mut weight_gradient, mut bias_gradient) =
                (vec![0.0; weight.elem_count()], vec![0.0; bias.elem_count()]);
            with_values(self.name(), x, |x| {
                let x = ImagePlanes::new(&geometry, x);
                let y_gradient = ImagePlanes::new(&geometry.transposed(), y_gradient);
                let gradient = WeightGradient { geometry, precision: self.precision, arena: &Arena::default() };
                gradient.run(&x, &y_gradient, &mut weight_gradient, &mut bias_gradient);
                Ok(())
            })?;
            let weight_gradient = Tensor::from_vec(weight_gradient, weight.shape(), device)?;
            let bias_gradient = Tensor::from_vec(bias_gradient, bias.shape(), device)?;
            Ok((x_gradient, Some(weight_gradient), Some(bias_gradient)))
        })
    }
}

/// `dx[n, i, p] = sum_{o, tap} weight[o, i, tap] dy[n, o, p - tap]`, with the weight of the transposed convolution.
fn data_gradient(geometry: &Conv2dGeometry, weight: &PackedWeight, y_gradient: &[f32]) -> Vec<f32> {
    let geometry = geometry.transposed();
    let mut gradient = vec![0.0; geometry.batch * geometry.outputs * geometry.pixels()];
    let convolution = Convolution { geometry, weight, bias: None, residual: None };
    convolution.run(&ImagePlanes::new(&geometry, y_gradient), &mut gradient);
    gradient
}

#[cfg(test)]
#[path = "conv2d_tests.rs"]
mod tests;

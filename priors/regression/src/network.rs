//! A trained network.

use diph_network::{Checkpoint, CheckpointConfig, Error, ForwardMode, Precision, Result, Tensor, UNet, UNetConfig};
use ndarray::{Array3, ArrayView3, Axis, s};
use num_complex::Complex32;

use crate::maps::OFFSETS;
use crate::{Features, Maps, OUTPUTS, RegressionConfig};

/// What the logarithm of an image's scale is multiplied with to be the network's timestep.
const TIMESTEPS_PER_LOG_SCALE: f32 = 20.0;

/// A trained regression network.
pub struct RegressionNetwork {
    config: RegressionConfig,
    unet: UNet,
}

impl RegressionNetwork {
    /// The network of a checkpoint; its convolutions multiply in `precision`.
    ///
    /// # Errors
    /// [`Error::Setting`] when the configuration is not that of a regression network.
    pub fn new(checkpoint: &Checkpoint<RegressionConfig>, precision: Precision) -> Result<Self> {
        checkpoint.config.check()?;
        let unet = UNet::with_precision(&checkpoint.config.unet, &checkpoint.parameters, precision)?;
        Ok(Self { config: checkpoint.config.clone(), unet })
    }

    /// Architecture, sizes and acquisition.
    pub fn config(&self) -> &RegressionConfig {
        &self.config
    }

    /// The maps of an image (coefficient, y, x): of a second stage with the image of the residual and the maps of the first stage.
    ///
    /// `mirrors`: the mean over the four mirror images, each of which the network answers on its own; otherwise one answer.
    ///
    /// # Errors
    /// As [`Features::new`] and [`Features::with_residual`]; [`Error::Setting`] when a residual is missing or not wanted.
    pub fn maps(
        &self,
        image: ArrayView3<'_, Complex32>,
        residual: Option<(ArrayView3<'_, Complex32>, &Maps)>,
        mirrors: bool,
    ) -> Result<Maps> {
        let normalisation = &self.config.normalisation;
        let features = Features::new(normalisation, image)?;
        let features = match (residual, self.config.is_second_stage()) {
            (None, false) => features,
            (Some((residual, maps)), true) => features.with_residual(normalisation, residual, maps)?,
            (None, true) => return Err(Error::setting("image of the residual", "one (second stage)", "none")),
            (Some(_), false) => return Err(Error::setting("image of the residual", "none (first stage)", "one")),
        };
        let output =
            if mirrors { self.mean_output(&features)? } else { self.output(&features.planes, features.log_scale)? };
        Ok(Maps::from_output(&self.config, &features, output.view()))
    }

    /// The mean output (plane, y, x) over the mirror images of the input.
    fn mean_output(&self, features: &Features) -> Result<Array3<f32>> {
        let mut sum = Array3::zeros((OUTPUTS, features.planes.len_of(Axis(1)), features.planes.len_of(Axis(2))));
        for flips in [[false, false], [true, false], [false, true], [true, true]] {
            sum += &mirrored(self.output(&mirrored(features.planes.view(), flips), features.log_scale)?.view(), flips);
        }
        Ok(sum / 4.0)
    }

    /// The output (plane, y, x) of one image, which is surrounded by its edge up to a size that the levels divide.
    fn output(&self, planes: &Array3<f32>, log_scale: f32) -> Result<Array3<f32>> {
        let (_, height, width) = planes.dim();
        let factor = self.config.unet.size_factor()?;
        let padded = padded(planes, height.next_multiple_of(factor), width.next_multiple_of(factor));
        let input = tensor(std::slice::from_ref(&padded))?;
        let mode = &mut ForwardMode::Inference;
        let output = self.unet.forward(&input, &timesteps(&[log_scale]), None, mode)?;
        let base = base(&self.config.unet, &padded);
        let output = array(&output)? + base;
        Ok(output.slice(s![.., ..height, ..width]).to_owned())
    }
}

/// The network's timesteps of images of these logarithmic scales: what tells it how clear an image is.
pub(crate) fn timesteps(log_scales: &[f32]) -> Vec<f32> {
    log_scales.iter().map(|log_scale| TIMESTEPS_PER_LOG_SCALE * log_scale).collect()
}

/// What the network's output is added to, (plane, y, x): the offsets, for a second stage also the maps of the first, which are its
/// last input planes.
pub(crate) fn base(unet: &UNetConfig, planes: &Array3<f32>) -> Array3<f32> {
    let (inputs, height, width) = planes.dim();
    let coefficients = unet.coefficients;
    let first_stage = RegressionConfig::input_planes(coefficients, false) == inputs;
    Array3::from_shape_fn((OUTPUTS, height, width), |(plane, y, x)| {
        let maps = if first_stage { 0.0 } else { planes[[inputs - OUTPUTS + plane, y, x]] };
        OFFSETS[plane] + maps
    })
}

/// (batch, plane, y, x) of arrays of one shape.
pub(crate) fn tensor(images: &[Array3<f32>]) -> Result<Tensor> {
    let (planes, height, width) = images.first().map_or((0, 0, 0), Array3::dim);
    let values: Vec<f32> = images.iter().flat_map(|image| image.iter().copied()).collect();
    Tensor::new([images.len(), planes, height, width], values)
}

/// The first image of a batch.
fn array(batch: &Tensor) -> Result<Array3<f32>> {
    let [_, planes, height, width] = batch.image_shape("image")?;
    let values = batch.values().iter().take(planes * height * width).copied().collect();
    let shape = (planes, height, width);
    Array3::from_shape_vec(shape, values).map_err(|error| Error::setting("output", format!("{shape:?}"), error))
}

/// Flipped along y, along x.
fn mirrored(planes: ArrayView3<'_, f32>, [along_y, along_x]: [bool; 2]) -> Array3<f32> {
    let mut planes = planes;
    if along_y {
        planes.invert_axis(Axis(1));
    }
    if along_x {
        planes.invert_axis(Axis(2));
    }
    planes.as_standard_layout().into_owned()
}

/// Surrounded by its edge at the end of both axes.
fn padded(planes: &Array3<f32>, height: usize, width: usize) -> Array3<f32> {
    let (count, inner_height, inner_width) = planes.dim();
    Array3::from_shape_fn((count, height, width), |(plane, y, x)| {
        planes[[plane, y.min(inner_height - 1), x.min(inner_width - 1)]]
    })
}

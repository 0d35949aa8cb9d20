//! The modules as a network among others.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use diph_network::{Error, Network, Parameters, Result, UNetConfig};

use crate::UNet;

/// The name by which errors call this crate.
const BACKEND: &str = "candle";

/// A [`UNet`] in f32 on a device, as a [`Network`]: images go to the device and come back.
pub struct CandleNetwork {
    unet: UNet,
    device: Device,
}

impl CandleNetwork {
    /// The network of a checkpoint's architecture and parameters.
    ///
    /// # Errors
    /// [`Error::Setting`] when the configuration makes no network; [`Error::Backend`] when a parameter is missing or has another shape,
    /// or the device has no memory for it.
    pub fn new(config: &UNetConfig, parameters: &Parameters, device: &Device) -> Result<Self> {
        config.check()?;
        let vb = var_builder(parameters, DType::F32, device).map_err(failed)?;
        Ok(Self { unet: UNet::new(config, vb).map_err(failed)?, device: device.clone() })
    }

    fn run(
        &self,
        x: &diph_network::Tensor,
        timesteps: &[f32],
        condition: Option<&diph_network::Tensor>,
    ) -> candle_core::Result<Vec<f32>> {
        let on_device = |x: &diph_network::Tensor| Tensor::from_slice(x.values(), x.shape(), &self.device);
        let timesteps = Tensor::from_slice(timesteps, timesteps.len(), &self.device)?;
        let condition = condition.map(on_device).transpose()?;
        self.unet.forward(&on_device(x)?, &timesteps, condition.as_ref())?.flatten_all()?.to_vec1()
    }
}

impl Network for CandleNetwork {
    fn infer(
        &self,
        x: &diph_network::Tensor,
        timesteps: &[f32],
        condition: Option<&diph_network::Tensor>,
    ) -> Result<diph_network::Tensor> {
        let config = self.unet.config();
        config.check_input(x, timesteps, condition)?;
        let [batch, _, height, width] = x.image_shape("network input")?;
        let channels = config.out_channels() / config.patch.pow(2);
        let values = self.run(x, timesteps, condition).map_err(failed)?;
        diph_network::Tensor::new([batch, channels, height, width], values)
    }
}

/// The parameters of a checkpoint, which came from a safetensors file or a PyTorch state dict, as numbers of a type on a device.
///
/// # Errors
/// When the device has no memory for them.
pub fn var_builder(parameters: &Parameters, dtype: DType, device: &Device) -> candle_core::Result<VarBuilder<'static>> {
    let tensors = parameters.iter().map(|(name, parameter)| {
        let tensor = Tensor::from_slice(&parameter.values(), parameter.shape(), device)?.to_dtype(dtype)?;
        Ok((name.to_string(), tensor))
    });
    let tensors = tensors.collect::<candle_core::Result<HashMap<_, _>>>()?;
    Ok(VarBuilder::from_tensors(tensors, dtype, device))
}

/// The device of a name: `cpu`, `metal`, `cuda` or, where there are several, `cuda:1` and so on.
///
/// # Errors
/// [`Error::Setting`] when there is no device of this name, [`Error::Backend`] when it cannot be used: this crate was compiled without
/// the feature for it, or the machine has none.
pub fn device(name: &str) -> Result<Device> {
    let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
    let expected = "`cpu`, `metal`, `cuda` or `cuda:0` with the number of a device";
    let number: usize = number.parse().map_err(|_| Error::setting("device", expected, name))?;
    match kind {
        "cpu" if number == 0 => Ok(Device::Cpu),
        "cuda" => Device::new_cuda(number).map_err(failed),
        "metal" => Device::new_metal(number).map_err(failed),
        _ => Err(Error::setting("device", expected, name)),
    }
}

fn failed(error: candle_core::Error) -> Error {
    Error::backend(BACKEND, error)
}

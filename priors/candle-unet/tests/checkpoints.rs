//! Checkpoint files and devices: what reaches the modules from outside.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Device;
use common::{Example, Result, config, random_parameters, relative_error};
use diph_candle_unet::{CandleNetwork, device};
use diph_formats::NpzFile;
use diph_network::{Checkpoint, CheckpointConfig, Network, Tensor, UNet, UNetConfig, WeightFormat};
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

/// An architecture and nothing else.
#[derive(Clone, Serialize, Deserialize)]
struct Config {
    unet: UNetConfig,
}

impl CheckpointConfig for Config {
    fn unet(&self) -> &UNetConfig {
        &self.unet
    }

    fn check(&self) -> diph_network::Result<()> {
        self.unet.check()
    }
}

fn candle(checkpoint: &Checkpoint<Config>) -> Result<CandleNetwork> {
    Ok(CandleNetwork::new(&checkpoint.config.unet, &checkpoint.parameters, &Device::Cpu)?)
}

fn widened(tensor: &Tensor) -> Vec<f64> {
    tensor.values().iter().copied().map(f64::from).collect()
}

#[test]
fn a_safetensors_file_is_the_same_network_in_both() -> Result {
    let unet = config(r#"{ "learn_sigma": true }"#)?;
    let checkpoint =
        Checkpoint { parameters: random_parameters(&unet)?, config: Config { unet }, notes: BTreeMap::new() };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("weights.safetensors");
    checkpoint.write(&path, WeightFormat::F16)?;
    let read = Checkpoint::<Config>::read(&path)?;
    let Example { x, timesteps, .. } = Example::new(&read.config.unet);
    let expected = UNet::new(&read.config.unet, &read.parameters)?.infer(&x, &timesteps, None)?;
    let y = candle(&read)?.infer(&x, &timesteps, None)?;
    assert!(relative_error(y.values(), &widened(&expected), 0.0) < 1e-5);
    Ok(())
}

/// PyTorch state dicts and what Python made of images with them. They lie outside of the project; where they are not there, the test
/// says so and passes.
#[test]
fn pytorch_files_give_what_the_python_code_gives() -> Result {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/mini");
    if !folder.is_dir() {
        println!("skipped: reference data mini not present");
        return Ok(());
    }
    for (name, conditional) in [("unconditional", false), ("conditional", true)] {
        let unet = format!(
            r#"{{ "image_size": 64, "coefficients": 5, "model_channels": 32, "num_res_blocks": 1, "num_heads": 4,
                 "attention_resolutions": [16, 8], "learn_sigma": true, "conditional": {conditional} }}"#
        );
        let config = Config { unet: serde_json::from_str(&unet)? };
        let network = candle(&Checkpoint::read_pytorch(folder.join(format!("ema_{name}.pt")), config)?)?;
        let mut pair = NpzFile::open(folder.join(format!("unet_pair_{name}.npz")))?;
        let mut array = |name: &str| -> Result<Tensor> {
            let array: ArrayD<f32> = pair.array(name, "(batch, ...)")?;
            Ok(Tensor::new(array.shape().to_vec(), array.into_iter().collect())?)
        };
        let condition = array("low_res")?;
        let (x, times) = (array("x")?, array("t")?);
        let y = network.infer(&x, times.values(), conditional.then_some(&condition))?;
        let error = relative_error(y.values(), &widened(&array("y")?), 0.0);
        println!("{name}: {error:.1e}");
        assert!(error < 1e-5, "{name}: {error}");
    }
    Ok(())
}

#[test]
fn devices_have_names() -> Result {
    assert!(device("cpu")?.is_cpu());
    for name in ["", "gpu", "cpu:1", "cuda:first", "cuda:-1", "cpu "] {
        let message = device(name).expect_err("no such device").to_string();
        assert!(message.contains("device") && message.contains("cuda:0"), "{name}: {message}");
    }
    Ok(())
}

/// Without the features there are no such devices, and nothing falls back to another.
#[cfg(not(any(feature = "cuda", feature = "metal")))]
#[test]
fn devices_that_were_not_compiled_are_errors() {
    for name in ["cuda", "cuda:0", "metal"] {
        assert!(device(name).is_err(), "{name}");
    }
}

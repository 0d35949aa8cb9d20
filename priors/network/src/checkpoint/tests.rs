use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Tensor};
use rand::SeedableRng;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, CheckpointConfig, WeightFormat};
use crate::{Error, Parameters, Result, UNetConfig};

/// The architecture and something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    unet: UNetConfig,
    hours: f64,
}

impl CheckpointConfig for Config {
    fn unet(&self) -> &UNetConfig {
        &self.unet
    }

    fn check(&self) -> Result<()> {
        self.unet.check()
    }
}

fn config() -> Config {
    let unet =
        r#"{ "image_size": 16, "coefficients": 1, "model_channels": 32, "channel_mult": [1, 1], "num_res_blocks": 1 }"#;
    Config { unet: serde_json::from_str(unet).expect("a configuration"), hours: 1.5 }
}

fn checkpoint() -> Result<Checkpoint<Config>> {
    let config = config();
    let parameters = Parameters::initialise(&config.unet, &mut diph_core::Rng::seed_from_u64(1))?;
    Ok(Checkpoint { config, parameters, notes: BTreeMap::from([("steps".into(), "7".into())]) })
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn with_tensors(
    checkpoint: &Checkpoint<Config>,
    change: impl FnOnce(&mut BTreeMap<String, Tensor>),
) -> Result<Checkpoint<Config>> {
    let mut tensors = checkpoint.parameters.tensors().clone();
    change(&mut tensors);
    Checkpoint::from_tensors(checkpoint.config.clone(), tensors, BTreeMap::new())
}

#[test]
fn everything_survives_a_round_trip() -> Result<()> {
    let (checkpoint, directory) = (checkpoint()?, directory());
    for (format, tolerance) in [(WeightFormat::F32, 0.0), (WeightFormat::F16, 1e-3), (WeightFormat::Bf16, 1e-2)] {
        let path = directory.path().join("weights.safetensors");
        checkpoint.write(&path, format)?;
        let read = Checkpoint::<Config>::read(&path)?;
        assert_eq!((&read.config, &read.notes), (&checkpoint.config, &checkpoint.notes));
        for (name, tensor) in checkpoint.parameters.tensors() {
            let difference = (tensor - &read.parameters.tensors()[name])?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(difference <= tolerance, "{name}: {difference}");
        }
    }
    Ok(())
}

#[test]
fn the_same_checkpoint_gives_the_same_bytes() -> Result<()> {
    let (checkpoint, directory) = (checkpoint()?, directory());
    let write = |name: &str| -> Result<Vec<u8>> {
        let path = directory.path().join(name);
        checkpoint.write(&path, WeightFormat::F16)?;
        std::fs::read(&path).map_err(|error| Error::file(path, error))
    };
    assert_eq!(write("a")?, write("b")?);
    Ok(())
}

#[test]
fn weights_of_another_architecture_are_named() -> Result<()> {
    let checkpoint = checkpoint()?;
    let message = |result: Result<Checkpoint<Config>>| result.map(|_| ()).unwrap_err().to_string();
    let missing = message(with_tensors(&checkpoint, |tensors| {
        tensors.remove("middle_block.1.qkv.weight");
    }));
    assert!(missing.contains("`middle_block.1.qkv.weight` of shape [96, 32, 1] is missing"), "{missing}");
    let extra = message(with_tensors(&checkpoint, |tensors| {
        tensors.insert("label_emb.weight".into(), tensors["out.2.bias"].clone());
    }));
    assert!(extra.contains("`label_emb.weight` of shape [2] has no place"), "{extra}");
    let shape = message(with_tensors(&checkpoint, |tensors| {
        tensors.insert("out.2.weight".into(), tensors["out.2.bias"].clone());
    }));
    assert!(shape.contains("`out.2.weight`: expected shape [2, 32, 3, 3], got [2]"), "{shape}");
    Ok(())
}

#[test]
fn weights_must_be_finite_numbers_of_a_float_type() -> Result<()> {
    let checkpoint = checkpoint()?;
    let bias = checkpoint.parameters.tensors()["out.2.bias"].clone();
    let integers = bias.to_dtype(DType::U32)?;
    let error = with_tensors(&checkpoint, |tensors| {
        tensors.insert("out.2.bias".into(), integers);
    });
    assert!(matches!(error, Err(Error::TensorDtype { tensor, .. }) if tensor == "out.2.bias"));
    let infinite = (bias + f64::INFINITY)?;
    let error = with_tensors(&checkpoint, |tensors| {
        tensors.insert("out.2.bias".into(), infinite);
    });
    assert!(matches!(error, Err(Error::TensorNotFinite { index: 0, .. })));
    Ok(())
}

/// 1e5 is no number in f16.
#[test]
fn a_format_that_is_too_narrow_is_an_error() -> Result<()> {
    let checkpoint = checkpoint()?;
    let large = (&checkpoint.parameters.tensors()["out.2.bias"] + 1e5)?;
    let checkpoint = with_tensors(&checkpoint, |tensors| {
        tensors.insert("out.2.bias".into(), large);
    })?;
    let directory = directory();
    let path = directory.path().join("weights.safetensors");
    assert!(matches!(checkpoint.write(&path, WeightFormat::F16), Err(Error::TensorNotFinite { .. })));
    assert!(!path.exists());
    checkpoint.write(&path, WeightFormat::Bf16)
}

#[test]
fn files_that_are_no_checkpoints_are_named() -> Result<()> {
    let directory = directory();
    let write = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("a file in a temporary directory");
        path
    };
    let message = |path: &Path| Checkpoint::<Config>::read(path).map(|_| ()).unwrap_err().to_string();
    assert!(message(&directory.path().join("absent.safetensors")).contains("absent.safetensors"));
    assert!(message(&write("text.safetensors", b"hello")).contains("not a safetensors file"));
    assert!(message(&write("bare.pt", b"hello")).contains("bare.json"));
    write("bare.json", serde_json::to_string(&config()).expect("JSON").as_bytes());
    assert!(message(&directory.path().join("bare.pt")).contains("not a PyTorch state dict"));
    let bare = directory.path().join("bare.safetensors");
    candle_core::safetensors::save(
        &std::collections::HashMap::from([("x", Tensor::new(1.0_f32, &candle_core::Device::Cpu)?)]),
        &bare,
    )?;
    assert!(message(&bare).contains("no metadata entry `diph`"));
    let checkpoint = checkpoint()?;
    // Missing folders are made; a file in the way of one is not.
    let made = directory.path().join("new/folder/x.safetensors");
    checkpoint.write(&made, WeightFormat::F32)?;
    assert!(made.is_file());
    let blocked = checkpoint.write(bare.join("x.safetensors"), WeightFormat::F32);
    assert!(matches!(blocked, Err(Error::Write(_))));
    Ok(())
}

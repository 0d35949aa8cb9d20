use std::collections::BTreeMap;
use std::path::Path;

use rand::SeedableRng;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, CheckpointConfig, WeightFormat};
use crate::{Error, Parameters, Result, Tensor, UNetConfig};

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
    let mut tensors = checkpoint.parameters.to_tensors();
    change(&mut tensors);
    Checkpoint::from_tensors(checkpoint.config.clone(), tensors, BTreeMap::new())
}

#[test]
fn the_configuration_of_bytes_is_that_of_their_file() -> Result<()> {
    let directory = directory();
    let path = directory.path().join("weights.safetensors");
    checkpoint()?.write(&path, WeightFormat::F32)?;
    let bytes = std::fs::read(&path).expect("the file that was written");
    let config = Checkpoint::<Config>::config_in_bytes(&bytes, "bytes")?;
    assert_eq!(config, Checkpoint::<Config>::read_config(&path)?);
    assert!(Checkpoint::<Config>::config_in_bytes(&bytes[..100], "bytes").is_err());
    Ok(())
}

#[test]
fn everything_survives_a_round_trip() -> Result<()> {
    let (checkpoint, directory) = (checkpoint()?, directory());
    for (format, tolerance) in [(WeightFormat::F32, 0.0), (WeightFormat::F16, 1e-3), (WeightFormat::Bf16, 1e-2)] {
        let path = directory.path().join("weights.safetensors");
        checkpoint.write(&path, format)?;
        let read = Checkpoint::<Config>::read(&path)?;
        assert_eq!((&read.config, &read.notes), (&checkpoint.config, &checkpoint.notes));
        let read = read.parameters.to_tensors();
        for (name, parameter) in checkpoint.parameters.iter() {
            let pairs = parameter.to_tensor().zip(&read[name], |a, b| (a - b).abs())?;
            let difference = pairs.values().iter().copied().fold(0.0, f32::max);
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
    let infinite = checkpoint.parameters.to_tensors()["out.2.bias"].map(|_| f32::INFINITY);
    let error = with_tensors(&checkpoint, |tensors| {
        tensors.insert("out.2.bias".into(), infinite);
    });
    assert!(matches!(error, Err(Error::TensorNotFinite { index: 0, .. })));
    let directory = directory();
    let path = directory.path().join("integers.safetensors");
    checkpoint.write(&path, WeightFormat::F16)?;
    let mut bytes = std::fs::read(&path).expect("a file");
    let place = bytes.windows(5).position(|text| text == b"\"F16\"").expect("a type");
    bytes[place..place + 5].copy_from_slice(b"\"I16\"");
    std::fs::write(&path, bytes).expect("a file");
    let message = Checkpoint::<Config>::read(&path).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("expected f32, f16, bf16 or f64, got I16"), "{message}");
    Ok(())
}

/// 1e5 is no number in f16.
#[test]
fn a_format_that_is_too_narrow_is_an_error() -> Result<()> {
    let checkpoint = checkpoint()?;
    let large = checkpoint.parameters.to_tensors()["out.2.bias"].map(|value| value + 1e5);
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
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]).expect("a tensor");
    std::fs::write(&bare, safetensors::serialize([("x", view)], None).expect("bytes")).expect("a file");
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

/// An archive as PyTorch writes it, of two numbers in f16 and one in f32 under these names.
fn state_dict(names: [&str; 2], entry: Option<&str>, compression: zip::CompressionMethod) -> Vec<u8> {
    use std::io::Write;
    let text = |text: &str| [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let tensor = |kind: &str, key: &str, count: u8| {
        let storage = [
            b"((".as_slice(),
            &text("storage"),
            b"ctorch\n",
            kind.as_bytes(),
            b"\n",
            &text(key),
            &text("cpu"),
            b"K",
            &[count],
            b"tQ",
        ];
        let storage = storage.concat();
        // The mark in front is that of the arguments.
        [b"ctorch._utils\n_rebuild_tensor_v2\n".as_slice(), &storage, b"K\0K", &[count], b"\x85K\x01\x85\x89NtR"]
            .concat()
    };
    let (first, second) = (tensor("HalfStorage", "0", 2), tensor("FloatStorage", "1", 1));
    let mut dict = [b"}(".as_slice(), &text(names[0]), &first, &text(names[1]), &second, b"u"].concat();
    if let Some(entry) = entry {
        dict = [b"}(".as_slice(), &text(entry), &dict, &text("epoch"), b"K\x07u"].concat();
    }
    let pickle = [b"\x80\x02".as_slice(), &dict, b"."].concat();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(compression);
    let halves = [half::f16::from_f32(1.5).to_le_bytes(), half::f16::from_f32(-2.0).to_le_bytes()].concat();
    for (name, content) in
        [("net/data.pkl", pickle), ("net/data/0", halves), ("net/data/1", 3.25_f32.to_le_bytes().to_vec())]
    {
        archive.start_file(name, options).expect("a file");
        archive.write_all(&content).expect("a file");
    }
    archive.finish().expect("an archive").into_inner()
}

#[test]
fn state_dicts_are_read_with_their_wrappers_and_entries() {
    let directory = directory();
    let path = directory.path().join("net.pt");
    for (names, entry, notes) in [
        (["a", "b"], None, vec![]),
        (["module.a", "module.b"], None, vec!["module."]),
        (["_orig_mod.module.a", "_orig_mod.module.b"], Some("state_dict"), vec!["state_dict", "_orig_mod.module."]),
        (["a", "b"], Some("anything"), vec!["anything"]),
    ] {
        std::fs::write(&path, state_dict(names, entry, zip::CompressionMethod::Stored)).expect("a file");
        let read = super::pytorch::read(&path).expect("a state dict");
        assert_eq!(read.tensors["a"].values(), [1.5, -2.0]);
        assert_eq!(read.tensors["b"].values(), [3.25]);
        assert_eq!(read.notes.into_values().collect::<Vec<_>>(), notes, "{names:?}");
    }
}

#[test]
fn archives_that_pytorch_does_not_write_are_refused() {
    let directory = directory();
    let path = directory.path().join("net.pt");
    let message = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("a file");
        super::pytorch::read(&path).map(|_| ()).unwrap_err().to_string()
    };
    let whole = state_dict(["a", "b"], None, zip::CompressionMethod::Stored);
    assert!(message(&state_dict(["a", "b"], None, zip::CompressionMethod::Deflated)).contains("is compressed"));
    for end in (0..whole.len()).step_by(7) {
        assert!(message(&whole[..end]).contains("net.pt: not a PyTorch state dict"));
    }
    // Any byte of the pickle changed: an error or other tensors, never a panic.
    let start = whole.windows(2).position(|bytes| bytes == b"\x80\x02").expect("the pickle");
    for place in start..start + 200 {
        let mut other = whole.clone();
        other[place] ^= 0x55;
        std::fs::write(&path, other).expect("a file");
        let _ = super::pytorch::read(&path);
    }
}

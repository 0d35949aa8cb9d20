//! A state dict of PyTorch.

#![no_main]

use std::sync::LazyLock;

use diph_diffusion::ModelConfig;
use diph_fuzz::{SMALL_MODEL, file};
use diph_network::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    static MODEL: LazyLock<ModelConfig> = LazyLock::new(|| serde_json::from_str(SMALL_MODEL).expect("a small model"));
    let _ = Checkpoint::read_pytorch(file("a.pt", bytes), MODEL.clone());
});

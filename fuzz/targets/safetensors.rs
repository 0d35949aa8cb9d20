//! A network of Diph, and the state of a training.

#![no_main]

use std::path::Path;

use diph_diffusion::ModelConfig;
use diph_fuzz::file;
use diph_network::{Checkpoint, TrainingStateFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::<ModelConfig>::from_bytes(bytes, Path::new("a.safetensors"));
    let path = file("state.safetensors", bytes);
    if let Ok((mut state, config, _)) = TrainingStateFile::open::<ModelConfig>(&path, "diph") {
        let _ = state.parameters(&config.unet, &[]);
    }
});

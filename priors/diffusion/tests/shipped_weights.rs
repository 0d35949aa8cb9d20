//! The network that comes with Diph.

use std::path::{Path, PathBuf};

use diph_diffusion::{Checkpoint, Result};

/// What it may add to every clone.
const LARGEST_FILE: u64 = 16_000_000;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/brain.safetensors")
}

#[test]
fn it_is_small_and_says_all_that_is_needed_to_run_it() -> Result<()> {
    let size = std::fs::metadata(path()).map(|metadata| metadata.len());
    assert!(size.as_ref().is_ok_and(|size| *size < LARGEST_FILE), "{size:?}");
    let checkpoint = Checkpoint::read(path())?;
    assert!(checkpoint.config.unet.conditional && checkpoint.config.condition_optional);
    assert_eq!(checkpoint.config.condition.as_deref(), Some("cg-10"));
    Ok(())
}

/// The model card speaks of the data; where they lay is nobody's business.
#[test]
fn it_says_how_it_was_trained_without_paths() -> Result<()> {
    let checkpoint = Checkpoint::read(path())?;
    let training = checkpoint.config.training.expect("a record of the training").to_string();
    assert!(training.contains("dataset") && !training.contains('/'), "{training}");
    Ok(())
}

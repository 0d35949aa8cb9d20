//! The networks that come with Diph.

use std::path::{Path, PathBuf};

use diph_diffusion::{Checkpoint, Result, ShippedNetwork};

/// What they may add to every clone: the first, and those after it.
const LARGEST_FILES: [u64; 2] = [16_000_000, 9_000_000];

fn path(network: ShippedNetwork) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(network.file_name())
}

#[test]
fn they_are_small_and_say_all_that_is_needed_to_run_them() -> Result<()> {
    for network in ShippedNetwork::ALL {
        let largest = LARGEST_FILES[usize::from(network != ShippedNetwork::Brain)];
        let size = std::fs::metadata(path(network)).map(|metadata| metadata.len());
        assert!(size.as_ref().is_ok_and(|size| *size < largest), "{size:?}");
        let config = Checkpoint::read(path(network))?.config;
        let condition = match network {
            ShippedNetwork::Brain => Some("cg-10"),
            ShippedNetwork::DeliCsConditional => Some("unet"),
            ShippedNetwork::DeliCsUnconditional => None,
        };
        assert_eq!(config.condition.as_deref(), condition);
        let brain = network == ShippedNetwork::Brain;
        assert_eq!((config.condition_optional, config.basis.is_none()), (brain, brain));
    }
    Ok(())
}

/// The model card speaks of the data; where they lay is nobody's business.
#[test]
fn they_say_how_they_were_trained_without_paths() -> Result<()> {
    for network in ShippedNetwork::ALL {
        let checkpoint = Checkpoint::read(path(network))?;
        let training = checkpoint.config.training.expect("a record of the training").to_string();
        assert!(training.contains("dataset") && !training.contains('/'), "{training}");
    }
    Ok(())
}

//! What the fuzz targets share. Each target is a reader of files that strangers wrote: whatever the bytes, it answers with an
//! array or with an error, within the limits of time and memory that the fuzzer sets.
//!
//! `.ci/fuzz` builds and runs them: a target, a number of executions, and the seeds from the fixtures of the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use diph_formats::ArrayLocation;

/// A network small enough to be built for every input.
pub const SMALL_MODEL: &str = r#"{"unet": {"image_size": 8, "coefficients": 1, "model_channels": 32, "channel_mult": [1],
    "num_res_blocks": 1}}"#;

/// Puts bytes into a file of this name, always the same one, and gives its path. `TMPDIR` should be a disk in memory.
///
/// # Panics
/// When the file cannot be written: then nothing was tried.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("diph-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for inputs");
        folder
    });
    let path = folder.join(name);
    fs::write(&path, bytes).expect("room for an input");
    path
}

/// Reads every array of a file, as commands do that are given its name.
pub fn read_arrays(path: &Path) {
    diph_formats::unpacked_size(path);
    let Ok(keys) = ArrayLocation::keys(path) else { return };
    let keys = keys.into_iter().map(Some).chain([None]);
    for key in keys {
        let Ok(entry) = (ArrayLocation { path: path.into(), key }).read() else { continue };
        let _ = entry.read_vector::<f32>("(value)");
    }
}

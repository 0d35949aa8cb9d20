//! What a result was made from.

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What is needed to make a result again: written as `provenance.json` beside it.
///
/// Holds no path other than those that the user typed, and no time, so that equal runs give equal files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of Diph.
    pub diph_version: String,
    /// The command as typed, program name first.
    pub command_line: Vec<String>,
    /// The effective configuration.
    pub configuration: Value,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Plugins that took part.
    pub plugins: Vec<PluginFile>,
    /// Files that were read.
    pub inputs: Vec<InputFile>,
    /// Name of the processor.
    pub cpu: String,
    /// Threads that computed.
    pub threads: usize,
    /// Memory that the run was expected to need at its peak, in bytes; absent where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_estimate_bytes: Option<u64>,
    /// Operating system and architecture, for example `linux x86_64`.
    pub platform: String,
}

impl Provenance {
    /// Of the running program on this machine; plugins and inputs are still to be listed.
    pub fn new(configuration: Value, seed: u64) -> Self {
        Self {
            diph_version: env!("CARGO_PKG_VERSION").into(),
            command_line: command_line(),
            configuration,
            seed,
            plugins: Vec::new(),
            inputs: Vec::new(),
            cpu: cpu_name(),
            threads: rayon::current_num_threads(),
            memory_estimate_bytes: None,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// A plugin that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginFile {
    /// Id of the component, for example `diph.mrf-nufft`.
    pub id: String,
    /// Version of the component.
    pub version: String,
    /// File name of the library, without its folder.
    pub library: String,
    /// SHA-256 of the library in hexadecimal.
    pub sha256: String,
}

impl PluginFile {
    /// The file that a component came from.
    pub fn of(provenance: &diph_plugin_host::Provenance) -> Self {
        Self {
            id: provenance.id.clone(),
            version: provenance.version.clone(),
            library: file_name(&provenance.path),
            sha256: provenance.sha256.clone(),
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// The path as the user typed it, or below the folder that the user typed.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl InputFile {
    /// Hashes a file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.display().to_string(), sha256: sha256(path)? })
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut chunk)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hasher.update(&chunk[..count]),
        }
    }
}

/// The program's own path is the machine's business; the rest is what the user typed.
fn command_line() -> Vec<String> {
    let mut arguments: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(program) = arguments.first_mut() {
        *program = file_name(Path::new(program.as_str()));
    }
    arguments
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Linux tells the name on x86; elsewhere the architecture has to do.
fn cpu_name() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ksp.npz");
        std::fs::write(&path, "abc").unwrap();
        let input = InputFile::new(&path).unwrap();
        assert_eq!(input.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(InputFile::new(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn equal_runs_give_equal_provenance_without_the_program_path() {
        let provenance = Provenance::new(serde_json::json!({ "steps": 3 }), 7);
        assert_eq!(provenance, Provenance::new(serde_json::json!({ "steps": 3 }), 7));
        assert!(!provenance.command_line[0].contains('/'));
        assert!(provenance.threads > 0 && !provenance.cpu.is_empty());
        let text = serde_json::to_string(&provenance).unwrap();
        assert_eq!(serde_json::from_str::<Provenance>(&text).unwrap(), provenance);
    }
}

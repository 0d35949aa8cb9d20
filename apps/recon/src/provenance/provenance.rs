//! What a result was made from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{InputFile, PluginFile};

/// What is needed to make a result again: written as `provenance.json` beside it.
///
/// Holds no path other than those that the user typed, and no time, so that equal runs give equal files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of Diph.
    pub diph_version: String,
    /// The command as typed, program name first, without the folder of the program; empty where no command line called.
    pub command_line: Vec<String>,
    /// The effective configuration.
    pub configuration: Value,
    /// Which measurement was read: the data folder, the cut, the number of coefficients, and files in place of the folder's own,
    /// as they were named; `null` where the result comes from no data folder.
    #[serde(default)]
    pub measurement: Value,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Seeds of the samples of the posterior, in order, where several were drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample_seeds: Vec<u64>,
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
    pub fn new(command_line: &[String], configuration: Value, seed: u64) -> Self {
        Self {
            diph_version: env!("CARGO_PKG_VERSION").into(),
            command_line: command_line.to_vec(),
            configuration,
            measurement: Value::Null,
            seed,
            sample_seeds: Vec::new(),
            plugins: Vec::new(),
            inputs: Vec::new(),
            cpu: cpu_name(),
            threads: rayon::current_num_threads(),
            memory_estimate_bytes: None,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
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
    fn equal_runs_give_equal_provenance() {
        let of_run = || Provenance::new(&["diph".into()], serde_json::json!({ "steps": 3 }), 7);
        let provenance = of_run();
        assert_eq!(provenance, of_run());
        assert!(provenance.threads > 0 && !provenance.cpu.is_empty());
        let text = serde_json::to_string(&provenance).unwrap();
        assert_eq!(serde_json::from_str::<Provenance>(&text).unwrap(), provenance);
    }
}

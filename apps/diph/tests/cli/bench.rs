//! A temporary folder with a small measurement, and the program to try on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder and the program.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With a phantom of two slices, 40 x 36 pixels, 100 frames, in `data`.
    pub fn with_data() -> Self {
        let bench = Self::new();
        bench.simulate("data", &[]);
        bench
    }

    pub fn simulate(&self, out: &str, more: &[&str]) {
        let words =
            ["simulate", "--phantom", "40x36", "--slices", "0,1", "--cut", "4", "--samples", "300", "--out", out];
        self.succeed(&[&words[..], more].concat());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in the temporary folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diph"));
        command.args(words).current_dir(self.folder.path());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Standard output of a run that must succeed.
    pub fn succeed(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?} ended with {}: {error}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a run that must fail with this code.
    pub fn fail(&self, code: i32, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {error}");
        error
    }

    pub fn recon(&self, method: &str, out: &str, more: &[&str]) -> Value {
        let words = ["--json", "recon", "--dataset", "data", "--cut", "4", "--method", method, "--out", out];
        serde_json::from_str(&self.succeed(&[&words[..], more].concat())).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }
}

/// All files below a folder, relative to it, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

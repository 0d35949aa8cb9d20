//! `diph completions`: shell completions.

use clap::{Args, Command};
use clap_complete::Shell;
use diph_recon::Blame;

use crate::output::AppError;

/// Arguments of `diph completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

impl CompletionsArgs {
    /// Prints a script that completes `command` in the shell, on standard output.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn run(&self, mut command: Command) -> Result<(), AppError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "diph", &mut script);
        Ok(std::io::Write::write_all(&mut std::io::stdout(), &script).step("printing the completions")?)
    }
}

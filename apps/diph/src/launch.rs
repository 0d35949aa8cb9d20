//! How the command line was started, and how it starts itself again.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

/// A command line as typed, and the words before it that start this program: its own file, or `python -m diph`.
///
/// Plugins are opened and tried in processes of their own, which are this program once more.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Program and leading arguments that start the command line again.
    program: Vec<OsString>,
    /// What was typed after them.
    words: Vec<OsString>,
}

impl Launch {
    /// That of a program whose command line this is.
    ///
    /// # Errors
    /// When the system does not tell where the program lies.
    pub fn of_this_process() -> io::Result<Self> {
        let program = vec![std::env::current_exe()?.into()];
        Ok(Self { program, words: std::env::args_os().skip(1).collect() })
    }

    /// That of a host that runs the command line inside of itself: `program` starts it, for example `python -m diph`, and `words`
    /// were typed after it. `None` when there is no program.
    pub fn hosted(program: Vec<OsString>, words: Vec<OsString>) -> Option<Self> {
        (!program.is_empty()).then_some(Self { program, words })
    }

    /// What was typed, after the name `diph`.
    pub(crate) fn typed(&self) -> impl Iterator<Item = OsString> {
        std::iter::once("diph".into()).chain(self.words.iter().cloned())
    }

    /// The command as typed, for provenance. The program's own path is the machine's business; the rest is what the user typed.
    pub(crate) fn recorded(&self) -> Vec<String> {
        let lossy = |word: &OsString| word.to_string_lossy().into_owned();
        let name = self.program.first().and_then(|program| Path::new(program).file_name());
        let program = name.map(|name| name.to_string_lossy().into_owned()).into_iter();
        program.chain(self.program.iter().skip(1).chain(&self.words).map(lossy)).collect()
    }

    /// A command that starts this program again with other words.
    pub(crate) fn again(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]);
        command
    }

    /// A command that starts this program again with the same words.
    pub(crate) fn again_as_typed(&self) -> Command {
        let mut command = self.again();
        command.args(&self.words);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosted_command_line_starts_again_through_its_host() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let launch = Launch::hosted(words(&["bin/python3", "-m", "diph"]), words(&["info", "data"])).unwrap();
        assert_eq!(launch.recorded(), ["python3", "-m", "diph", "info", "data"]);
        assert_eq!(launch.typed().collect::<Vec<_>>(), words(&["diph", "info", "data"]));
        let again = launch.again_as_typed();
        assert_eq!(again.get_program(), "bin/python3");
        assert_eq!(again.get_args().collect::<Vec<_>>(), ["-m", "diph", "info", "data"]);
        assert!(Launch::hosted(Vec::new(), Vec::new()).is_none());
    }
}

//! How processes end, in words.

use std::process::ExitStatus;

/// How a process ended that a plugin has ended, in words: the signal with its name and what it means, or the exit code.
#[cfg(unix)]
pub fn manner_of_death(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    const NAMES: [(i32, &str); 9] = [
        (4, "SIGILL, an instruction that the processor does not know"),
        (6, "SIGABRT, it gave up (abort, a failed assertion, an exception, or no memory)"),
        (7, "SIGBUS, a wrong address"),
        (8, "SIGFPE, a division by zero"),
        (9, "SIGKILL, ended from outside, as by a system without memory"),
        (11, "SIGSEGV, a wrong address"),
        (15, "SIGTERM, ended from outside"),
        (24, "SIGXCPU, more time than its limit"),
        (25, "SIGXFSZ, a file beyond its limit"),
    ];
    match (status.signal(), status.code()) {
        (Some(signal), _) => NAMES
            .iter()
            .find(|(number, _)| *number == signal)
            .map_or(format!("signal {signal}"), |(_, name)| (*name).into()),
        (None, Some(code)) => format!("exit({code}), which ends the whole program"),
        (None, None) => "it ended".into(),
    }
}

/// How a process ended that a plugin has ended, in words.
#[cfg(not(unix))]
pub fn manner_of_death(status: ExitStatus) -> String {
    format!("{status}, which ends the whole program")
}

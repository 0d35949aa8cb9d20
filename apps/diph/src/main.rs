//! The `diph` command line.

#![forbid(unsafe_code)]

use std::process::ExitCode;

// Reconstructions allocate and free large arrays in every step, which the system's allocator returns to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rest_candle_threads();
    diph::run()
}

/// Networks compute on the threads of their own operations; those of candle's second pool, which serves its sums and
/// products of large tensors, would only spin beside them. candle has no other switch than the environment, and every plugin
/// holds a copy of it, so the program begins again with the variable set: two milliseconds, and no thread can be reading the
/// environment meanwhile, as with a variable that is set in place. What the user set stays.
#[cfg(unix)]
fn rest_candle_threads() {
    use std::os::unix::process::CommandExt;

    const VARIABLE: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut words = std::env::args_os();
    let mut again = std::process::Command::new(program);
    again.env(VARIABLE, "1");
    if let Some(name) = words.next() {
        again.arg0(name);
    }
    // Comes back only when the system refuses, and then everything works as well, with threads that spin.
    let _ = again.args(words).exec();
}

/// Elsewhere a program cannot begin again in its own place: the variable is the user's to set.
#[cfg(not(unix))]
fn rest_candle_threads() {}

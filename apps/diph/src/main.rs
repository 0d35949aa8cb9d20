//! The `diph` command line.

use std::process::ExitCode;

// Reconstructions allocate and free large arrays in every step, which the system's allocator returns to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rest_candle_threads();
    diph::run()
}

/// Networks compute on the threads of their own operations; those of candle's second pool would only spin beside them. The
/// variable serves the copy of candle in every plugin, which is why it is set before there is one. What the user set stays.
fn rest_candle_threads() {
    const VARIABLE: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(VARIABLE).is_none() {
        // SAFETY: the first thing that the program does; no other thread exists that could read the environment.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}

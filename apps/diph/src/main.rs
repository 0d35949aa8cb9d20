//! The `diph` command line.

use std::process::ExitCode;

// Reconstructions allocate and free large arrays in every step, which the system's allocator returns to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    leave_the_processor_to_rayon();
    diph::run()
}

/// candle's own thread pool, here and in the diffusion plugin, waits for work by spinning, which takes the processor from
/// the network's operations. Its size can be told by the environment only; whoever sets it has the last word.
fn leave_the_processor_to_rayon() {
    const CANDLE_THREADS: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(CANDLE_THREADS).is_none() {
        // SAFETY: this is the first thing that the program does, so that no other thread reads the environment.
        unsafe { std::env::set_var(CANDLE_THREADS, "1") };
    }
}

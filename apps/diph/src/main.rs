//! The `diph` command line.

#![forbid(unsafe_code)]

use std::process::ExitCode;

// Reconstructions allocate and free large arrays in every step, which the system's allocator returns to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    diph::run()
}

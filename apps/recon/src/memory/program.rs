//! What the program holds whatever it does.

use std::path::Path;

use diph_core::MemoryEstimate;
use diph_formats::unpacked_size;

/// Code, threads and freed memory that the allocator keeps: measured in runs of the smallest size.
const PROGRAM: u64 = 44 << 20;
/// Plugins with their weights, fonts and pictures.
const PLUGINS: u64 = 14 << 20;

/// What the program needs before it has read anything: code, threads, buffers.
pub fn program() -> MemoryEstimate {
    MemoryEstimate::default().kept("program", PROGRAM)
}

/// The program with its plugins, as it reconstructs and measures.
pub fn program_with_plugins() -> MemoryEstimate {
    program().kept("program", PLUGINS)
}

/// Files while they are read, one after the other: their bytes, their numbers in double precision, and what is made of them.
/// What is compressed counts as long as it will be.
pub fn files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> MemoryEstimate {
    let largest = paths.into_iter().map(unpacked_size).max().unwrap_or(0);
    MemoryEstimate::default().temporary("reading of files", largest.saturating_mul(3))
}

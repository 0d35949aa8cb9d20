//! The header of a pair of BART, beside values of two kilobytes.

#![no_main]

use diph_fuzz::{file, read_arrays};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    file("a.hdr", bytes);
    read_arrays(&file("a.cfl", &[0; 2048]));
});

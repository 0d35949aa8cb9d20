//! A file of MATLAB, of version 5 or 7.3.

#![no_main]

use diph_fuzz::{file, read_arrays};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_arrays(&file("a.mat", bytes));
});

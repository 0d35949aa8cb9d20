//! An array of numpy.

#![no_main]

use diph_fuzz::{file, read_arrays};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_arrays(&file("a.npy", bytes));
});

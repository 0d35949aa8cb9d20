//! A volume for viewers.

#![no_main]

use diph_formats::NiftiVolume;
use diph_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = NiftiVolume::read(&file("a.nii", bytes));
});

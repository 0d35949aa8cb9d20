//! Readouts of a scanner in the ISMRMRD format.

#![no_main]

use diph_formats::{Error, IsmrmrdFile};
use diph_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = file("a.h5", bytes);
    let Ok(groups) = IsmrmrdFile::groups(&path) else { return };
    for group in groups {
        let Ok(file) = IsmrmrdFile::open(&path, Some(&group)) else { continue };
        let readouts: Vec<_> = file.readouts().iter().collect();
        let _ = file.read(&readouts, |_, _, _| Ok::<(), Error>(()));
    }
});

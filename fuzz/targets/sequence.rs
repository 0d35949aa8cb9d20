//! A pulse sequence: what is read of it is the same when it is written and read again.

#![no_main]

use diph_bloch::Sequence;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(sequence) = Sequence::from_json(text) else { return };
    assert_eq!(Sequence::from_json(&sequence.to_json()).expect("a sequence reads back"), sequence);
});

//! A method file: what is read of it is the same when it is written and read again.

#![no_main]

use diph_recon::Method;
use diph_recon::config::{load, parse_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(base) = parse_json(text, "a.json") else { return };
    let Ok(method) = load::<Method>(base, "a.json", &[]) else { return };
    let again = serde_json::to_value(&method).expect("a method is JSON");
    assert_eq!(load::<Method>(again, "a.json", &[]).expect("a method reads back"), method);
    method.fingerprint();
    method.files();
});

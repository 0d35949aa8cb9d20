//! What a plugin says of its parts, as its process sends it.

#![no_main]

use diph_plugin_host::{Descriptor, check_id};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(descriptor) = serde_json::from_slice::<Descriptor>(bytes) else { return };
    let _ = check_id(&descriptor.id);
    descriptor.example.announce();
    let _ = descriptor.example.image_shape();
});

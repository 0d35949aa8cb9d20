//! A loaded library has a thread pool of its own, of the size that the host grants. Alone in its process, because the first
//! component that a library creates decides.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::num::NonZero;
use std::sync::{Arc, Mutex};

use diph_plugin_host::{Acquisition, HostServices, Registry};

#[test]
fn the_hosts_number_of_threads_is_honoured() {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&messages);
    let services = HostServices::new()
        .threads(NonZero::new(3).unwrap())
        .on_log(move |_, _, message| log.lock().unwrap().push(message.to_owned()));
    let mut registry = Registry::new(services);
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    registry.open(&deps.join(format!("{DLL_PREFIX}diph_fixture_sdk_plugin{DLL_SUFFIX}"))).unwrap();
    registry.create_prior("fixture.noisy", &serde_json::json!({}), &Acquisition::default()).unwrap();
    assert_eq!(*messages.lock().unwrap(), ["3 threads, 3 of rayon"]);
}

//! What stands behind the entry of a plugin.

use std::ptr;
use std::sync::OnceLock;

use diph_plugin_abi::{self as abi, Descriptor, ErrorBuffer, Instance, MemorySink, Status, Str, copy_sized};

use crate::failure::{Failure, guarded, guarded_or};
use crate::tensors::text;
use crate::{Acquisition, Host, Registration, Uses};

/// The table of a plugin's components; [`plugin!`](crate::plugin) makes one.
pub struct Plugin {
    version: &'static str,
    registrations: &'static [Registration],
    descriptors: OnceLock<Vec<Descriptor>>,
}

impl Plugin {
    /// A plugin with the given version and components.
    pub const fn new(version: &'static str, registrations: &'static [Registration]) -> Self {
        Self { version, registrations, descriptors: OnceLock::new() }
    }

    /// How many components the plugin offers.
    pub fn count(&self) -> u64 {
        self.registrations.len() as u64
    }

    /// Descriptor number `index`, null when there is none.
    pub fn descriptor(&'static self, index: u64) -> *const Descriptor {
        let descriptors = || {
            let descriptors = self.descriptors.get_or_init(|| {
                self.registrations.iter().map(|registration| registration.descriptor(self.version)).collect()
            });
            usize::try_from(index).ok().and_then(|index| descriptors.get(index)).map_or(ptr::null(), ptr::from_ref)
        };
        guarded_or(ptr::null(), descriptors)
    }

    fn find(&self, id: &str) -> Result<&Registration, Failure> {
        let found = self.registrations.iter().find(|registration| registration.id == id);
        found.ok_or_else(|| Failure::argument(format!("this plugin has no component `{id}`")))
    }

    /// What `create` and the estimates begin with: the component, the options as JSON, and the acquisition.
    ///
    /// # Safety
    /// `id` and `options_json` are null or alive for `'a`, `acquisition` is null or as the header describes it for as long.
    unsafe fn request<'a>(
        &self,
        work: &str,
        id: Str,
        options_json: Str,
        acquisition: *const abi::Acquisition,
    ) -> Result<(&Registration, &'a str, Acquisition<'a>), Failure> {
        // SAFETY: by the caller's promise; null is checked inside.
        let (id, options) = unsafe { (text("id", id)?, text("options", options_json)?) };
        let registration = self.find(id)?;
        // SAFETY: as above.
        let acquisition = unsafe { Acquisition::new(format!("{id}: {work}"), acquisition) }?;
        Ok((registration, options, acquisition))
    }

    /// `diph_factory.create`. Sets up rayon's global pool (each library has its own) by the host's number of threads.
    ///
    /// # Safety
    /// All pointers are null or as the header describes them.
    pub unsafe fn create(
        &self,
        host: *const abi::Host,
        id: Str,
        options_json: Str,
        acquisition: *const abi::Acquisition,
        instance: *mut Instance,
        error: *mut ErrorBuffer,
    ) -> Status {
        let create = || {
            // SAFETY: by the caller's promise.
            let (host, request) = unsafe { (Host::new(host), self.request("create", id, options_json, acquisition)) };
            let (registration, options, acquisition) = request?;
            if instance.is_null() || !instance.is_aligned() {
                return Err(Failure::argument("a null or misaligned pointer to the instance"));
            }
            host.configure_rayon();
            let created = (registration.create)(options, &acquisition, &host)?;
            // SAFETY: neither null nor misaligned; every version of the struct has these two fields.
            unsafe {
                (*instance).vtable = created.vtable;
                (*instance).this = created.this;
            }
            Ok(())
        };
        // SAFETY: by the caller's promise.
        unsafe { guarded(error, create) }
    }

    /// `diph_memory_estimate.estimate`.
    ///
    /// # Safety
    /// All pointers are null or as the header describes them.
    pub unsafe fn memory(
        &self,
        id: Str,
        options_json: Str,
        acquisition: *const abi::Acquisition,
        uses: u64,
        sink: *const MemorySink,
        error: *mut ErrorBuffer,
    ) -> Status {
        let estimate = || {
            // SAFETY: by the caller's promise.
            let request = unsafe { self.request("memory estimate", id, options_json, acquisition) };
            let (registration, options, shapes) = request?;
            // SAFETY: by the caller's promise; null is checked inside.
            let sink = unsafe { copy_sized(sink) }.map_err(|e| Failure::argument(format!("sink: {e}")))?;
            let (Some(kept), Some(temporary)) = (sink.kept, sink.temporary) else {
                return Err(Failure::argument("sink: a null function"));
            };
            let uses = Uses { normal: uses & abi::MemoryEstimate::USES_NORMAL != 0 };
            let parts = (registration.memory)(options, &shapes, uses)?.ok_or_else(Failure::unsupported)?;
            for (name, bytes) in parts.kept_parts() {
                // SAFETY: during the call and on its thread; the name is for the call.
                unsafe { kept(sink.context, Str::new(name), bytes) };
            }
            for (name, bytes) in parts.temporary_parts() {
                // SAFETY: as above.
                unsafe { temporary(sink.context, Str::new(name), bytes) };
            }
            Ok(())
        };
        // SAFETY: by the caller's promise.
        unsafe { guarded(error, estimate) }
    }

    /// `diph_time_estimate.estimate`. Sets up rayon's global pool as [`create`](Self::create) does.
    ///
    /// # Safety
    /// All pointers are null or as the header describes them.
    #[expect(clippy::too_many_arguments, reason = "the function of the header")]
    pub unsafe fn time(
        &self,
        host: *const abi::Host,
        id: Str,
        options_json: Str,
        acquisition: *const abi::Acquisition,
        calls: u64,
        seconds: *mut f64,
        error: *mut ErrorBuffer,
    ) -> Status {
        let estimate = || {
            // SAFETY: by the caller's promise.
            let (host, request) =
                unsafe { (Host::new(host), self.request("time estimate", id, options_json, acquisition)) };
            let (registration, options, shapes) = request?;
            if seconds.is_null() || !seconds.is_aligned() {
                return Err(Failure::argument("a null or misaligned pointer to the seconds"));
            }
            host.configure_rayon();
            let duration = (registration.time)(options, &shapes, calls)?.ok_or_else(Failure::unsupported)?;
            // SAFETY: neither null nor misaligned.
            unsafe { seconds.write(duration.as_secs_f64()) };
            Ok(())
        };
        // SAFETY: by the caller's promise.
        unsafe { guarded(error, estimate) }
    }
}

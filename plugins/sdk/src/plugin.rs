//! What stands behind the exported symbol.

use std::ptr;
use std::sync::OnceLock;

use diph_plugin_abi::{self as abi, Descriptor, ErrorBuffer, Instance, NamedTensor, Status, Str};

use crate::failure::{Failure, guarded, guarded_or};
use crate::tensors::text;
use crate::{Arrays, Host, Registration};

/// The table of a plugin's components; [`export_plugin!`](crate::export_plugin) makes one.
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

    /// Number of components.
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

    /// `diph_factory.create`.
    ///
    /// # Safety
    /// All pointers are null or as the header describes them.
    #[expect(clippy::too_many_arguments, reason = "the header's signature")]
    pub unsafe fn create(
        &self,
        host: *const abi::Host,
        id: Str,
        options_json: Str,
        arrays: *const NamedTensor,
        n: u64,
        instance: *mut Instance,
        error: *mut ErrorBuffer,
    ) -> Status {
        let create = || {
            // SAFETY: by the caller's promise; null is checked inside.
            let (id, options, host) = unsafe { (text("id", id)?, text("options", options_json)?, Host::new(host)) };
            let registration = self
                .registrations
                .iter()
                .find(|registration| registration.id == id)
                .ok_or_else(|| Failure::argument(format!("this plugin has no component `{id}`")))?;
            // SAFETY: as above.
            let arrays = unsafe { Arrays::new(format!("{id}: create"), arrays, n) }?;
            if instance.is_null() || !instance.is_aligned() {
                return Err(Failure::argument("a null or misaligned pointer to the instance"));
            }
            let created = (registration.create)(options, &arrays, &host)?;
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
}

//! What every instance of a plugin has in common.

use std::ffi::c_void;
use std::sync::Arc;

use diph_core::{Error, Result, SpatialAxes};
use diph_plugin_abi::{self as abi, ErrorBuffer, InstanceVtable, SizedStruct, Status, Str, Tensor, copy_sized};
use ndarray::ArrayD;

use crate::call::{call_optional, null};
use crate::host_side::HostSide;
use crate::tensors::Output;
use crate::trace::enter;

/// An instance that is destroyed with its last owner.
pub(crate) struct Instance {
    /// ID of the component.
    pub(crate) id: String,
    /// Names the plugin in errors.
    pub(crate) label: String,
    pub(crate) this: *mut c_void,
    /// Which images it takes.
    pub(crate) spatial_axes: SpatialAxes,
    head: InstanceVtable,
    vtable: *const c_void,
    _host: Arc<HostSide>,
}

// SAFETY: the header promises that all functions of an instance but `destroy` may be called from several threads at once,
// and that `destroy` may be called from any; `Drop` has the instance alone.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    /// Takes over what `create` gave.
    ///
    /// # Safety
    /// `raw` was filled by a successful `create` with `host`.
    pub(crate) unsafe fn new(
        id: &str,
        label: String,
        spatial_axes: SpatialAxes,
        raw: abi::Instance,
        host: Arc<HostSide>,
    ) -> Result<Self> {
        // SAFETY: every vtable starts like an `InstanceVtable`; null is checked inside.
        let head = unsafe { copy_sized(raw.vtable.cast::<InstanceVtable>()) };
        let head = head.map_err(|error| diph_core::Error::external(&label, format!("create: vtable: {error}")))?;
        Ok(Self { id: id.into(), label, this: raw.this, spatial_axes, head, vtable: raw.vtable, _host: host })
    }

    /// The whole vtable.
    ///
    /// # Safety
    /// `T` is the vtable of the instance's kind.
    pub(crate) unsafe fn vtable<T: SizedStruct>(&self) -> Result<T> {
        // SAFETY: by the caller's promise.
        unsafe { copy_sized(self.vtable.cast::<T>()) }.map_err(|_| null(&self.label, "vtable"))
    }

    /// An extension, where the instance has it.
    ///
    /// # Safety
    /// `T` is the struct behind `id`.
    pub(crate) unsafe fn extension<T: SizedStruct>(&self, id: &str) -> Option<T> {
        let get_extension = self.head.get_extension?;
        // SAFETY: the plugin keeps the header's rules; null is checked inside.
        unsafe { copy_sized(get_extension(self.this, Str::new(id)).cast::<T>()) }.ok()
    }

    /// The function `part`, which the header wants.
    pub(crate) fn required<F>(&self, part: &str, function: Option<F>) -> Result<F> {
        function.ok_or_else(|| null(&self.label, part))
    }

    /// `label: operation`, for errors.
    pub(crate) fn operation(&self, operation: &str) -> String {
        format!("{}: {operation}", self.label)
    }

    /// Real matrices of this shape that a plugin may have, checked to be finite.
    pub(crate) fn real_matrices(
        &self,
        name: &str,
        shape: &[usize],
        write: impl FnOnce(*mut Tensor, *mut ErrorBuffer) -> Status,
    ) -> Result<Option<ArrayD<f32>>> {
        let operation = self.operation(name);
        let mut values = vec![0f32; shape.iter().product()];
        let mut output = Output::new(shape, &mut values);
        let tensor = output.raw();
        if !call_optional(&self.label, name, |error| write(tensor, error))? {
            return Ok(None);
        }
        output.check(&operation, "matrices")?;
        ArrayD::from_shape_vec(shape, values).map(Some).map_err(|error| Error::external(operation, error))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.head.destroy {
            let _running = enter(&self.label, "destroy");
            // SAFETY: called once, and nobody else has the instance.
            unsafe { destroy(self.this) }
        }
    }
}

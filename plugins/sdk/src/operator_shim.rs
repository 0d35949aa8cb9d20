//! A [`ForwardOperator`] behind a C vtable.

use std::ffi::c_void;
use std::ptr;

use diph_core::{ForwardOperator, Space};
use diph_plugin_abi::{
    self as abi, DataWeights, ErrorBuffer, Instance, OperatorVtable, Preconditioner, RegularisedInverse, Status, Str,
    Tensor,
};

use crate::failure::{Failure, guarded, guarded_or};
use crate::tensors::{assign, same_shape, view, view_mut};

/// An operator with its spaces in the form that the host reads.
pub(crate) struct OperatorShim<T> {
    operator: T,
    domain: SpaceTable,
    range: SpaceTable,
}

/// A space with the C structs that point into it.
struct SpaceTable {
    raw: abi::Space,
    _axes: Box<[abi::Axis]>,
    _space: Box<Space>,
}

impl SpaceTable {
    fn new(space: &Space) -> Self {
        let space = Box::new(space.clone());
        let axes: Box<[abi::Axis]> =
            space.axes().iter().map(|axis| abi::Axis { name: Str::new(&axis.name), length: axis.len as u64 }).collect();
        let raw = abi::Space { axes: axes.as_ptr(), count: axes.len() as u64, ..abi::Space::default() };
        Self { raw, _axes: axes, _space: space }
    }
}

impl<T: ForwardOperator + 'static> OperatorShim<T> {
    const VTABLE: OperatorVtable = OperatorVtable {
        struct_size: size_of::<OperatorVtable>() as u64,
        destroy: Some(Self::destroy),
        get_extension: Some(Self::get_extension),
        domain: Some(Self::domain),
        range: Some(Self::range),
        forward: Some(Self::forward),
        adjoint: Some(Self::adjoint),
        normal: Some(Self::normal),
    };

    const DATA_WEIGHTS: DataWeights =
        DataWeights { struct_size: size_of::<DataWeights>() as u64, get: Some(Self::data_weights) };

    const REGULARISED_INVERSE: RegularisedInverse = RegularisedInverse {
        struct_size: size_of::<RegularisedInverse>() as u64,
        available: Some(Self::has_inverse),
        solve: Some(Self::solve),
    };

    const PRECONDITIONER: Preconditioner = Preconditioner {
        struct_size: size_of::<Preconditioner>() as u64,
        available: Some(Self::has_preconditioner),
        apply: Some(Self::precondition),
        symbol: Some(Self::symbol),
    };

    pub(crate) fn instance(operator: T) -> Instance {
        let (domain, range) = (SpaceTable::new(operator.domain()), SpaceTable::new(operator.range()));
        Instance {
            vtable: ptr::from_ref(&Self::VTABLE).cast(),
            this: Box::into_raw(Box::new(Self { operator, domain, range })).cast(),
            ..Instance::default()
        }
    }

    /// # Safety
    /// `this` came out of [`instance`](Self::instance) and is not destroyed.
    unsafe fn shim<'a>(this: *mut c_void) -> &'a Self {
        // SAFETY: by the caller's promise.
        unsafe { &*this.cast::<Self>() }
    }

    unsafe extern "C" fn destroy(this: *mut c_void) {
        // SAFETY: the host calls it once, with what `instance` gave.
        guarded_or((), || drop(unsafe { Box::from_raw(this.cast::<Self>()) }));
    }

    unsafe extern "C" fn get_extension(_this: *mut c_void, id: Str) -> *const c_void {
        // SAFETY: the host keeps the text alive for the call.
        match unsafe { id.as_str() } {
            Some(abi::OPERATOR_DATA_WEIGHTS) => ptr::from_ref(&Self::DATA_WEIGHTS).cast(),
            Some(abi::OPERATOR_REGULARISED_INVERSE) => ptr::from_ref(&Self::REGULARISED_INVERSE).cast(),
            Some(abi::OPERATOR_PRECONDITIONER) => ptr::from_ref(&Self::PRECONDITIONER).cast(),
            _ => ptr::null(),
        }
    }

    unsafe extern "C" fn domain(this: *mut c_void) -> *const abi::Space {
        // SAFETY: the host passes what `instance` gave.
        &raw const unsafe { Self::shim(this) }.domain.raw
    }

    unsafe extern "C" fn range(this: *mut c_void) -> *const abi::Space {
        // SAFETY: the host passes what `instance` gave.
        &raw const unsafe { Self::shim(this) }.range.raw
    }

    unsafe extern "C" fn forward(this: *mut c_void, x: *const Tensor, y: *mut Tensor, e: *mut ErrorBuffer) -> Status {
        // SAFETY: the host keeps the header's rules for all pointers.
        unsafe {
            guarded(e, || {
                let (shim, x, y) = (Self::shim(this), view("x", x)?, view_mut("y", y)?);
                same_shape("x", &shim.operator.domain().shape(), x.shape())?;
                same_shape("y", &shim.operator.range().shape(), y.shape())?;
                Ok(shim.operator.forward(x, y)?)
            })
        }
    }

    unsafe extern "C" fn adjoint(this: *mut c_void, y: *const Tensor, x: *mut Tensor, e: *mut ErrorBuffer) -> Status {
        // SAFETY: as `forward`.
        unsafe {
            guarded(e, || {
                let (shim, y, x) = (Self::shim(this), view("y", y)?, view_mut("x", x)?);
                same_shape("y", &shim.operator.range().shape(), y.shape())?;
                same_shape("x", &shim.operator.domain().shape(), x.shape())?;
                Ok(shim.operator.adjoint(y, x)?)
            })
        }
    }

    unsafe extern "C" fn normal(this: *mut c_void, x: *const Tensor, out: *mut Tensor, e: *mut ErrorBuffer) -> Status {
        // SAFETY: as `forward`.
        unsafe { guarded(e, || Ok(Self::shim(this).operator.normal(view("x", x)?, view_mut("result", out)?)?)) }
    }

    unsafe extern "C" fn has_inverse(this: *mut c_void) -> i32 {
        // SAFETY: the host passes what `instance` gave.
        guarded_or(0, || unsafe { Self::shim(this) }.operator.regularised_inverse().is_some().into())
    }

    unsafe extern "C" fn solve(
        this: *mut c_void,
        rho: f32,
        b: *const Tensor,
        x: *mut Tensor,
        error: *mut ErrorBuffer,
    ) -> Status {
        let solve = || {
            // SAFETY: the host keeps the header's rules for all pointers.
            let (shim, b, x) = unsafe { (Self::shim(this), view("b", b)?, view_mut("x", x)?) };
            let inverse = shim.operator.regularised_inverse().ok_or_else(Failure::unsupported)?;
            Ok(inverse.solve(rho, b, x)?)
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, solve) }
    }

    unsafe extern "C" fn has_preconditioner(this: *mut c_void) -> i32 {
        // SAFETY: the host passes what `instance` gave.
        guarded_or(0, || unsafe { Self::shim(this) }.operator.preconditioner().is_some().into())
    }

    unsafe extern "C" fn precondition(
        this: *mut c_void,
        rho: f32,
        r: *const Tensor,
        z: *mut Tensor,
        error: *mut ErrorBuffer,
    ) -> Status {
        let apply = || {
            // SAFETY: the host keeps the header's rules for all pointers.
            let (shim, r, z) = unsafe { (Self::shim(this), view("r", r)?, view_mut("z", z)?) };
            let preconditioner = shim.operator.preconditioner().ok_or_else(Failure::unsupported)?;
            Ok(preconditioner.apply(rho, r, z)?)
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, apply) }
    }

    unsafe extern "C" fn symbol(this: *mut c_void, matrices: *mut Tensor, error: *mut ErrorBuffer) -> Status {
        let copy = || {
            // SAFETY: the host passes what `instance` gave.
            let preconditioner =
                unsafe { Self::shim(this) }.operator.preconditioner().ok_or_else(Failure::unsupported)?;
            let symbol = preconditioner.symbol()?.ok_or_else(Failure::unsupported)?;
            // SAFETY: the host keeps the header's rules for tensors.
            unsafe { assign("matrices", matrices, &symbol) }
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, copy) }
    }

    unsafe extern "C" fn data_weights(this: *mut c_void, roots: *mut Tensor, error: *mut ErrorBuffer) -> Status {
        let copy = || {
            // SAFETY: the host passes what `instance` gave.
            let weights = unsafe { Self::shim(this) }.operator.data_weights()?.ok_or_else(Failure::unsupported)?;
            // SAFETY: the host keeps the header's rules for tensors.
            unsafe { assign("weights", roots, &weights) }
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, copy) }
    }
}

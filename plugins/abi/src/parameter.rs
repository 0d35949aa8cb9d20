//! A quantity that a projector finds.

use crate::Str;
use crate::sized_struct::layout;

/// A quantity with its unit (`diph_parameter`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameter {
    /// Name of the quantity.
    pub name: Str,
    /// Its unit; empty for a pure number.
    pub unit: Str,
}

layout!(Parameter, 32, name: 0, unit: 16);

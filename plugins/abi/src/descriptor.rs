//! What a factory can create.

use crate::Str;
use crate::sized_struct::{layout, sized};

/// A component, readable without creating it (`diph_descriptor`). Static from `init` until the process ends.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Unique, in dotted lower case: `example.scale`.
    pub id: Str,
    /// For people.
    pub name: Str,
    /// Of the plugin, for provenance.
    pub version: Str,
    /// One of the kind IDs.
    pub kind: Str,
    /// One line.
    pub summary: Str,
    /// JSON schema of the options.
    pub options_schema: Str,
    /// JSON from which a checker makes a small instance; the header has its form.
    pub example: Str,
    /// JSON that says what the component needs of the acquisition; the header has its form.
    pub requirements: Str,
}

layout!(
    Descriptor, 136, struct_size: 0, id: 8, name: 24, version: 40, kind: 56, summary: 72, options_schema: 88, example: 104,
    requirements: 120
);
sized!(Descriptor);

impl Default for Descriptor {
    fn default() -> Self {
        let none = Str::default();
        Self {
            struct_size: size_of::<Self>() as u64,
            id: none,
            name: none,
            version: none,
            kind: none,
            summary: none,
            options_schema: none,
            example: none,
            requirements: none,
        }
    }
}

//! Arrays as files hold them, before it is known what they stand for.

mod any_array;
mod array_entry;
mod element;

pub use any_array::AnyArray;
pub use array_entry::ArrayEntry;
pub use element::Element;

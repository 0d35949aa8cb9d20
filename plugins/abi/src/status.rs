//! Status codes.

/// What a function that can fail returns: a code, `Status::OK` or one of the others.
///
/// A plain integer, because the other side may know codes that this one does not; those are failures.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// Success.
    pub const OK: Self = Self(0);
    /// Failure of any other sort.
    pub const ERROR: Self = Self(1);
    /// A null pointer, an option or an array that does not do.
    pub const ARGUMENT: Self = Self(2);
    /// A tensor of another shape or dtype than expected.
    pub const SHAPE: Self = Self(3);
    /// A NaN or an infinity in an input.
    pub const NOT_FINITE: Self = Self(4);
    /// The host asked to stop.
    pub const CANCELLED: Self = Self(5);
    /// A bug in the plugin, caught at the border.
    pub const PANIC: Self = Self(6);
    /// This instance has no such thing; not a failure where a function says so.
    pub const UNSUPPORTED: Self = Self(7);
}

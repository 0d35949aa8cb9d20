//! Stable C interface between Diph and its plugins.

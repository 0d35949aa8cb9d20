//! The `diph` command line.
fn main() {}

//! Write a Diph plugin in Rust: implement a core trait, export it.

//! Find, open and check Diph plugins.

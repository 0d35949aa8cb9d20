//! Plugin: bloch-dictionary.

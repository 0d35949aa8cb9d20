//! EPG simulation, dictionaries and exact dictionary matching.

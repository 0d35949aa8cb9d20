//! Plugin: cartesian.

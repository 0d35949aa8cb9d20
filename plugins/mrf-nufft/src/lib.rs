//! Plugin: mrf-nufft.

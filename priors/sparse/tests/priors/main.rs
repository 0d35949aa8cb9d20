//! Tests of the sparse priors through their public interface.

mod arguments;
mod common;
mod laws;
mod locally_low_rank;
mod total_variation;
mod wavelet;

//! Plugin: sparse priors.

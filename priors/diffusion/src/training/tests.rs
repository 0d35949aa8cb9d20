//! The laws of a training run.

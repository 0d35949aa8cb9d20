//! Criterion benchmarks of the parts where the time goes.

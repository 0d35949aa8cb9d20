//! Masked Cartesian Fourier operator with coils and subspace.

//! Non-uniform Fourier transform and the MRF acquisition operator.

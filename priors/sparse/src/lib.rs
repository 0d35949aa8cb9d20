//! Proximal maps of total variation, locally low rank and wavelets.

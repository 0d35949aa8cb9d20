//! Recovers an acquisition that was not published from measurements that were.
//!
//! The public data of MRF-DiPh hold parameter maps, reference images (TSMI) and k-space of a few slices, but neither the
//! trajectory nor the dictionary that made the k-space. Both follow from these files when the readouts are one smooth arm
//! that begins at the centre of k-space and is turned by a constant angle from frame to frame:
//!
//! 1. The centre. There every frame measures the sum of the images, weighted by its row of the temporal basis: a linear fit
//!    gives the rows. The next few samples depend linearly on their small displacement; the angle between frames is the one
//!    under which they fit best.
//! 2. Outwards. A filter of constant acceleration predicts the next sample of the arm, one Gauss-Newton step after another
//!    moves it to where all frames and slices agree, and the rows of the basis are fitted again with what it adds.
//! 3. Again. Basis and arm are fitted in turn to all samples, the arm by smoothing forwards and backwards.
//!
//! Atoms are the quotient TSMI / PD at every distinct pair (T1, T2). Pairs that occur in maps of other slices only are
//! interpolated.
//!
//! | module | what it does |
//! |---|---|
//! | `measured_slices` | k-space and the spectra of the images that made it |
//! | `arm_filter` | the smooth path of one readout: filter and smoother |
//! | `basis_fit` | rows of the temporal basis by regularised least squares |
//! | `start` | basis and angle from the centre of k-space |
//! | `spiral_fit` | the march outwards and the rounds after it |
//! | `atoms` | the dictionary from maps and images |
//!
//! Entry point: [`recover`].

#![deny(unsafe_code)]

mod arm_filter;
mod atoms;
mod basis_fit;
mod error;
mod measured_slices;
mod recovered;
mod spiral_fit;
mod start;

pub use error::{RecoverError, Result};
pub use recovered::{RecoveredAcquisition, RecoveryReport, recover};

//! Products and sums of numbers in memory: what all operations are made of.
//!
//! The kernels of products exist once for every instruction set that [`Cpu`](crate::detection::Cpu) knows; the others are compiled
//! for several by `multiversion`.

pub mod amx;
pub mod amx_planes;
pub mod matrix_product;
pub mod plane_products;
pub mod precision;
pub mod sums;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod tile_emulator;
pub mod tile_kernel;

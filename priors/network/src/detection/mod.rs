//! What the processor can do.

mod cpu;
#[cfg(target_arch = "x86_64")]
mod tile_registers;

pub(crate) use cpu::Cpu;
pub use cpu::check_cpu;

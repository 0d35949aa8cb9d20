//! The instruction set of the kernels.

use std::ffi::OsStr;
use std::sync::OnceLock;

use pulp::{Scalar, Simd, WithSimd};

use crate::{Error, Result};

#[cfg(target_arch = "x86_64")]
use super::tile_registers;

/// The instruction set that products run on, chosen once.
///
/// `DIPH_CPU=portable`, `avx2`, `avx512` or `amx` forces one that the processor has.
#[derive(Clone, Copy)]
pub enum Cpu {
    /// Whatever every processor of this kind has.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "x86_64")]
    Avx512 { simd: pulp::x86::V4, bf16: bool },
    /// AVX-512 with bfloat16, and tile registers for convolutions in bfloat16.
    #[cfg(target_arch = "x86_64")]
    Amx(pulp::x86::V4),
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
}

impl Cpu {
    /// The instruction set that kernels run with here: the best that the processor has, or the one that `DIPH_CPU` names.
    pub fn chosen() -> Self {
        static CHOSEN: OnceLock<Cpu> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            let available = Self::available();
            let best = available[0];
            let Ok(name) = std::env::var("DIPH_CPU") else { return best };
            let found = available.iter().copied().find(|cpu| cpu.name() == name);
            found.unwrap_or_else(|| {
                let names: Vec<&str> = available.iter().map(|cpu| cpu.name()).collect();
                let name_of_best = best.name();
                let line = format!(
                    "DIPH_CPU: expected one of {names:?} on this processor, got `{name}`; using {name_of_best}\n"
                );
                // Standard error may be closed, which is no reason to end.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
                best
            })
        })
    }

    /// What this processor has, the best first.
    pub fn available() -> Vec<Self> {
        let mut available = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let bf16 = std::arch::is_x86_feature_detected!("avx512bf16");
            let avx512 = pulp::x86::V4::try_new();
            available.extend(avx512.filter(|_| bf16 && tile_registers::available()).map(Self::Amx));
            available.extend(avx512.map(|simd| Self::Avx512 { simd, bf16 }));
            available.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        available.extend(pulp::aarch64::Neon::try_new().map(Self::Neon));
        available.push(Self::Portable);
        available
    }

    /// Whether convolutions in bfloat16 run on tile registers.
    pub fn has_tile_registers(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx(_) => true,
            _ => false,
        }
    }

    /// The name in `DIPH_CPU`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 { .. } => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Amx(_) => "amx",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    /// Runs an operation on this instruction set.
    #[inline(always)]
    pub fn run<Operation: WithSimd>(self, operation: Operation) -> Operation::Output {
        match self {
            Self::Portable => operation.with_simd(Scalar::new()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, operation),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 { simd, .. } | Self::Amx(simd) => Simd::vectorize(simd, operation),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, operation),
        }
    }
}

/// Fails when the environment variable `DIPH_CPU` names an instruction set that this processor or this program does not have.
/// Operations would go on with the best that there is: programs ask before they begin.
///
/// # Errors
/// [`Error::Setting`] with the names that there are.
pub fn check_cpu() -> Result<()> {
    std::env::var_os("DIPH_CPU").map_or(Ok(()), |name| check(&name))
}

fn check(name: &OsStr) -> Result<()> {
    let names: Vec<&str> = Cpu::available().into_iter().map(Cpu::name).collect();
    match names.iter().any(|known| name == *known) {
        true => Ok(()),
        false => {
            let expected = format!("one of {} on this processor, or nothing for the best", names.join(", "));
            Err(Error::setting("DIPH_CPU", expected, name.to_string_lossy()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_this_processor() {
        for cpu in Cpu::available() {
            assert!(check(OsStr::new(cpu.name())).is_ok());
        }
        for wrong in ["", "AVX2", "sse", "portable "] {
            let error = check(OsStr::new(wrong)).expect_err("unknown").to_string();
            assert!(error.starts_with("DIPH_CPU: expected one of ") && error.contains("portable on this"), "{error}");
        }
    }
}

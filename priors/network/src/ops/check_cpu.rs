//! What the user asks of the processor.

use std::ffi::OsStr;

use super::cpu::Cpu;
use crate::{Error, Result};

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

//! Whether kernels may use the tile registers of AMX.

use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

/// Whether the processor has AMX with bfloat16 and the system lets this process use it. Asks the system for it, once is enough.
pub fn available() -> bool {
    processor_has_them() && system_permits_them()
}

/// AMX-TILE and AMX-BF16 of the processor, with the registers switched on by the system, and of the usual size.
fn processor_has_them() -> bool {
    const FEATURES: u32 = 1 << 22 | 1 << 24;
    const STATES: u64 = 1 << 17 | 1 << 18;
    const PALETTES: u32 = 0x1d;

    if !std::is_x86_feature_detected!("xsave") || __cpuid(0).eax < PALETTES {
        return false;
    }
    // SAFETY: the processor has the instruction, and the system has switched it on.
    let states = unsafe { _xgetbv(0) };
    if __cpuid_count(7, 0).edx & FEATURES != FEATURES || states & STATES != STATES {
        return false;
    }
    let palette = __cpuid_count(PALETTES, 1);
    let (tile_bytes, row_bytes) = (palette.eax >> 16, palette.ebx & 0xffff);
    let (registers, rows) = (palette.ebx >> 16, palette.ecx & 0xffff);
    (tile_bytes, row_bytes, registers, rows) == (1024, 64, 8, 16)
}

/// Linux keeps room for the registers in processes that ask for it only (`Documentation/arch/x86/xstate.rst`).
#[cfg(target_os = "linux")]
fn system_permits_them() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;

    // SAFETY: takes two numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// Other systems have ways of their own, which nobody has tried.
#[cfg(not(target_os = "linux"))]
fn system_permits_them() -> bool {
    false
}

//! AMX for tests on processors that lack it: a signal handler that carries out the instructions on tile registers.
//!
//! A processor without AMX raises an illegal instruction for each of them. The handler decodes the five that the kernels use, with
//! full tiles of 16 rows of 64 bytes, does what the manual says (Intel 64 and IA-32 Architectures Software Developer's Manual,
//! volume 2), and goes on behind it. What it does not know ends the process, as it would without a handler.

use std::cell::UnsafeCell;
use std::sync::Once;

use super::amx::SIDE;
use super::precision::numbers;

/// A tile: 16 rows of 64 bytes, as f32 or as pairs of bfloat16.
type Tile = [[f32; SIDE]; SIDE];

thread_local! {
    static TILES: UnsafeCell<[Tile; 8]> = const { UnsafeCell::new([[[0.0; SIDE]; SIDE]; 8]) };
}

/// Carries out instructions on tile registers from now on, in all threads, where the processor does not.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a zeroed action is a valid one; the handler has the signature that `SA_SIGINFO` asks for.
        let is_installed = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            libc::sigaction(libc::SIGILL, &action, std::ptr::null_mut()) == 0
        };
        assert!(is_installed, "a handler of illegal instructions");
    });
}

extern "C" fn handle(signal: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system passes the context of the interrupted thread, which nobody else uses.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let code = registers[libc::REG_RIP as usize] as *const u8;
    // SAFETY: the instruction lies there; every one that is known has at least five bytes.
    let known = unsafe { Instruction::decode(code, registers) };
    match known {
        Some((instruction, length)) => {
            TILES.with(|tiles| {
                // SAFETY: a thread is in one handler at a time, because the handler uses no tile instruction.
                unsafe { instruction.carry_out(&mut *tiles.get()) }
            });
            registers[libc::REG_RIP as usize] += length;
        }
        None => {
            // SAFETY: gives the signal its usual meaning back: the same instruction ends the process now.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}

enum Instruction {
    /// `ldtilecfg`, of full tiles.
    Configure,
    /// `tilerelease`.
    Release,
    /// `tileloadd`: register, address, bytes from row to row.
    Load(usize, *const u8, isize),
    /// `tilestored`.
    Store(usize, *mut u8, isize),
    /// `tdpbf16ps`: sums, left and right factor.
    Product(usize, usize, usize),
}

impl Instruction {
    /// The instruction at `code` and its length; `None` for others than those on tiles.
    ///
    /// # Safety
    /// A whole instruction lies at `code`.
    unsafe fn decode(code: *const u8, registers: &[i64]) -> Option<(Self, i64)> {
        // SAFETY: the bytes of the instruction, as the caller promises; none is read beyond what earlier ones announce.
        let byte = |index: usize| unsafe { *code.add(index) };
        // Three bytes of VEX, of the map 0f 38, with 128 bits and W 0.
        if byte(0) != 0xc4 || byte(1) & 0x1f != 2 || byte(2) & 0x84 != 0 {
            return None;
        }
        let (prefix, operation, modrm) = (byte(2) & 3, byte(3), byte(4));
        let (mode, register, memory) = (modrm >> 6, usize::from(modrm >> 3 & 7), usize::from(modrm & 7));
        match (operation, prefix, mode) {
            (0x49, 0, 3) => Some((Self::Release, 5)),
            (0x49, 0, _) => {
                // SAFETY: a whole instruction lies there, as the caller promises.
                let (_, length) = unsafe { address(code, registers) }?;
                Some((Self::Configure, length))
            }
            (0x5c, 2, 3) => {
                let second = usize::from(!byte(2) >> 3 & 7);
                Some((Self::Product(register, memory, second), 5))
            }
            (0x4b, 2 | 3, 0..=2) if memory == 4 => {
                // SAFETY: as above.
                let ([base, row], length) = unsafe { address(code, registers) }?;
                match prefix {
                    3 => Some((Self::Load(register, base as *const u8, row as isize), length)),
                    _ => Some((Self::Store(register, base as *mut u8, row as isize), length)),
                }
            }
            _ => None,
        }
    }

    /// # Safety
    /// Rows of 64 bytes may be read or written where the instruction says.
    unsafe fn carry_out(self, tiles: &mut [Tile; 8]) {
        match self {
            Self::Configure | Self::Release => *tiles = [[[0.0; SIDE]; SIDE]; 8],
            Self::Load(tile, address, row) => {
                for (index, values) in tiles[tile].iter_mut().enumerate() {
                    // SAFETY: as the caller promises.
                    *values = unsafe { address.offset(index as isize * row).cast::<[f32; SIDE]>().read_unaligned() };
                }
            }
            Self::Store(tile, address, row) => {
                for (index, values) in tiles[tile].iter().enumerate() {
                    // SAFETY: as the caller promises.
                    unsafe { address.offset(index as isize * row).cast::<[f32; SIDE]>().write_unaligned(*values) };
                }
            }
            Self::Product(sums, left, right) => {
                let (left, right) = (tiles[left], tiles[right]);
                for (sums, left) in tiles[sums].iter_mut().zip(left) {
                    for (left, right) in left.iter().zip(right) {
                        let left = numbers(*left);
                        for (sum, right) in sums.iter_mut().zip(right) {
                            let right = numbers(right);
                            *sum += left[0] * right[0];
                            *sum += left[1] * right[1];
                        }
                    }
                }
            }
        }
    }
}

/// Address and index of the memory operand of a VEX instruction of three bytes and its opcode, and the length of the instruction.
///
/// # Safety
/// A whole instruction lies at `code`.
unsafe fn address(code: *const u8, registers: &[i64]) -> Option<([i64; 2], i64)> {
    // SAFETY: as in `Instruction::decode`.
    let byte = |index: usize| unsafe { *code.add(index) };
    let value = |number: u8| registers[REGISTERS[usize::from(number)] as usize];
    let (modrm, high) = (byte(4), |bit: u8| if byte(1) & bit == 0 { 8 } else { 0 });
    let (mode, memory) = (modrm >> 6, modrm & 7);
    let (base, index, length) = match memory {
        4 => {
            let sib = byte(5);
            let index = sib >> 3 & 7 | high(0x40);
            // Register 4 as an index means none; 5 as a base without displacement means an absolute address.
            let index = if index == 4 { 0 } else { value(index) << (sib >> 6) };
            if mode == 0 && sib & 7 == 5 {
                return None;
            }
            (value(sib & 7 | high(0x20)), index, 6)
        }
        5 if mode == 0 => {
            let displacement = i64::from(i32::from_le_bytes([byte(5), byte(6), byte(7), byte(8)]));
            return Some(([code as i64 + 9 + displacement, 0], 9));
        }
        _ => (value(memory | high(0x20)), 0, 5),
    };
    let at = length as usize;
    Some(match mode {
        0 => ([base, index], length),
        1 => ([base + i64::from(byte(at) as i8), index], length + 1),
        _ => {
            let displacement = i32::from_le_bytes([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
            ([base + i64::from(displacement), index], length + 4)
        }
    })
}

/// The general registers by their number in instructions.
const REGISTERS: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

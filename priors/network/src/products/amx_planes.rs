//! Sums over the pixels of planes on the tile registers of AMX: the inner product that a weight's gradient is made of.

use super::amx::{BLOCK, SIDE};
use super::precision::numbers;
use crate::detection::Cpu;

/// Sums of 32 outputs with 16 inputs.
pub type PlaneSums = [[f32; SIDE]; BLOCK];

/// Runs of pixels of 32 outputs and of inputs. Two neighbouring pixels are a pair of numbers in bfloat16 in the place of one f32.
pub struct AmxPlanes<'a> {
    /// Planes of the outputs, one after the other.
    pub left: &'a [f32],
    /// Pairs from one plane of the outputs to the next.
    pub stride: usize,
    /// Pairs of 16 inputs side by side: for each pair of pixels a row of 16.
    pub right: &'a [f32],
    /// Pairs of pixels of a run, a multiple of 16.
    pub pairs: usize,
}

/// `sums[c][o][i] += sum_{k < pairs} left[o * stride + k] . right[offsets[c] + 16 k + i]`, where the product of two pairs is the sum of
/// two products.
pub fn multiply_add(sums: &mut [PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
    multiply_add_on(Cpu::chosen(), sums, planes, offsets);
}

fn multiply_add_on(cpu: Cpu, sums: &mut [PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
    check(sums, planes, offsets);
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Amx(_) => {
            // SAFETY: `Cpu::Amx` is made where the processor has AMX and the system permits its use; all runs lie inside of the
            // planes, as was checked.
            unsafe { registers::multiply_add(sums, planes, offsets) }
        }
        _ => plain(sums, planes, offsets),
    }
}

fn check(sums: &[PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
    let AmxPlanes { left, stride, right, pairs } = planes;
    assert_eq!(sums.len(), offsets.len(), "an offset for each column of sums");
    assert!(pairs.is_multiple_of(SIDE), "whole tiles of pairs");
    assert!((BLOCK - 1) * stride + pairs <= left.len(), "the left factor ends too early");
    let last = offsets.iter().max().map_or(0, |offset| offset + SIDE * pairs);
    assert!(last <= right.len(), "the right factor ends too early");
}

/// The sums on processors without tiles: the order of this kernel's factors on any machine, not fast.
fn plain(sums: &mut [PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
    for (sums, offset) in sums.iter_mut().zip(offsets) {
        for (output, sums) in sums.iter_mut().enumerate() {
            let left = &planes.left[output * planes.stride..][..planes.pairs];
            for (left, right) in left.iter().zip(planes.right[*offset..].as_chunks::<SIDE>().0) {
                let left = numbers(*left);
                for (sum, right) in sums.iter_mut().zip(right) {
                    let right = numbers(*right);
                    *sum += left[0] * right[0] + left[1] * right[1];
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::arch::asm;

    use super::super::amx::registers::with_full_tiles;
    use super::{AmxPlanes, PlaneSums, SIDE};

    /// See [`super::multiply_add`].
    ///
    /// # Safety
    /// The processor has AMX with bfloat16 and the system permits its use. The factors are as long as [`super::check`] asks.
    pub unsafe fn multiply_add(sums: &mut [PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
        let mut unused = [[0.0; SIDE]; 2 * SIDE];
        let products = || {
            for (sums, offsets) in sums.chunks_mut(2).zip(offsets.chunks(2)) {
                let (first, second) = match sums {
                    [first, second] => (first, second),
                    [last] => (last, &mut unused),
                    _ => continue,
                };
                let right = [offsets[0], *offsets.last().unwrap_or(&offsets[0])];
                // SAFETY: the registers are configured, and the runs lie inside of the factors, as the caller promises.
                unsafe { block([first, second], planes, right.map(|offset| planes.right.as_ptr().add(offset))) };
            }
        };
        // SAFETY: the processor has AMX, as the caller promises.
        unsafe { with_full_tiles(products) };
    }

    /// Two columns of sums, in registers over all pairs: four products follow four loads.
    ///
    /// # Safety
    /// The registers are configured with full tiles. As many rows of 16 pairs as `planes.pairs` may be read at each pointer, and the
    /// left factor is as long as [`super::check`] asks.
    unsafe fn block(sums: [&mut PlaneSums; 2], planes: &AmxPlanes<'_>, right: [*const f32; 2]) {
        if planes.pairs == 0 {
            return;
        }
        let [first, second] = sums;
        // SAFETY: reads and writes what the caller promises, and names all registers that it changes. A single statement from the
        // first load to the last store, because registers need not keep their values from one statement to the next.
        unsafe {
            asm!(
                "tileloadd tmm0, [{first} + {row}]",
                "tileloadd tmm1, [{second} + {row}]",
                "tileloadd tmm2, [{first} + {row} + 1024]",
                "tileloadd tmm3, [{second} + {row} + 1024]",
                "2:",
                "tileloadd tmm4, [{upper} + {stride}]",
                "tileloadd tmm6, [{right} + {row}]",
                "tileloadd tmm7, [{other} + {row}]",
                "tileloadd tmm5, [{lower} + {stride}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, 64",
                "add {lower}, 64",
                "add {right}, 1024",
                "add {other}, 1024",
                "sub {tiles}, 1",
                "jne 2b",
                "tilestored [{first} + {row}], tmm0",
                "tilestored [{second} + {row}], tmm1",
                "tilestored [{first} + {row} + 1024], tmm2",
                "tilestored [{second} + {row} + 1024], tmm3",
                first = in(reg) first,
                second = in(reg) second,
                row = in(reg) 4 * SIDE,
                upper = inout(reg) planes.left.as_ptr() => _,
                lower = inout(reg) planes.left.as_ptr().add(SIDE * planes.stride) => _,
                stride = in(reg) 4 * planes.stride,
                right = inout(reg) right[0] => _,
                other = inout(reg) right[1] => _,
                tiles = inout(reg) planes.pairs / SIDE => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    #[cfg(test)]
    pub use tests::multiply_add_emulated;

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The product as the instructions define it, on processors that have them or not.
        #[cfg(target_os = "linux")]
        pub fn multiply_add_emulated(sums: &mut [PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
            super::super::check(sums, planes, offsets);
            crate::products::tile_emulator::install();
            // SAFETY: instructions that the processor lacks are carried out by the emulator; the factors were checked.
            unsafe { multiply_add(sums, planes, offsets) };
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::products::precision::pair;

    use super::*;

    fn pairs(count: usize, seed: usize) -> Vec<f32> {
        let value = |index: usize| ((index * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
        (0..count).map(|index| pair(value(2 * index), value(2 * index + 1))).collect()
    }

    /// The definition, in f64.
    fn definition(planes: &AmxPlanes<'_>, offset: usize, output: usize, input: usize) -> f64 {
        let product = |k: usize| {
            let left = numbers(planes.left[output * planes.stride + k]).map(f64::from);
            let right = numbers(planes.right[offset + SIDE * k + input]).map(f64::from);
            left[0] * right[0] + left[1] * right[1]
        };
        (0..planes.pairs).map(product).sum()
    }

    fn check_sums(name: &str, sums: &[PlaneSums], planes: &AmxPlanes<'_>, offsets: &[usize]) {
        for (sums, offset) in sums.iter().zip(offsets) {
            for (output, sums) in sums.iter().enumerate() {
                for (input, sum) in sums.iter().enumerate() {
                    let expected = 1.0 + definition(planes, *offset, output, input);
                    assert!((f64::from(*sum) - expected).abs() < 1e-4, "{name}: {sum}, expected {expected}");
                }
            }
        }
    }

    /// One column of sums, an even and an odd number of them, rows that are not aligned.
    #[test]
    fn every_instruction_set_matches_the_definition() {
        for (columns, tiles) in [(1, 1), (2, 3), (3, 2)] {
            let (stride, pairs_of_run) = (SIDE * tiles + 5, SIDE * tiles);
            let offsets: Vec<usize> = (0..columns).map(|column| SIDE * (3 * column % 4)).collect();
            let (left, right) = (pairs(BLOCK * stride, 1), pairs(SIDE * (pairs_of_run + 4), 2));
            let planes = AmxPlanes { left: &left, stride, right: &right, pairs: pairs_of_run };
            let ones = vec![[[1.0; SIDE]; BLOCK]; columns];
            for cpu in Cpu::available() {
                let mut sums = ones.clone();
                multiply_add_on(cpu, &mut sums, &planes, &offsets);
                check_sums(cpu.name(), &sums, &planes, &offsets);
            }
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            {
                let mut sums = ones.clone();
                registers::multiply_add_emulated(&mut sums, &planes, &offsets);
                check_sums("emulated", &sums, &planes, &offsets);
            }
        }
    }

    #[test]
    #[should_panic(expected = "the right factor ends too early")]
    fn reads_past_the_end_are_refused() {
        let left = vec![0.0; BLOCK * SIDE];
        let planes = AmxPlanes { left: &left, stride: SIDE, right: &[0.0; 100], pairs: SIDE };
        multiply_add(&mut [[[0.0; SIDE]; BLOCK]], &planes, &[0]);
    }
}

//! Products of bfloat16 matrices on the tile registers of AMX.

use std::ops::Range;

use rayon::prelude::*;

use super::precision::{numbers, pair};
use crate::detection::Cpu;

/// Rows of a tile register, and pairs in a row.
pub const SIDE: usize = 16;

/// Outputs of a block of sums, and its positions: two by two registers, so that four products follow four loads.
pub const BLOCK: usize = 2 * SIDE;

/// Left factor of one term of the sum: 32 outputs, each with 16 pairs.
pub type AmxLeft = [[f32; SIDE]; BLOCK];

/// Sums of 32 outputs at 32 positions.
pub type AmxSums = [[f32; BLOCK]; BLOCK];

/// The right factor: for each term, 16 rows at distance `stride`, the first one at the term's offset.
pub struct AmxRight<'a> {
    pub values: &'a [f32],
    pub offsets: &'a [usize],
    pub stride: usize,
}

/// `sums[c * tiles + t][o][p] += sum_{k, i} left[t * terms + k][o][i] . values[offsets[k] + i * stride + 32 c + p]`, with as
/// many `terms` as offsets, and as many `tiles` as the left factor has.
///
/// Every value of either factor is a pair of numbers in bfloat16 in the place of one f32, and its product the sum of two. The
/// weights of a tile of outputs are to stay in the first-level cache while they meet all positions.
pub fn multiply_add(sums: &mut [AmxSums], left: &[AmxLeft], right: &AmxRight<'_>) {
    multiply_add_on(Cpu::chosen(), sums, left, right);
}

fn multiply_add_on(cpu: Cpu, sums: &mut [AmxSums], left: &[AmxLeft], right: &AmxRight<'_>) {
    let Some(last) = right.offsets.iter().max() else { return };
    let tiles = left.len() / right.offsets.len();
    let columns = sums.len() / tiles.max(1);
    assert_eq!(left.len(), tiles * right.offsets.len(), "whole tiles of the left factor");
    assert_eq!(sums.len(), tiles * columns, "whole columns of sums");
    assert!(
        last + (SIDE - 1) * right.stride + columns * BLOCK <= right.values.len(),
        "the right factor ends too early"
    );
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Amx(_) => {
            // SAFETY: `Cpu::Amx` is made where the processor has AMX and the system permits its use; the offsets and all rows
            // from them lie inside of `values`, as was asserted.
            unsafe { registers::multiply_add(sums, left, right) }
        }
        _ => plain(sums, left, right),
    }
}

/// The product on processors without tiles: the order of this kernel's factors on any machine, not fast.
fn plain(sums: &mut [AmxSums], left: &[AmxLeft], right: &AmxRight<'_>) {
    let tiles = left.len() / right.offsets.len();
    for (index, sums) in sums.iter_mut().enumerate() {
        let (column, tile) = (index / tiles, index % tiles);
        let left = &left[tile * right.offsets.len()..];
        for (left, offset) in left.iter().zip(right.offsets) {
            for (sums, left) in sums.iter_mut().zip(left) {
                for (row, left) in left.iter().enumerate() {
                    let left = numbers(*left);
                    let values = &right.values[offset + row * right.stride + column * BLOCK..][..BLOCK];
                    for (sum, value) in sums.iter_mut().zip(values) {
                        let value = numbers(*value);
                        *sum += left[0] * value[0] + left[1] * value[1];
                    }
                }
            }
        }
    }
}

/// The tile registers. Their intrinsics are not stable yet, hence the assembler.
#[cfg(target_arch = "x86_64")]
pub(super) mod registers {
    use std::arch::asm;

    use super::{AmxLeft, AmxRight, AmxSums, BLOCK, SIDE};

    /// What `ldtilecfg` reads: palette 1, and eight registers of 16 rows of 64 bytes.
    static FULL_TILES: [u8; 64] = {
        let mut configuration = [0; 64];
        configuration[0] = 1;
        let mut register = 0;
        while register < 8 {
            configuration[16 + 2 * register] = 64;
            configuration[48 + register] = 16;
            register += 1;
        }
        configuration
    };

    /// Runs `products` with all registers of full size.
    ///
    /// The registers are configured and released in every call, of which there is one for a block of a strip: hundreds of
    /// products and more. In return no thread keeps 8 KB of registers that the system would have to save whenever it switches
    /// threads, and the rest of the program need not know of them.
    ///
    /// # Safety
    /// The processor has AMX and the system permits its use. `products` does nothing but products on tiles.
    pub unsafe fn with_full_tiles(products: impl FnOnce()) {
        // SAFETY: the configuration is a valid one. It stays in force from this statement to the release, because nothing else
        // uses tile registers: the compiler does not without their target feature, which is not enabled anywhere, the system
        // saves them for signal handlers and other threads, and no code of others is called in between.
        unsafe {
            asm!(
                "ldtilecfg [{}]",
                in(reg) &FULL_TILES,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags, readonly),
            );
        }
        products();
        // SAFETY: as above.
        unsafe {
            asm!(
                "tilerelease",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, preserves_flags, nomem),
            );
        }
    }

    /// See [`super::multiply_add`].
    ///
    /// # Safety
    /// The processor has AMX with bfloat16 and the system permits its use. 16 rows from each offset, each as long as all columns,
    /// lie inside of the right factor.
    pub unsafe fn multiply_add(sums: &mut [AmxSums], left: &[AmxLeft], right: &AmxRight<'_>) {
        let tiles = left.len() / right.offsets.len();
        let products = || {
            for (tile, left) in left.chunks_exact(right.offsets.len()).enumerate() {
                for (column, sums) in sums.iter_mut().skip(tile).step_by(tiles).enumerate() {
                    // SAFETY: the registers are configured, and the rows lie inside of the values, as the caller promises.
                    unsafe { block(sums, left, right, right.values.as_ptr().add(column * BLOCK)) };
                }
            }
        };
        // SAFETY: the processor has AMX, as the caller promises.
        unsafe { with_full_tiles(products) };
    }

    /// One block of sums, in registers over all terms.
    ///
    /// # Safety
    /// The registers are configured as [`FULL_TILES`]. There is as much left factor as offsets, at least one; 16 rows of 32 values, `right.stride`
    /// apart, may be read at each offset from `values`.
    unsafe fn block(sums: &mut AmxSums, left: &[AmxLeft], right: &AmxRight<'_>, values: *const f32) {
        let offsets = right.offsets.as_ptr_range();
        // SAFETY: reads and writes what the caller promises, and names all registers that it changes. A single statement from the
        // first load to the last store, because registers need not keep their values from one statement to the next.
        unsafe {
            asm!(
                "tileloadd tmm0, [{sums} + {sums_row}]",
                "tileloadd tmm1, [{sums} + {sums_row} + 64]",
                "tileloadd tmm2, [{sums} + {sums_row} + 2048]",
                "tileloadd tmm3, [{sums} + {sums_row} + 2112]",
                "2:",
                "mov {rows}, qword ptr [{offset}]",
                "lea {rows}, [{values} + 4 * {rows}]",
                "tileloadd tmm4, [{left} + {left_row}]",
                "tileloadd tmm6, [{rows} + {stride}]",
                "tileloadd tmm7, [{rows} + {stride} + 64]",
                "tileloadd tmm5, [{left} + {left_row} + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {left}, 2048",
                "add {offset}, 8",
                "cmp {offset}, {end}",
                "jne 2b",
                "tilestored [{sums} + {sums_row}], tmm0",
                "tilestored [{sums} + {sums_row} + 64], tmm1",
                "tilestored [{sums} + {sums_row} + 2048], tmm2",
                "tilestored [{sums} + {sums_row} + 2112], tmm3",
                sums = in(reg) sums,
                sums_row = in(reg) 4 * BLOCK,
                left = inout(reg) left.as_ptr() => _,
                left_row = in(reg) 4 * SIDE,
                offset = inout(reg) offsets.start => _,
                end = in(reg) offsets.end,
                values = in(reg) values,
                stride = in(reg) 4 * right.stride,
                rows = out(reg) _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

/// Terms (16 pairs of inputs, tap) that are summed in one go: 18 KB of weights for a block of outputs, which stay in the first-level
/// cache with the block's sums and the positions' inputs.
const BLOCK_TERMS: usize = 9;

/// Inputs of a term.
const TERM_INPUTS: usize = 2 * SIDE;

/// The weight of a convolution in bfloat16: for each block of inputs and each tile of 32 outputs the terms (16 pairs of inputs, tap),
/// zero where the inputs or the outputs end before.
pub struct AmxWeight {
    terms: Vec<AmxLeft>,
    tiles: usize,
    taps: usize,
    inputs: usize,
}

impl AmxWeight {
    /// The weight with these values, by output, input and tap.
    pub fn new(outputs: usize, inputs: usize, taps: usize, value: impl Fn(usize, usize, usize) -> f32 + Sync) -> Self {
        let tiles = outputs.div_ceil(BLOCK);
        let terms = vec![[[0.0; SIDE]; BLOCK]; tiles * inputs.div_ceil(TERM_INPUTS) * taps];
        let mut weight = Self { terms, tiles, taps, inputs };
        let block = weight.block_inputs();
        let value = |output, input, tap| if input < inputs { value(output, input, tap) } else { 0.0 };
        let blocks = weight.terms.par_chunks_mut((block / TERM_INPUTS * taps * tiles).max(1));
        blocks.enumerate().for_each(|(index, terms)| {
            let len = terms.len() / tiles;
            for (position, left) in terms.iter_mut().enumerate() {
                let (tile, term) = (position / len, position % len);
                let (first, tap) = (index * block + term / taps * TERM_INPUTS, term % taps);
                for (output, row) in (tile * BLOCK..outputs).zip(left) {
                    for (input, weights) in (first..).step_by(2).zip(row) {
                        *weights = pair(value(output, input, tap), value(output, input + 1, tap));
                    }
                }
            }
        });
        weight
    }

    /// Inputs of a block; the last one may have fewer.
    pub fn block_inputs(&self) -> usize {
        BLOCK_TERMS / self.taps * TERM_INPUTS
    }

    /// Adds the products with the block of inputs that begins at `first` to sums (column, tile) of some tiles of outputs.
    ///
    /// The right factor holds the planes of the block's pairs, [`AmxWeight::planes`] of them, and may have more offsets than the
    /// block has terms.
    pub fn multiply_add(&self, sums: &mut [AmxSums], first: usize, tiles: Range<usize>, right: &AmxRight<'_>) {
        let terms = self.planes(first) / SIDE * self.taps;
        let left = &self.terms[first / TERM_INPUTS * self.taps * self.tiles..];
        let left = &left[tiles.start * terms..tiles.end * terms];
        multiply_add(sums, left, &AmxRight { offsets: &right.offsets[..terms], ..*right });
    }

    /// Planes of pairs of the block of inputs that begins at `first`; those past the last input are to be zero.
    pub fn planes(&self, first: usize) -> usize {
        self.block_inputs().min(self.inputs - first).div_ceil(TERM_INPUTS) * SIDE
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
    fn definition(tiles: usize, columns: usize, left: &[AmxLeft], right: &AmxRight<'_>) -> Vec<[[f64; BLOCK]; BLOCK]> {
        let terms = right.offsets.len();
        let sum = |index: usize, output: usize, position: usize| {
            let (column, tile) = (index / tiles, index % tiles);
            let products = (0..terms).flat_map(|term| (0..SIDE).map(move |row| (term, row))).map(|(term, row)| {
                let left = numbers(left[tile * terms + term][output][row]).map(f64::from);
                let value = right.values[right.offsets[term] + row * right.stride + column * BLOCK + position];
                let value = numbers(value).map(f64::from);
                left[0] * value[0] + left[1] * value[1]
            });
            products.sum()
        };
        let block = |index: usize| std::array::from_fn(|output| std::array::from_fn(|p| sum(index, output, p)));
        (0..columns * tiles).map(block).collect()
    }

    /// Rows that are not aligned, several tiles and columns; the instructions of AMX on any processor of the kind.
    #[test]
    fn every_instruction_set_matches_the_definition() {
        let stride = 48 + 2 * BLOCK + 7;
        for (tiles, columns, terms) in [(1, 1, 1), (1, 2, 3), (3, 1, 2), (2, 3, 18)] {
            let offsets: Vec<usize> =
                (0..terms).map(|term| term / 9 * SIDE * stride + [0, 1, 2, 9, 10][term % 5]).collect();
            let left = pairs(tiles * terms * BLOCK * SIDE, 1);
            let left = left.as_chunks::<SIDE>().0.as_chunks::<BLOCK>().0;
            let values = pairs(2 * SIDE * stride + BLOCK, 2);
            let right = AmxRight { values: &values, offsets: &offsets, stride };
            let expected = definition(tiles, columns, left, &right);
            let mut found: Vec<(&str, Vec<AmxSums>)> = Vec::new();
            let ones = vec![[[1.0; BLOCK]; BLOCK]; tiles * columns];
            for cpu in Cpu::available() {
                let mut sums = ones.clone();
                multiply_add_on(cpu, &mut sums, left, &right);
                found.push((cpu.name(), sums));
            }
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            {
                let mut sums = ones.clone();
                crate::products::tile_emulator::install();
                // SAFETY: instructions that the processor lacks are carried out by the emulator; the lengths were checked above.
                unsafe { registers::multiply_add(&mut sums, left, &right) };
                found.push(("emulated", sums));
            }
            for (name, sums) in &found {
                let sums = sums.as_flattened().as_flattened();
                let expected = expected.as_flattened().as_flattened();
                for (index, (sum, expected)) in sums.iter().zip(expected).enumerate() {
                    let error = (f64::from(*sum) - 1.0 - expected).abs();
                    assert!(error < 1e-4, "{} {tiles} {columns} {terms} {index}: {error:e}", name);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "ends too early")]
    fn reads_past_the_end_are_refused() {
        let right = AmxRight { values: &[0.0; 100], offsets: &[0], stride: 10 };
        multiply_add(&mut [[[0.0; BLOCK]; BLOCK]], &[[[0.0; SIDE]; BLOCK]], &right);
    }

    /// Two and a half blocks of inputs, one and a half tiles of outputs: each weight at its place, zeros elsewhere.
    #[test]
    fn weights_lie_by_block_tile_term_output_and_pair() {
        let (outputs, inputs, taps) = (40, 75, 9);
        let value = |output, input, tap| ((output * inputs + input) * taps + tap) as f32 % 251.0 + 1.0;
        let weight = AmxWeight::new(outputs, inputs, taps, value);
        assert_eq!(weight.block_inputs(), 32);
        assert_eq!([0, 32, 64].map(|first| weight.planes(first)), [16; 3]);
        let at = |output, input, tap| if output < outputs && input < inputs { value(output, input, tap) } else { 0.0 };
        let mut terms = weight.terms.iter();
        for (first, tile, tap) in (0..96).step_by(32).flat_map(|first| (0..18).map(move |i| (first, i / 9, i % 9))) {
            for (row, pairs) in terms.next().expect("a term").iter().enumerate() {
                for (index, weights) in pairs.iter().enumerate() {
                    let (output, input) = (tile * BLOCK + row, first + 2 * index);
                    assert_eq!(*weights, pair(at(output, input, tap), at(output, input + 1, tap)));
                }
            }
        }
        assert!(terms.next().is_none());
    }

    #[test]
    fn a_block_without_neighbours_has_more_inputs() {
        let weight = AmxWeight::new(1, 300, 1, |_, _, _| 1.0);
        assert_eq!((weight.block_inputs(), weight.planes(0), weight.planes(288)), (288, 144, 16));
    }
}

//! Laws that every component obeys: same input, same bytes, whoever else is calling.

use std::thread;

use diph_core::{Error, Result};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::Check;

const THREADS: usize = 4;
const CALLS: usize = 3;

/// Bit patterns, so that -0 differs from 0.
fn bits(array: &ArrayD<Complex32>) -> Vec<(u32, u32)> {
    array.iter().map(|value| (value.re.to_bits(), value.im.to_bits())).collect()
}

/// Whether `run` gives the same bytes twice, and from several threads at once.
pub(crate) fn checks(run: impl Fn() -> Result<ArrayD<Complex32>> + Sync) -> [Check; 2] {
    let determinism = Check::holds("determinism", || Ok(bits(&run()?) == bits(&run()?)));
    let thread_safety = Check::holds("thread safety", || {
        let alone = bits(&run()?);
        let repeat = || (0..CALLS).map(|_| Ok(bits(&run()?) == alone)).collect::<Result<Vec<bool>>>();
        let together: Vec<Result<Vec<bool>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(repeat)).collect();
            let failed = || Error::external("thread safety", "a thread panicked");
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect()
        });
        Ok(together.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().all(|same| same))
    });
    [determinism, thread_safety]
}

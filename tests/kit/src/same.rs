//! Laws that every component obeys: same input, same bytes, whoever else is calling.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use diph_core::{Error, Result};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::laws::Laws;

const THREADS: u64 = 4;
/// Threads call until one of these is reached: a race needs calls that overlap, and small examples are over in no time.
const CALLS: usize = 20_000;
const TIME: Duration = Duration::from_millis(250);
/// Calls at least, however long they take.
const FEWEST: usize = 2;

/// Bit patterns, so that -0 differs from 0.
fn bits(array: &ArrayD<Complex32>) -> Vec<(u32, u32)> {
    array.iter().map(|value| (value.re.to_bits(), value.im.to_bits())).collect()
}

/// Whether `run` gives the same bytes for the same input twice, and from several threads at once, each with an input of its
/// own, which `draw` makes of its number beforehand: what is done between two calls keeps them from overlapping.
pub(crate) fn checks<I: Sync>(
    laws: &mut Laws<'_>,
    draw: impl Fn(u64) -> I,
    run: impl Fn(&I) -> Result<ArrayD<Complex32>> + Sync,
) {
    laws.holds("determinism", || Ok(bits(&run(&draw(0))?) == bits(&run(&draw(0))?)));
    laws.holds("thread safety", || {
        let inputs: Vec<I> = (0..THREADS).map(&draw).collect();
        let alone = inputs.iter().map(|input| Ok(bits(&run(input)?))).collect::<Result<Vec<_>>>()?;
        let (barrier, run) = (Barrier::new(THREADS as usize), &run);
        let repeat = |input: &I, alone: &Vec<(u32, u32)>| {
            barrier.wait();
            let begin = Instant::now();
            for call in 0..CALLS {
                if bits(&run(input)?) != *alone {
                    return Ok(false);
                }
                if call + 1 >= FEWEST && begin.elapsed() > TIME {
                    break;
                }
            }
            Ok(true)
        };
        let together: Vec<Result<bool>> = thread::scope(|scope| {
            let repeat = &repeat;
            let threads: Vec<_> =
                inputs.iter().zip(&alone).map(|(input, alone)| scope.spawn(move || repeat(input, alone))).collect();
            let failed = || Error::external("thread safety", "a thread panicked");
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect()
        });
        Ok(together.into_iter().collect::<Result<Vec<_>>>()?.into_iter().all(|same| same))
    });
}

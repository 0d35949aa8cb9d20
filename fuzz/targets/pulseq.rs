//! A Pulseq sequence: it is read and played.

#![no_main]

use diph_pulseq::{Playback, PulseqFile};
use libfuzzer_sys::fuzz_target;

/// Longer readouts only take longer.
const MOST_SAMPLES: usize = 10_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = PulseqFile::parse(bytes) else { return };
    let play = Playback::of(&file);
    for readout in play.readouts().iter().filter(|readout| readout.adc.samples < MOST_SAMPLES).take(3) {
        let _ = play.echo_time(readout);
    }
});

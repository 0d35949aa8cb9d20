//! What a Pulseq sequence does to the magnetisation, step by step.

use diph_bloch::Step;
use diph_pulseq::{Playback, PlayedPulse, PlayedReadout, PulseUse, PulseqFile};

/// Dephasing by less is none: half a cycle over a centimetre, in 1/m.
const LEAST_SPOILER: f64 = 50.0;

/// Stronger spoilers dephase as much as this many of the usual ones: nothing comes back from either.
const MOST_CYCLES: f64 = 32.0;

/// A pulse that does less (rad) does nothing.
const LEAST_ANGLE: f64 = 1e-6;

/// Carriers that differ by less (Hz) select the same slice.
const SAME_SLICE: f64 = 1.0;

/// Something that happens at one time.
enum Event {
    Pulse(PlayedPulse),
    Echo(PlayedReadout),
}

/// Steps between which there are only waits: pulses in the middle of their shapes, and an echo where each readout of the image is nearest
/// to the centre of k-space. Every readout is a frame.
///
/// Gradient moments between pulses become cycles of dephasing, in units of the sequence's usual spoiler; where an echo is, the moment of
/// its own position in k-space does not count. Profiles of slices and relaxation during pulses are left out, and so is the time that the
/// scanner waits for a trigger.
///
/// # Errors
/// When the sequence excites several slices.
pub(super) fn steps(file: &PulseqFile) -> Result<Vec<Step>, String> {
    let play = Playback::of(file);
    check_one_slice(&play)?;
    let events = events(&play);
    let moments = moments(&play, &events);
    let unit = usual_spoiler(&moments);
    let (mut steps, mut time) = (Vec::new(), 0.0);
    for ((at, event), moment) in events.iter().zip(moments) {
        match cycles(moment, unit) {
            0 => (),
            cycles => steps.push(Step::Spoil(cycles)),
        }
        steps.push(Step::WaitS((at - time).max(0.0)));
        steps.push(match event {
            Event::Pulse(pulse) if pulse.is_adiabatic => Step::Invert,
            Event::Pulse(pulse) => Step::Pulse { angle_rad: pulse.angle, phase_rad: pulse.phase },
            Event::Echo(readout) => Step::Echo { phase_rad: readout.adc.phase },
        });
        time = *at;
    }
    steps.push(Step::WaitS((play.duration() - time).max(0.0)));
    Ok(steps)
}

fn check_one_slice(play: &Playback<'_>) -> Result<(), String> {
    let excites = |pulse: &&PlayedPulse| pulse.is_selective && pulse.purpose == PulseUse::Excitation;
    let mut carriers = play.pulses().iter().filter(excites).map(|pulse| pulse.frequency);
    let first = carriers.next();
    match first.and_then(|first| carriers.find(|other| (other - first).abs() > SAME_SLICE)) {
        None => Ok(()),
        Some(other) => Err(format!(
            "expected excitations of one slice, got carriers of {:.0} and {other:.0} Hz; write a sequence of one slice",
            first.unwrap_or_default()
        )),
    }
}

fn events(play: &Playback<'_>) -> Vec<(f64, Event)> {
    let acts = |pulse: &&PlayedPulse| pulse.is_adiabatic || pulse.angle > LEAST_ANGLE;
    let pulses = play.pulses().iter().filter(acts).map(|pulse| (pulse.time, Event::Pulse(*pulse)));
    let imaging = play.readouts().iter().filter(|readout| readout.is_imaging);
    let echoes = imaging.map(|readout| (play.echo_time(readout), Event::Echo(*readout)));
    let mut events: Vec<(f64, Event)> = pulses.chain(echoes).collect();
    events.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    events
}

/// Gradient moment before every event since the one before, in 1/m.
fn moments(play: &Playback<'_>, events: &[(f64, Event)]) -> Vec<[f64; 3]> {
    let mut before = [0.0; 3];
    let difference = |a: [f64; 3], b: [f64; 3]| std::array::from_fn(|axis| a[axis] - b[axis]);
    let moment = |(at, event): &(f64, Event)| {
        // What is read at a position in k-space has that moment and is in phase all the same.
        let reached = match event {
            Event::Pulse(_) => play.moment(*at),
            Event::Echo(_) => difference(play.moment(*at), play.position(*at)),
        };
        let gained = difference(reached, before);
        before = reached;
        gained
    };
    events.iter().map(moment).collect()
}

fn length(moment: [f64; 3]) -> f64 {
    moment.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// The moment in the middle of all that dephase.
fn usual_spoiler(moments: &[[f64; 3]]) -> [f64; 3] {
    let mut spoilers: Vec<[f64; 3]> =
        moments.iter().copied().filter(|moment| length(*moment) > LEAST_SPOILER).collect();
    spoilers.sort_by(|a, b| length(*a).total_cmp(&length(*b)));
    spoilers.get(spoilers.len() / 2).copied().unwrap_or_default()
}

fn cycles(moment: [f64; 3], unit: [f64; 3]) -> i32 {
    if length(moment) <= LEAST_SPOILER {
        return 0;
    }
    let along: f64 = moment.iter().zip(unit).map(|(a, b)| a * b).sum();
    // The cast is of a number up to 32.
    let count = (length(moment) / length(unit)).round().min(MOST_CYCLES) as i32;
    if along < 0.0 { -count } else { count }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use diph_bloch::{EpgFisp, Sequence, Tissue};

    use super::*;

    fn peer(name: &str) -> PulseqFile {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers").join(name);
        PulseqFile::parse(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn a_fisp_sequence_of_pypulseq_is_the_fisp_of_its_numbers() {
        for name in ["pulseq_15.seq", "pulseq_14.seq", "pulseq_13.seq"] {
            let sequence = Sequence::of_steps(steps(&peer(name)).unwrap()).unwrap();
            let degrees: Vec<f64> = sequence.flip_angle_rad().iter().map(|angle| angle.to_degrees()).collect();
            assert!(degrees.iter().zip([20.0, 40.0, 60.0]).all(|(found, asked)| (found - asked).abs() < 0.01));
            let (tr, te) = (sequence.tr_s().to_vec(), sequence.te_s());
            let first_pulse = 0.02243;
            let ti = first_pulse - 0.0006;
            // The inversion is a block of 1 ms, no adiabatic pulse.
            let fisp = Sequence::new(sequence.flip_angle_rad().to_vec(), tr, te, ti).unwrap();
            for tissue in [Tissue::new(1.0, 0.08), Tissue::new(4.0, 1.5)] {
                let of = |sequence: &Sequence| EpgFisp::new(sequence.clone()).simulate(&[tissue]).unwrap();
                let (played, exact) = (of(&sequence), of(&fisp));
                let sign = if played[[0, 0]] * exact[[0, 0]] < 0.0 { -1.0 } else { 1.0 };
                for (a, b) in played.iter().zip(&exact) {
                    assert!((a - sign * b).abs() < 1e-3, "{name}: {played} {exact}");
                }
            }
        }
    }

    #[test]
    fn moments_become_cycles_of_the_usual_spoiler() {
        let unit = [0.0, 0.0, 400.0];
        for (moment, expected) in [
            ([0.0, 0.0, 20.0], 0),
            ([0.0, 0.0, 420.0], 1),
            ([0.0, 300.0, 800.0], 2),
            ([0.0, 0.0, -400.0], -1),
            ([0.0, 0.0, 1e9], 32),
        ] {
            assert_eq!(cycles(moment, unit), expected, "{moment:?}");
        }
        assert_eq!(usual_spoiler(&[[0.0; 3]]), [0.0; 3]);
    }
}

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{Playback, PulseUse};

fn peer(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn parsed(text: &str) -> PulseqFile {
    PulseqFile::parse(text.as_bytes()).unwrap()
}

const SMALL: &str = "
[VERSION]
major 1
minor 4
revision 1

[DEFINITIONS]
FOV 0.2 0.2 0.005
Name small

[BLOCKS]
1 100 1 0 0 0 0 0
2 200 0 1 0 0 1 1

[RF]
1 250 1 2 0 0 0 0

[TRAP]
1 1000 100 1000 100 0

[ADC]
1 100 10000 100 0 0

[EXTENSIONS]
1 1 1 2
2 2 1 0

extension LABELSET 1
1 7 LIN

extension TRIGGERS 2
1 2 1 0 2000

[SHAPES]

shape_id 1
num_samples 1000
1
0
0
997

shape_id 2
num_samples 1000
0
0
998
";

#[test]
fn a_small_file() {
    let file = parsed(SMALL);
    assert_eq!(file.version, Version { major: 1, minor: 4, revision: 1 });
    assert_eq!(file.numbers("FOV").unwrap(), [0.2, 0.2, 0.005]);
    assert_eq!(file.numbers("Name"), None);
    assert_eq!(file.blocks[1].labels, [Label { name: "LIN".into(), value: 7, is_increment: false }]);
    assert!(file.blocks[1].waits_for_trigger && !file.blocks[0].waits_for_trigger);
    let play = Playback::of(&file);
    assert!((play.duration() - 3e-3).abs() < 1e-12);
    let pulse = play.pulses()[0];
    assert!((pulse.angle.to_degrees() - 90.0).abs() < 1e-9 && pulse.purpose == PulseUse::Excitation);
    let positions = play.positions(&play.readouts()[0]);
    for (sample, position) in positions.iter().enumerate() {
        assert!((position[0] - (0.05 + (sample as f64 + 0.5) * 0.01)).abs() < 1e-9);
        assert_eq!([position[1], position[2]], [0.0, 0.0]);
    }
}

#[test]
fn extensions_without_a_definition_are_named_and_left_out() {
    let file = parsed(&SMALL.replace("extension TRIGGERS 2\n1 2 1 0 2000\n", ""));
    assert_eq!(file.ignored, ["kind 2 without a definition"]);
    assert_eq!(file.blocks[1].labels.len(), 1);
    assert!(!file.blocks[1].waits_for_trigger);
}

use crate::Label;

/// Of pypulseq's `calculate_kspace`, a line of three numbers for every sample.
fn positions_of_peer(name: &str) -> Vec<[f64; 3]> {
    let numbers = |line: &str| line.split(' ').map(|word| word.parse().unwrap()).collect::<Vec<f64>>();
    peer(name).lines().map(|line| numbers(line).try_into().unwrap()).collect()
}

#[test]
fn positions_are_those_of_pypulseq() {
    for (name, most) in [("pulseq_15", 1e-3), ("pulseq_14", 1e-3), ("pulseq_13", 1e-3)] {
        let file = parsed(&peer(&format!("{name}.seq")));
        let play = Playback::of(&file);
        let played: Vec<[f64; 3]> = play.readouts().iter().flat_map(|readout| play.positions(readout)).collect();
        let expected = positions_of_peer(&format!("{name}.txt"));
        assert_eq!(played.len(), expected.len());
        let differences =
            played.iter().zip(&expected).flat_map(|(a, b)| (0..3).map(move |axis| (a[axis] - b[axis]).abs()));
        let difference = differences.fold(0.0, f64::max);
        assert!(difference < most, "{name}: {difference} 1/m");
    }
}

#[test]
fn pulses_are_those_that_were_asked_for() {
    for name in ["pulseq_15.seq", "pulseq_14.seq", "pulseq_13.seq"] {
        let file = parsed(&peer(name));
        let play = Playback::of(&file);
        let degrees: Vec<f64> = play.pulses().iter().map(|pulse| pulse.angle.to_degrees()).collect();
        let expected = [180.0, 20.0, 40.0, 60.0];
        assert_eq!(degrees.len(), expected.len());
        for (found, expected) in degrees.iter().zip(expected) {
            assert!((found - expected).abs() < 0.01, "{name}: {degrees:?}");
        }
        assert!(play.readouts().iter().all(|readout| readout.is_imaging));
    }
    assert_eq!(Playback::of(&parsed(&peer("pulseq_15.seq"))).pulses()[0].purpose, PulseUse::Inversion);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let message = |from: &str, to: &str| PulseqFile::parse(SMALL.replace(from, to).as_bytes()).unwrap_err().to_string();
    for (from, to, expected) in [
        ("minor 4", "minor 6", "version 1.2 to 1.5, got 1.6.1"),
        ("[VERSION]", "[ABOUT]", "without [VERSION]"),
        ("1 100 1 0 0 0 0 0", "1 100 9 0 0 0 0 0", "line 12: rf 9 is not in the file"),
        ("1 100 1 0 0 0 0 0", "1 100 1 0", "line 12: expected 8 values"),
        ("1 250 1 2", "1 much 1 2", "expected a number, got `much`"),
        ("num_samples 1000", "num_samples 1e9", "more than"),
        ("997", "998", "as many values"),
        ("2 2 1 0\n", "2 2 1 2\n", "without an end"),
        ("1 100 10000", "1 9999999 10000", "a readout of 9999999"),
        ("[BLOCKS]", "[NOTHING]", "at least one block"),
        ("1 1000 100 1000", "1 1000 -100 1000", "not negative"),
    ] {
        let message = message(from, to);
        assert!(message.contains(expected), "{to}: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn garbled_files_never_panic(
        version in 3usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]"), 1..20),
    ) {
        let mut bytes = peer(&format!("pulseq_1{version}.seq")).into_bytes();
        for (at, character) in changes {
            let at = at.index(bytes.len());
            bytes[at] = character.as_bytes()[0];
        }
        if let Ok(file) = PulseqFile::parse(&bytes) {
            let play = Playback::of(&file);
            for readout in play.readouts().iter().take(3).filter(|readout| readout.adc.samples < 10_000) {
                let _ = play.echo_time(readout);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(lines in prop::collection::vec("(\\[RF\\]|\\[SHAPES\\]|shape_id 1|num_samples [0-9]{1,9}|[0-9 .e-]{0,20})", 0..40)) {
        let _ = PulseqFile::parse(format!("[VERSION]\nmajor 1\nminor 4\nrevision 0\n{}", lines.join("\n")).as_bytes());
    }
}

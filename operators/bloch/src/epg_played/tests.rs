use std::f64::consts::{FRAC_PI_2, PI, TAU};

use proptest::prelude::*;

use crate::{EpgFisp, Sequence, Step, Tissue};

fn simulated(sequence: &Sequence, tissue: Tissue) -> Vec<f64> {
    EpgFisp::new(sequence.clone()).simulate(&[tissue]).expect("simulates").into_raw_vec_and_offset().0
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Spins that precess by 0, 1/n, 2/n, ... turns in every cycle of dephasing, each by the Bloch equation.
fn isochromat_sum(steps: &[Step], tissue: Tissue) -> Vec<[f64; 2]> {
    let cycles = |step: &Step| if let Step::Spoil(cycles) = step { cycles.unsigned_abs() as usize } else { 0 };
    let spins = 2 * steps.iter().map(cycles).sum::<usize>() + 1;
    let mut magnetisation = vec![[0.0, 0.0, 1.0]; spins];
    let turn = |v: &mut [f64; 3], angle: f64, phase: f64| {
        // Rotation about (cos phase, sin phase, 0) such that about x, z goes to +y.
        let ([x, y, z], (s, c), (sin, cos)) = (*v, phase.sin_cos(), angle.sin_cos());
        let (along, across) = (c * x + s * y, -s * x + c * y);
        let (across, z) = (cos * across + sin * z, cos * z - sin * across);
        *v = [c * along - s * across, s * along + c * across, z];
    };
    let mut signal = Vec::new();
    for step in steps {
        for (spin, v) in magnetisation.iter_mut().enumerate() {
            match *step {
                Step::Pulse { angle_rad, phase_rad } => turn(v, angle_rad * tissue.b1, phase_rad),
                Step::Invert => turn(v, PI, 0.0),
                Step::WaitS(wait) => {
                    let (e1, e2) = ((-wait / tissue.t1_s).exp(), (-wait / tissue.t2_s).exp());
                    *v = [e2 * v[0], e2 * v[1], 1.0 - e1 + e1 * v[2]];
                }
                Step::Spoil(cycles) => {
                    let (s, c) = (TAU * f64::from(cycles) * spin as f64 / spins as f64).sin_cos();
                    *v = [c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]];
                }
                Step::Echo { .. } => (),
            }
        }
        if let Step::Echo { phase_rad } = *step {
            let mean = |axis: usize| magnetisation.iter().map(|v| v[axis]).sum::<f64>() / spins as f64;
            let ((s, c), x, y) = (phase_rad.sin_cos(), mean(0), mean(1));
            // In units of the axis that an excitation about the receiver's axis gives.
            signal.push([-s * x + c * y, -(c * x + s * y)]);
        }
    }
    signal
}

fn pulse(degrees: f64, phase: f64) -> Step {
    Step::Pulse { angle_rad: degrees.to_radians(), phase_rad: phase.to_radians() }
}

const ECHO: Step = Step::Echo { phase_rad: 0.0 };

/// A segment of a cardiac sequence: preparation, then gradient echoes.
fn segment(preparation: &[Step], flips: &[f64]) -> Vec<Step> {
    let mut steps = vec![Step::WaitS(0.4)];
    steps.extend_from_slice(preparation);
    for flip in flips {
        steps.extend([pulse(*flip, 0.0), Step::WaitS(0.002), ECHO, Step::WaitS(0.006), Step::Spoil(1)]);
    }
    steps
}

fn t2_preparation(echo_time: f64) -> Vec<Step> {
    let quarter = Step::WaitS(echo_time / 4.0);
    let steps = [pulse(90.0, 0.0), quarter, pulse(180.0, 90.0), quarter, quarter, pulse(-180.0, 90.0), quarter];
    steps.into_iter().chain([pulse(-90.0, 0.0), Step::Spoil(3)]).collect()
}

fn cardiac() -> Vec<Step> {
    let flips = [4.0, 8.0, 12.0, 15.0, 15.0];
    [
        segment(&[Step::Invert, Step::Spoil(2), Step::WaitS(0.02)], &flips),
        segment(&[], &flips),
        segment(&t2_preparation(0.05), &flips),
        segment(&t2_preparation(0.1), &flips),
    ]
    .concat()
}

fn balanced(frames: usize) -> Vec<Step> {
    let steps = (0..frames).flat_map(|frame| {
        let phase = if frame % 2 == 0 { 0.0 } else { PI };
        let pulse = Step::Pulse { angle_rad: 0.3 + 0.02 * frame as f64, phase_rad: phase };
        [pulse, Step::WaitS(0.002), Step::Echo { phase_rad: phase }, Step::WaitS(0.002)]
    });
    [Step::Invert, Step::WaitS(0.01)].into_iter().chain(steps).collect()
}

#[test]
fn a_preparation_and_a_readout_are_the_isochromat_sum() {
    for steps in [cardiac(), balanced(30)] {
        let sequence = Sequence::of_steps(steps.clone()).expect("a valid sequence");
        for tissue in [Tissue::new(1.2, 0.05), Tissue::new(4.0, 2.0), Tissue::new(0.3, 0.3)] {
            let expected: Vec<f64> = isochromat_sum(&steps, tissue).iter().map(|[real, _]| *real).collect();
            let difference = largest_difference(&simulated(&sequence, tissue), &expected);
            assert!(difference < 1e-9, "{tissue:?}: {difference:e}");
        }
    }
}

#[test]
fn t2_preparation_stores_what_t2_leaves() {
    let steps = [t2_preparation(0.08), vec![pulse(90.0, 0.0), ECHO]].concat();
    let sequence = Sequence::of_steps(steps).expect("a valid sequence");
    let signal = simulated(&sequence, Tissue::new(1000.0 / 30.0, 0.06))[0];
    assert!((signal - (-0.08f64 / 0.06).exp()).abs() < 1e-2, "{signal}");
}

#[test]
fn adiabatic_inversions_do_not_depend_on_the_transmit_field() {
    let steps = vec![Step::Invert, Step::WaitS(0.5), pulse(90.0, 0.0), ECHO];
    let sequence = Sequence::of_steps(steps).expect("a valid sequence");
    let expected = |b1: f64| (1.0 - 2.0 * (-0.5f64).exp()) * (FRAC_PI_2 * b1).sin();
    for b1 in [0.7, 1.0, 1.2] {
        let signal = simulated(&sequence, Tissue { t1_s: 1.0, t2_s: 0.1, b1 })[0];
        assert!((signal.abs() - expected(b1).abs()).abs() < 1e-12);
    }
}

#[test]
fn fisp_is_the_same_step_by_step() {
    let fisp = Sequence::fisp_cut(3).expect("a cut");
    let mut steps = vec![Step::Invert, Step::WaitS(fisp.ti_s())];
    for (flip, tr) in fisp.flip_angle_rad().iter().zip(fisp.tr_s()) {
        let pulse = Step::Pulse { angle_rad: *flip, phase_rad: 0.0 };
        steps.extend([pulse, Step::WaitS(fisp.te_s()), ECHO, Step::WaitS(tr - fisp.te_s()), Step::Spoil(1)]);
    }
    let played = Sequence::of_steps(steps).expect("a valid sequence");
    assert_eq!(played.frames(), fisp.frames());
    assert!((played.ti_s() - fisp.ti_s()).abs() < 1e-12 && (played.te_s() - fisp.te_s()).abs() < 1e-12);
    assert!(largest_difference(played.tr_s(), fisp.tr_s()) < 1e-9);
    for tissue in [Tissue::new(0.9, 0.05), Tissue { t1_s: 1.4, t2_s: 1.1, b1: 0.83 }] {
        assert!(largest_difference(&simulated(&played, tissue), &simulated(&fisp, tissue)) < 1e-7);
    }
    let cut = played.clone().truncated(40).expect("fewer frames");
    let tissue = Tissue::new(0.9, 0.05);
    assert!(largest_difference(&simulated(&cut, tissue), &simulated(&played, tissue)[..40]) < 1e-7);
}

#[test]
fn json_comes_back_and_impossible_steps_are_refused() {
    let sequence = Sequence::of_steps(cardiac()).expect("a valid sequence");
    assert_eq!(Sequence::from_json(&sequence.to_json()).expect("its own form"), sequence);
    let text = r#"{"steps": [{"pulse": {"angle_rad": 0.5}}, {"wait_s": 0.01}, {"echo": {}}, {"spoil": 1}, "invert"]}"#;
    assert_eq!(Sequence::from_json(text).expect("valid").frames(), 1);
    for (from, to, word) in [
        ("0.5", "45", "convert degrees"),
        ("0.01", "-1", "seconds"),
        ("0.01", "5000", "seconds"),
        ("{\"echo\": {}}, ", "", "a pulse and an echo"),
        ("\"spoil\": 1", "\"spoil\": 2000000000}, {\"spoil\": 1", ""),
        ("\"invert\"", "\"revert\"", "revert"),
    ] {
        let result = Sequence::from_json(&text.replace(from, to));
        match word {
            "" => assert!(result.is_ok(), "what no echo follows costs nothing"),
            word => assert!(result.expect_err("invalid").to_string().contains(word)),
        }
    }
    let quadrature = vec![pulse(30.0, 0.0), ECHO, Step::WaitS(1.0), pulse(30.0, 90.0), ECHO];
    let message = Sequence::of_steps(quadrature).expect_err("two phases").to_string();
    assert!(message.contains("same phase"), "{message}");
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-3.2f64..3.2, -3.2f64..3.2).prop_map(|(angle_rad, phase_rad)| Step::Pulse { angle_rad, phase_rad }),
        1 => Just(Step::Invert),
        3 => (0.0f64..0.1).prop_map(Step::WaitS),
        2 => (-3i32..4).prop_map(Step::Spoil),
        2 => (-3.2f64..3.2).prop_map(|phase_rad| Step::Echo { phase_rad }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn any_steps_are_the_isochromat_sum(
        steps in prop::collection::vec(any_step(), 1..40),
        (t1, share, b1) in (0.02f64..5.0, 0.01f64..1.0, 0.5f64..1.5),
    ) {
        let tissue = Tissue { t1_s: t1, t2_s: t1 * share, b1 };
        let Ok(sequence) = super::PlayedSequence::new(steps.clone()) else { return Ok(()) };
        let signal = super::complex_signal(&sequence, tissue);
        let expected = isochromat_sum(&steps, tissue);
        for (found, [real, imaginary]) in signal.iter().zip(expected) {
            prop_assert!((found.re - real).abs() < 1e-8 && (found.im - imaginary).abs() < 1e-8, "{found} {real} {imaginary}");
        }
    }
}

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use diph_core::Error;
use proptest::prelude::*;

use super::*;

fn sequence(flips: Vec<f64>, tr: f64, te: f64, ti: f64) -> Sequence {
    let frames = flips.len();
    Sequence::new(flips, vec![tr; frames], te, ti).expect("a valid sequence")
}

fn one(sequence: &Sequence, tissue: Tissue) -> Vec<f64> {
    EpgFisp::new(sequence.clone()).simulate(&[tissue]).expect("simulates").into_raw_vec_and_offset().0
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Magnetisation of spins that precess by 0, 1/n, 2/n, ... turns in every spoiler, one by one: the Bloch equation itself. As
/// long as n exceeds twice the number of frames, the mean over the spins is the exact signal of a spoiled voxel.
fn isochromat_sum(sequence: &Sequence, tissue: Tissue) -> Vec<f64> {
    let spins = 2 * sequence.frames() + 1;
    let Tissue { t1_s, t2_s, b1 } = tissue;
    let start = if sequence.inversion() { 1.0 - 2.0 * (-sequence.ti_s() / t1_s).exp() } else { 1.0 };
    let mut magnetisation = vec![[0.0, 0.0, start]; spins];
    let mut signal = Vec::new();
    for (&flip, &tr) in sequence.flip_angle_rad().iter().zip(sequence.tr_s()) {
        let (sin, cos) = (b1 * flip).sin_cos();
        let (e1, e2) = ((-tr / t1_s).exp(), (-tr / t2_s).exp());
        let mut sum = 0.0;
        for (spin, [x, y, z]) in magnetisation.iter_mut().enumerate() {
            (*y, *z) = (cos * *y + sin * *z, cos * *z - sin * *y);
            sum += *y;
            let (turn_sin, turn_cos) = (TAU * spin as f64 / spins as f64).sin_cos();
            (*x, *y) = (e2 * (turn_cos * *x - turn_sin * *y), e2 * (turn_sin * *x + turn_cos * *y));
            *z = 1.0 - e1 + e1 * *z;
        }
        signal.push(sum / spins as f64 * (-sequence.te_s() / t2_s).exp());
    }
    signal
}

#[test]
fn inversion_recovery() {
    for (t1, t2, ti) in [(0.3, 0.05, 0.02), (1.2, 0.1, 0.7), (4.0, 2.0, 3.0)] {
        let signal = one(&sequence(vec![FRAC_PI_2], 0.01, 0.002, ti), Tissue::new(t1, t2));
        let expected = (1.0 - 2.0 * (-ti / t1).exp()) * (-0.002 / t2).exp();
        assert!((signal[0] - expected).abs() < 1e-14);
    }
}

#[test]
fn saturation_recovery() {
    // After 90 degrees nothing longitudinal is left; at short T2 nothing transverse either when the next pulse comes.
    let (t1, tr) = (0.8, 0.1);
    let signal = one(&sequence(vec![FRAC_PI_2; 4], tr, 0.0, 0.0).without_inversion(), Tissue::new(t1, 0.001));
    assert!((signal[0] - 1.0).abs() < 1e-14);
    signal[1..].iter().for_each(|value| assert!((value - (1.0 - (-tr / t1).exp())).abs() < 1e-14));
}

#[test]
fn spin_echo() {
    // 90 - 180 with a spoiler cycle on both sides: the transverse magnetisation returns, turned, just before the third pulse,
    // and a third pulse of 0 reads it. The recovering longitudinal part is inverted once and never excited.
    let (t2, tr) = (0.05, 0.02);
    let signal = one(&sequence(vec![FRAC_PI_2, PI, 0.0], tr, 0.0, 0.0).without_inversion(), Tissue::new(1.0, t2));
    assert!((signal[0] - 1.0).abs() < 1e-14);
    assert!(signal[1].abs() < 1e-14);
    assert!((signal[2] + (-2.0 * tr / t2).exp()).abs() < 1e-14);
}

#[test]
fn hahn_echo_of_any_pair_of_pulses() {
    // Magnitude sin(a1) sin^2(a2 / 2) exp(-2 TR / T2) at the echo (Hahn 1950).
    let (a1, a2, t2, tr) = (0.6, 1.1, 0.07, 0.015);
    let signal = one(&sequence(vec![a1, a2, 0.0], tr, 0.0, 0.0).without_inversion(), Tissue::new(1.5, t2));
    let echo = f64::sin(a1) * f64::sin(a2 / 2.0).powi(2) * (-2.0 * tr / t2).exp();
    assert!((signal[2] + echo).abs() < 1e-14);
}

#[test]
fn echoes_of_every_pathway_are_the_isochromat_sum() {
    let sequence = Sequence::fisp_cut(3).expect("a cut");
    for tissue in [Tissue::new(0.9, 0.05), Tissue::new(4.5, 3.0), Tissue { t1_s: 1.4, t2_s: 0.1, b1: 0.83 }] {
        let difference = largest_difference(&one(&sequence, tissue), &isochromat_sum(&sequence, tissue));
        assert!(difference < 1e-10, "{tissue:?}: {difference:e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_sequence_is_the_isochromat_sum(
        frames in prop::collection::vec((-3.2f64..3.2, 0.004f64..0.05), 1..40),
        (t1, share, b1, ti) in (0.02f64..5.0, 0.01f64..1.0, 0.5f64..1.5, 0.0f64..1.0),
    ) {
        let (flips, tr): (Vec<_>, Vec<_>) = frames.into_iter().unzip();
        let sequence = Sequence::new(flips, tr, 0.003, ti).expect("a valid sequence");
        let tissue = Tissue { t1_s: t1, t2_s: t1 * share, b1 };
        prop_assert!(largest_difference(&one(&sequence, tissue), &isochromat_sum(&sequence, tissue)) < 1e-9);
    }
}

/// Extremes of T1 and T2, ordered so that one block holds very different ones.
fn extremes() -> Vec<Tissue> {
    let mut tissues = Vec::new();
    for t1 in [0.02, 0.1, 0.5, 1.5, 3.0, 6.0] {
        for share in [0.001, 0.01, 0.05, 0.2, 0.6, 1.0] {
            tissues.push(Tissue { t1_s: t1, t2_s: t1 * share, b1: 1.0 + share - t1 / 10.0 });
        }
    }
    tissues
}

#[test]
fn dropped_orders_change_no_signal() {
    for sequence in [Sequence::fisp(), Sequence::deli_cs(), sequence(vec![0.02; 400], 0.005, 0.002, 0.02)] {
        let dropping = EpgFisp::new(sequence.clone());
        let complete = EpgFisp { sequence, negligible: 0.0 };
        let tissues = extremes();
        let (a, b) = (dropping.simulate(&tissues).expect("simulates"), complete.simulate(&tissues).expect("simulates"));
        for ((a, b), tissue) in a.outer_iter().zip(b.outer_iter()).zip(&tissues) {
            let change = (&a - &b).mapv(|x| x * x).sum().sqrt() / b.mapv(|x| x * x).sum().sqrt();
            assert!(change < 1e-8, "{tissue:?}: {change:e}");
        }
    }
}

#[test]
fn a_tissue_answers_the_same_alone_and_in_company() {
    let sequence = Sequence::fisp_cut(3).expect("a cut");
    let tissues = extremes();
    let together = EpgFisp::new(sequence.clone()).simulate(&tissues).expect("simulates");
    for (tissue, row) in tissues.iter().zip(together.outer_iter()) {
        assert!(largest_difference(&one(&sequence, *tissue), row.as_slice().expect("a row")) < 1e-9);
    }
}

#[test]
fn b1_scales_the_flip_angles() {
    let flips: Vec<f64> = (0..60).map(|frame| 0.01 * f64::from(frame)).collect();
    let scaled = sequence(flips.iter().map(|flip| 0.7 * flip).collect(), 0.01, 0.002, 0.02);
    let tissue = Tissue { t1_s: 1.0, t2_s: 0.1, b1: 0.7 };
    let difference =
        largest_difference(&one(&sequence(flips, 0.01, 0.002, 0.02), tissue), &one(&scaled, Tissue::new(1.0, 0.1)));
    assert!(difference < 1e-14);
}

#[test]
fn impossible_tissues_are_refused() {
    let epg = EpgFisp::new(Sequence::fisp_cut(4).expect("a cut"));
    for tissue in [Tissue::new(0.0, 0.1), Tissue::new(1.0, f64::NAN), Tissue { t1_s: 1.0, t2_s: 0.1, b1: -1.0 }] {
        assert!(matches!(epg.simulate(&[Tissue::new(1.0, 0.1), tissue]), Err(Error::Parameter { .. })));
    }
    assert_eq!(epg.simulate(&[]).expect("nothing to do").dim(), (0, 100));
}

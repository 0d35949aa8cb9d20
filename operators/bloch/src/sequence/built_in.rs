//! Schedules that come with Diph.

use std::f64::consts::{PI, TAU};

use diph_core::{Error, Result};

use super::{OPERATION, Sequence};

/// Peaks of the lobes of the built-in schedule (degrees). Neighbours differ, so that every cut of [`Sequence::CUTS`]
/// meets both small and large angles and the signal keeps returning from saturation.
const LOBE_PEAKS_DEG: [f64; 10] = [40.0, 70.0, 25.0, 60.0, 15.0, 45.0, 70.0, 30.0, 55.0, 20.0];
const LOBE_FRAMES: usize = 100;
const LOBE_FLOOR_DEG: f64 = 5.0;

impl Sequence {
    /// Number of frames of the cuts 0 to 4 of a 1000-frame acquisition.
    pub const CUTS: [usize; 5] = [1000, 500, 300, 200, 100];

    /// The built-in inversion-prepared FISP schedule of 1000 frames, in the manner of Jiang et al. (2015): flip angles
    /// in sinusoidal lobes between 5 and 70 degrees, TR varying smoothly between 11.5 and 14.5 ms, TE 2 ms, TI 20 ms.
    pub fn fisp() -> Self {
        let flips = LOBE_PEAKS_DEG
            .iter()
            .flat_map(|peak| {
                (0..LOBE_FRAMES).map(move |frame| {
                    let height = (PI * (frame as f64 + 0.5) / LOBE_FRAMES as f64).sin();
                    (LOBE_FLOOR_DEG + (peak - LOBE_FLOOR_DEG) * height).to_radians()
                })
            })
            .collect::<Vec<_>>();
        let tr_s = (0..flips.len())
            .map(|frame| {
                0.013 + 0.001 * (TAU * frame as f64 / 167.0).sin() + 0.0005 * (TAU * frame as f64 / 71.0).sin()
            })
            .collect();
        built(flips, tr_s, 0.002)
    }

    /// The cut `cut` (0 to 4) of [`Sequence::fisp`]: its first 1000, 500, 300, 200 or 100 frames.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such cut.
    pub fn fisp_cut(cut: usize) -> Result<Self> {
        let Some(frames) = Self::CUTS.get(cut) else {
            return Err(Error::parameter(OPERATION, "cut", "0, 1, 2, 3 or 4", cut));
        };
        Self::fisp().truncated(*frames)
    }

    /// The public Deli-CS schedule of 500 frames: a ramp of 84 frames up to 25 degrees, 40 flat, 84 down; 84 up to
    /// 75 degrees, 84 down; the rest at 8.3333 degrees. TR 12 ms, TE 0.7 ms, TI 20 ms. The ramps are linear, frame i of
    /// 84 at (i + 1) / 84 of the peak.
    pub fn deli_cs() -> Self {
        let ramp = |peak: f64| (1..=84).map(move |frame| peak * f64::from(frame) / 84.0);
        let flips_deg = ramp(25.0)
            .chain([25.0; 40])
            .chain(ramp(25.0).rev())
            .chain(ramp(75.0))
            .chain(ramp(75.0).rev())
            .chain([8.3333; 124]);
        built(flips_deg.map(f64::to_radians).collect(), vec![0.012; 500], 0.0007)
    }
}

/// A built-in schedule: 20 ms after a perfect inversion. Its rules hold by construction (and by test).
fn built(flip_angle_rad: Vec<f64>, tr_s: Vec<f64>, te_s: f64) -> Sequence {
    let file = super::SequenceFile { flip_angle_rad, tr_s, te_s, ti_s: 0.02, inversion: true };
    Sequence { file, played: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_the_rules(sequence: &Sequence) {
        Sequence::from_json(&sequence.to_json()).expect("a valid sequence");
    }

    #[test]
    fn fisp_is_valid_smooth_and_cut() {
        let sequence = Sequence::fisp();
        keeps_the_rules(&sequence);
        let step = |values: &[f64]| values.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
        assert!(step(sequence.flip_angle_rad()).to_degrees() < 3.0);
        assert!(step(sequence.tr_s()) < 1e-4);
        assert!(sequence.tr_s().iter().all(|tr| (0.0115..=0.0145).contains(tr)));
        for (cut, frames) in Sequence::CUTS.into_iter().enumerate() {
            let cut = Sequence::fisp_cut(cut).expect("a cut");
            assert_eq!(cut.frames(), frames);
            assert_eq!(cut.flip_angle_rad(), &sequence.flip_angle_rad()[..frames]);
        }
        assert!(matches!(Sequence::fisp_cut(5), Err(Error::Parameter { .. })));
    }

    #[test]
    fn deli_cs_has_its_published_corners() {
        let sequence = Sequence::deli_cs();
        keeps_the_rules(&sequence);
        assert_eq!(sequence.frames(), 500);
        for (frame, degrees) in
            [(83, 25.0), (123, 25.0), (124, 25.0), (291, 75.0), (292, 75.0), (376, 8.3333), (499, 8.3333)]
        {
            assert!((sequence.flip_angle_rad()[frame].to_degrees() - degrees).abs() < 1e-9, "frame {frame}");
        }
    }
}

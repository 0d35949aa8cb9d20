//! What a Pulseq sequence is, in words.

use std::path::Path;

use diph_pulseq::{Playback, PlayedPulse, PulseUse};

use super::{FileDescription, quoted};
use crate::Result;
use crate::measurement::read_pulseq;

pub(super) fn of_sequence(path: &Path) -> Result<FileDescription> {
    let file = read_pulseq(path)?;
    let play = Playback::of(&file);
    let mut description = FileDescription::new(format!("Pulseq sequence of version {}", file.version));
    for name in ["Name", "FOV", "TE", "TR", "TI"] {
        if let Some(value) = file.definitions.get(name) {
            description.fact(&format!("definition {name}"), value);
        }
    }
    description.fact("blocks", file.blocks.len());
    description.fact("length", format!("{:.3} s", play.duration()));
    let waiting = file.blocks.iter().filter(|block| block.waits_for_trigger).count();
    if waiting > 0 {
        description.fact("blocks that wait for a trigger", format!("{waiting}; the wait is taken as no time"));
    }
    let of_use = |purpose| play.pulses().iter().filter(move |pulse| pulse.purpose == purpose).collect::<Vec<_>>();
    for (purpose, name) in [
        (PulseUse::Excitation, "excitations"),
        (PulseUse::Refocusing, "refocusing pulses"),
        (PulseUse::Inversion, "inversions"),
        (PulseUse::Saturation, "saturations"),
        (PulseUse::Preparation, "pulses of preparations"),
        (PulseUse::Other, "other pulses"),
        (PulseUse::Undefined, "pulses without a stated use"),
    ] {
        let pulses = of_use(purpose);
        if !pulses.is_empty() {
            description.fact(name, format!("{}, {}", pulses.len(), angles(&pulses)));
        }
    }
    let imaging: Vec<_> = play.readouts().iter().filter(|readout| readout.is_imaging).collect();
    description.fact("readouts of the image", imaging.len());
    description.fact("readouts of noise", play.readouts().len() - imaging.len());
    if let Some(first) = imaging.first() {
        description.fact("samples", first.adc.samples);
        description.fact("dwell time", format!("{:.3} µs", first.adc.dwell * 1e6));
        let most = imaging
            .iter()
            .flat_map(|readout| play.positions(readout))
            .fold([0.0f64; 3], |most, position| std::array::from_fn(|axis| most[axis].max(position[axis].abs())));
        description.fact("largest |kx|, |ky|, |kz|", format!("{:.2}, {:.2}, {:.2} 1/m", most[0], most[1], most[2]));
        let pulse = play.pulses().iter().rev().find(|pulse| pulse.time <= first.start);
        if let Some(pulse) = pulse {
            let echo = play.echo_time(first) - pulse.time;
            description.fact("first echo", format!("{:.3} ms after its pulse", echo * 1e3));
        }
    }
    if !file.ignored.is_empty() {
        description.fact("extensions that are not used", file.ignored.join(", "));
    }
    description.missing = vec!["k-space".into()];
    let name = quoted(&path.display().to_string());
    description.command = Some(format!(
        "diph recon --kspace KSPACE.npy --trajectory {name} --sequence {name} --image-size HEIGHTxWIDTH --method lrtv --out results"
    ));
    Ok(description)
}

/// The range of flip angles.
fn angles(pulses: &[&PlayedPulse]) -> String {
    if pulses.iter().all(|pulse| pulse.is_adiabatic) && !pulses.is_empty() {
        return "adiabatic".into();
    }
    let degrees = pulses.iter().map(|pulse| pulse.angle.to_degrees());
    let (least, most) = (degrees.clone().fold(f64::INFINITY, f64::min), degrees.fold(0.0, f64::max));
    match most - least < 0.05 {
        true => format!("{most:.1} degrees"),
        false => format!("{least:.1} to {most:.1} degrees"),
    }
}

//! The protocol of a measurement: lines `name = value` between two marks.

use std::collections::BTreeMap;

use crate::ismrmrd::{Encoding, EncodingLimit, EncodingSpace, IsmrmrdHeader};

/// The part of the header that holds the protocol as it was measured; others may hold one from before.
const PART: &[u8] = b"MeasYaps\0";
const BEGIN: &[u8] = b"### ASCCONV BEGIN";
const END: &[u8] = b"### ASCCONV END";

/// Values by name, for example `sKSpace.lBaseResolution`.
pub(super) struct Protocol(BTreeMap<String, String>);

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    bytes.get(at + mark.len()..)
}

impl Protocol {
    /// The protocol in the header of a measurement; `None` where there is none.
    pub(super) fn find(header: &[u8]) -> Option<Self> {
        let part = after(header, PART).unwrap_or(header);
        let begun = after(part, BEGIN)?;
        let length = begun.windows(END.len()).position(|window| window == END).unwrap_or(begun.len());
        let text = String::from_utf8_lossy(&begun[..length]);
        let pairs = text.lines().skip(1).filter_map(|line| line.split_once('='));
        Some(Self(pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()))
    }

    fn number(&self, name: &str) -> Option<f64> {
        let value = self.0.get(name)?;
        let number = match value.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
            None => value.parse::<f64>().ok(),
        };
        number.filter(|number| number.is_finite())
    }

    fn count(&self, name: &str) -> Option<usize> {
        // Casts saturate, and sides are checked by whoever makes an image of them.
        self.number(name).filter(|number| *number >= 0.0).map(|number| number as usize)
    }

    /// The entries of a list, from the first on.
    fn list(&self, name: &str) -> Vec<f64> {
        (0..).map_while(|index| self.number(&format!("{name}[{index}]"))).collect()
    }

    /// Time between two samples in seconds.
    pub(super) fn dwell_time(&self) -> f64 {
        self.number("sRXSPEC.alDwellTime[0]").unwrap_or(0.0) * 1e-9
    }

    /// The protocol in the words of ISMRMRD. `samples` is the length of a readout, which is longer than the image's side where the
    /// scanner samples more densely; `center` are line and partition in the middle of k-space.
    pub(super) fn header(&self, samples: usize, center: [usize; 2], receivers: usize) -> IsmrmrdHeader {
        const VOLUME: f64 = 4.0;
        let side = |name: &str| self.count(&format!("sKSpace.{name}")).unwrap_or(0);
        let of_slice = |name: &str| self.number(&format!("sSliceArray.asSlice[0].{name}")).unwrap_or(0.0);
        let (base, lines) = (side("lBaseResolution"), side("lPhaseEncodingLines"));
        let is_volume = self.number("sKSpace.ucDimension") == Some(VOLUME);
        let partitions = if is_volume { side("lPartitions") } else { 1 };
        let (read, phase, depth) = (of_slice("dReadoutFOV"), of_slice("dPhaseFOV"), of_slice("dThickness"));
        let oversampling = if base > 0 { samples as f64 / base as f64 } else { 1.0 };
        let height = if read > 0.0 { (base as f64 * phase / read).round() as usize } else { base };
        let limit = |count: usize, center| EncodingLimit { minimum: 0, maximum: count.saturating_sub(1), center };
        let milliseconds = |name: &str| self.list(name).into_iter().map(|time| time / 1000.0).collect();
        let trajectory = match self.count("sKSpace.ucTrajectory") {
            Some(1) => "cartesian",
            Some(2) => "radial",
            Some(4) => "spiral",
            _ => "other",
        };
        IsmrmrdHeader {
            resonance_frequency: self.number("sTXSPEC.asNucleusInfo[0].lFrequency"),
            receivers: Some(receivers),
            encodings: vec![Encoding {
                encoded: EncodingSpace {
                    matrix: [samples, lines, partitions],
                    field_of_view: [read * oversampling, phase, depth],
                },
                recon: EncodingSpace { matrix: [base, height, partitions], field_of_view: [read, phase, depth] },
                step_1: Some(limit(lines, center[0])),
                step_2: Some(limit(partitions, center[1])),
                trajectory: trajectory.into(),
            }],
            repetition_times: milliseconds("alTR"),
            echo_times: milliseconds("alTE"),
            inversion_times: milliseconds("alTI"),
            flip_angles: self.list("adFlipAngleDegree"),
            sequence: self.0.get("tSequenceFileName").map(|name| name.trim_matches('"').to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_between_the_marks() {
        let text = "MeasYaps\0....\n### ASCCONV BEGIN object=MrProtDataImpl ###\nsKSpace.lBaseResolution\t = \t160\n\
                    sKSpace.ucDimension = 0x2\nalTR[0] = 10000\nalTR[1] = 20000\n### ASCCONV END ###\nalTR[2] = 1\n";
        let protocol = Protocol::find(text.as_bytes()).unwrap();
        assert_eq!(protocol.count("sKSpace.lBaseResolution"), Some(160));
        assert_eq!(protocol.number("sKSpace.ucDimension"), Some(2.0));
        let header = protocol.header(320, [80, 0], 2);
        assert_eq!(header.repetition_times, [10.0, 20.0]);
        assert_eq!(header.encodings[0].encoded.matrix, [320, 0, 1]);
        assert!(Protocol::find(b"nothing").is_none());
    }
}

//! From the bytes of a file to its events.

mod extensions;
mod gradients;
mod pulses;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::library::{Library, Line, sections};
use crate::{Adc, Block, Gradient, PulseqError, RfPulse, Version, shape};
use extensions::Extensions;

/// Samples that all shapes of a file may have for every byte of it: a line of ten bytes stands for thousands in a block pulse.
const SAMPLES_PER_BYTE: usize = 1000;

/// The longest readout.
const MOST_SAMPLES: u32 = 1 << 22;

/// Shapes of a file by their numbers.
type Shapes = Library<Vec<f64>>;

/// A sequence file.
///
/// Events that blocks share are kept once; a block holds their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PulseqFile {
    /// Version of the format.
    pub version: Version,
    /// Definitions by name, for example `FOV`.
    pub definitions: BTreeMap<String, String>,
    /// The blocks in the order in which they are played.
    pub blocks: Vec<Block>,
    /// RF pulses.
    pub pulses: Vec<RfPulse>,
    /// Gradients.
    pub gradients: Vec<Gradient>,
    /// Readouts.
    pub adcs: Vec<Adc>,
    /// Kind and value of the signature, where the file is signed. It is not checked.
    pub signature: Option<(String, String)>,
    /// Extensions that are in the file and change nothing here, by their names.
    pub ignored: Vec<String>,
}

/// Steps of time of a file in seconds.
pub(crate) struct Rasters {
    gradient: f64,
    pulse: f64,
    block: f64,
}

/// What has been read of a file before its blocks.
struct Events {
    version: Version,
    rasters: Rasters,
    pulses: Library<RfPulse>,
    gradients: Library<Gradient>,
    adcs: Library<Adc>,
    /// Delays in seconds, which files before version 1.4 have.
    delays: Library<f64>,
    extensions: Extensions,
}

impl PulseqFile {
    /// Reads a file. Memory is bounded by its length: shapes that unpack to more than a thousand samples for every byte of the file
    /// are refused, and so are readouts of more than four million samples.
    ///
    /// # Errors
    /// [`PulseqError`], with the number of the line.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let sections = sections(&text);
        let of = |name: &str| {
            let named = sections.iter().filter(move |(section, _)| *section == name);
            named.flat_map(|(_, lines)| lines.iter().copied()).collect::<Vec<Line<'_>>>()
        };
        let version = version(&of("[VERSION]"))?;
        let definitions = definitions(&of("[DEFINITIONS]"));
        let rasters = Rasters::of(&definitions)?;
        let shapes = shapes(&of("[SHAPES]"), version, bytes.len())?;
        let mut gradients = gradients::arbitrary(&of("[GRADIENTS]"), version, &rasters, &shapes)?;
        gradients.extend(gradients::trapezoids(&of("[TRAP]"))?);
        let events = Events {
            pulses: pulses::pulses(&of("[RF]"), version, &rasters, &shapes)?,
            adcs: adcs(&of("[ADC]"), version)?,
            delays: delays(&of("[DELAYS]"))?,
            extensions: Extensions::read(&of("[EXTENSIONS]"), &sections)?,
            version,
            rasters,
            gradients,
        };
        let signature = self::definitions(&of("[SIGNATURE]"));
        let signature = signature.get("Type").zip(signature.get("Hash"));
        let signature = signature.map(|(kind, hash)| (kind.clone(), hash.clone()));
        events.into_file(&of("[BLOCKS]"), definitions, signature)
    }

    /// Numbers of a definition, for example the three sides of `FOV` in metres; `None` where it is missing or no list of numbers.
    pub fn numbers(&self, definition: &str) -> Option<Vec<f64>> {
        numbers(self.definitions.get(definition)?)
    }
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    let finite = |word: &str| word.parse::<f64>().ok().filter(|number| number.is_finite());
    text.split_ascii_whitespace().map(finite).collect()
}

fn version(lines: &[Line<'_>]) -> Result<Version> {
    let mut version = Version::default();
    for line in lines {
        let [name, value] = line.words("name, number")?;
        // Development versions have names behind the number: `2post1`.
        let digits = value.split(|character: char| !character.is_ascii_digit()).next().unwrap_or_default();
        let number = line.whole(digits)?;
        match name {
            "major" => version.major = number,
            "minor" => version.minor = number,
            _ => version.revision = number,
        }
    }
    match (lines.is_empty(), version.major, version.minor) {
        (true, ..) => Err(PulseqError::Version("a file without [VERSION]".into())),
        (false, 1, 2..=5) => Ok(version),
        _ => Err(PulseqError::Version(version.to_string())),
    }
}

fn definitions(lines: &[Line<'_>]) -> BTreeMap<String, String> {
    let parts = lines.iter().map(|line| line.text.split_once(char::is_whitespace).unwrap_or((line.text, "")));
    parts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

impl Rasters {
    /// Those of the definitions; what a file before version 1.4 leaves out are the usual ones of Siemens.
    fn of(definitions: &BTreeMap<String, String>) -> Result<Self> {
        let step = |name: &str, usual: f64| match definitions.get(name) {
            None => Ok(usual),
            Some(text) => match numbers(text).as_deref() {
                Some([step]) if *step > 0.0 && *step < 1.0 => Ok(*step),
                _ => Err(PulseqError::line(0, format!("{name} in seconds"), text.clone())),
            },
        };
        Ok(Self {
            gradient: step("GradientRasterTime", 10e-6)?,
            pulse: step("RadiofrequencyRasterTime", 1e-6)?,
            block: step("BlockDurationRaster", 10e-6)?,
        })
    }
}

fn shapes(lines: &[Line<'_>], version: Version, bytes: usize) -> Result<Shapes> {
    let most = bytes.saturating_mul(SAMPLES_PER_BYTE);
    let (mut shapes, mut total) = (Shapes::new(), 0usize);
    let starts = |line: &Line<'_>| line.text.to_ascii_lowercase().starts_with("shape_id");
    for group in lines.chunk_by(|_, next| !starts(next)) {
        let [head, count, values @ ..] = group else {
            let line = group.first().map_or(0, |line| line.number);
            return Err(PulseqError::line(line, "shape_id and num_samples", "the end of the section"));
        };
        let [_, id] = head.words("shape_id, number")?;
        let [_, samples] = count.words("num_samples, number")?;
        let samples = count.whole(samples)? as usize;
        total = total.saturating_add(samples);
        if total > most {
            let (line, count) = (count.number, total.to_string());
            return Err(PulseqError::TooMuch { line, what: "samples of shapes", count, most });
        }
        let values = values.iter().map(|line| line.number(line.text)).collect::<Result<Vec<f64>>>()?;
        // From version 1.4 on, a shape that has not become shorter is written as it is.
        let values = match version.minor >= 4 && values.len() == samples {
            true => values,
            false => shape::decompress(&values, samples).ok_or_else(|| {
                PulseqError::line(count.number, "as many values as the shape has samples", count.text)
            })?,
        };
        shapes.insert(head.whole(id)?, values);
    }
    Ok(shapes)
}

fn adcs(lines: &[Line<'_>], version: Version) -> Result<Library<Adc>> {
    let read = |line: &Line<'_>| -> Result<(u32, Adc)> {
        let [id, samples, dwell, delay, frequency, phase] = match version.minor {
            5 => {
                let [id, samples, dwell, delay, _, _, frequency, phase, _] =
                    line.words("id, samples, dwell, delay, two ppm, frequency, phase, phase shape")?;
                [id, samples, dwell, delay, frequency, phase]
            }
            _ => line.words("id, samples, dwell, delay, frequency, phase")?,
        };
        let count = line.whole(samples)?;
        if count > MOST_SAMPLES {
            let (what, count, most) = ("a readout", count.to_string(), MOST_SAMPLES as usize);
            return Err(PulseqError::TooMuch { line: line.number, what, count, most });
        }
        let adc = Adc {
            samples: count as usize,
            dwell: line.amount(dwell)? * 1e-9,
            delay: line.amount(delay)? * 1e-6,
            frequency: line.number(frequency)?,
            phase: line.number(phase)?,
        };
        Ok((line.whole(id)?, adc))
    };
    lines.iter().map(read).collect()
}

fn delays(lines: &[Line<'_>]) -> Result<Library<f64>> {
    let read = |line: &Line<'_>| {
        let [id, delay] = line.words("id, delay")?;
        Ok((line.whole(id)?, line.amount(delay)? * 1e-6))
    };
    lines.iter().map(read).collect()
}

/// Events of a library in a list, and the place of each.
fn placed<T>(library: Library<T>) -> (Library<usize>, Vec<T>) {
    let (mut places, mut events) = (Library::new(), Vec::with_capacity(library.len()));
    for (id, event) in library {
        places.insert(id, events.len());
        events.push(event);
    }
    (places, events)
}

impl Events {
    fn into_file(
        self,
        lines: &[Line<'_>],
        definitions: BTreeMap<String, String>,
        signature: Option<(String, String)>,
    ) -> Result<PulseqFile> {
        let (pulse_at, pulses) = placed(self.pulses);
        let (gradient_at, gradients) = placed(self.gradients);
        let (adc_at, adcs) = placed(self.adcs);
        let ignored = self.extensions.ignored().to_vec();
        let (version, signature) = (self.version, signature);
        let mut file = PulseqFile { version, definitions, pulses, gradients, adcs, signature, ignored, blocks: vec![] };
        let has_extensions = version > Version { major: 1, minor: 2, revision: 1 };
        for line in lines {
            let words = match has_extensions {
                true => line.words::<8>("block, duration or delay, rf, gx, gy, gz, adc, extension")?.to_vec(),
                false => line.words::<7>("block, delay, rf, gx, gy, gz, adc")?.to_vec(),
            };
            let ids = words.iter().map(|word| line.whole(word)).collect::<Result<Vec<u32>>>()?;
            let find = |places: &Library<usize>, kind, id| match id {
                0 => Ok(None),
                id => line.event(places, kind, id).map(|place| Some(*place)),
            };
            let mut block = Block {
                duration: f64::from(ids[1]) * self.rasters.block,
                pulse: find(&pulse_at, "rf", ids[2])?,
                gradients: [
                    find(&gradient_at, "gradient", ids[3])?,
                    find(&gradient_at, "gradient", ids[4])?,
                    find(&gradient_at, "gradient", ids[5])?,
                ],
                adc: find(&adc_at, "adc", ids[6])?,
                ..Block::default()
            };
            if version.minor < 4 {
                let delay = if ids[1] == 0 { 0.0 } else { *line.event(&self.delays, "delay", ids[1])? };
                block.duration = file.longest_event(&block).max(delay);
            }
            if let Some(id) = ids.get(7).filter(|id| **id != 0) {
                self.extensions.apply(line, *id, &mut block)?;
            }
            file.blocks.push(block);
        }
        if file.blocks.is_empty() {
            return Err(PulseqError::Empty);
        }
        if version.minor < 5 {
            file.connect_gradients();
        }
        Ok(file)
    }
}

impl PulseqFile {
    /// When the last event of a block ends: the length of blocks before version 1.4.
    fn longest_event(&self, block: &Block) -> f64 {
        let gradients = block.gradients.iter().flatten().map(|at| self.gradients[*at].end());
        let pulse = block.pulse.map(|at| self.pulses[at].end());
        let adc = block.adc.map(|at| self.adcs[at]).map(|adc| adc.delay + adc.samples as f64 * adc.dwell);
        gradients.chain(pulse).chain(adc).fold(0.0, f64::max)
    }

    /// Gradients of versions before 1.5 do not say where they start: where the one before ended, as pypulseq has it. Those that
    /// several blocks share take it from the first.
    fn connect_gradients(&mut self) {
        /// Less than any step of time.
        const AT_THE_END: f64 = 1e-9;
        let mut ended_at = [0.0; 3];
        for block in &self.blocks {
            for (ended_at, at) in ended_at.iter_mut().zip(block.gradients) {
                let Some(gradient) = at.and_then(|at| self.gradients.get_mut(at)) else {
                    *ended_at = 0.0;
                    continue;
                };
                if gradient.follows {
                    gradient.start_at(if gradient.begin() > 0.0 { 0.0 } else { *ended_at });
                }
                let reaches_end = gradient.end() + AT_THE_END >= block.duration;
                *ended_at = if reaches_end { gradient.last() } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests;

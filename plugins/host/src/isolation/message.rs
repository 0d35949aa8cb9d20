//! What host and worker say to each other.

use std::io::{self, Read, Write};

use diph_core::{Error, MemoryEstimate, Parameter, Rng, ScheduleEntry, Space};
use rand::SeedableRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Descriptor, ElementType, Facts};

/// Longest message; numbers of tensors are not part of it.
pub(crate) const LONGEST: usize = 16 << 20;

/// Form of a tensor in the shared memory. Tensors lie there in the order of the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TensorForm {
    pub(crate) dtype: ElementType,
    pub(crate) shape: Vec<usize>,
}

impl TensorForm {
    pub(crate) fn complex(shape: &[usize]) -> Self {
        Self { dtype: ElementType::C64, shape: shape.to_vec() }
    }

    pub(crate) fn real(shape: &[usize]) -> Self {
        Self { dtype: ElementType::F32, shape: shape.to_vec() }
    }

    /// Number of elements; `None` where no memory holds so many.
    pub(crate) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |product, length| product.checked_mul(*length))
    }

    pub(crate) fn bytes(&self) -> Option<usize> {
        self.count()?.checked_mul(self.dtype.bytes())
    }
}

/// From what a part is created. The values of the arrays lie in the shared memory, but for estimates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Creation {
    pub(crate) id: String,
    pub(crate) options: Value,
    pub(crate) facts: Facts,
    pub(crate) arrays: Vec<(String, TensorForm)>,
}

/// What a host asks. A worker answers every request once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Open the library.
    Open,
    Memory {
        creation: Creation,
        uses_normal: bool,
    },
    Time {
        creation: Creation,
        calls: u64,
    },
    Create {
        part: u64,
        creation: Creation,
    },
    Destroy {
        part: u64,
    },
    Call {
        part: u64,
        call: Call,
        tensors: Vec<TensorForm>,
    },
}

/// A call of a part, with its tensors in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Call {
    /// Input, result.
    Map(Map),
    /// The matrices.
    Symbol,
    /// The square roots.
    DataWeights,
    /// Noisy images, the condition images of each context, clean images.
    Denoise { sigma: f32, contexts: Vec<Context> },
    /// No tensor.
    NoiseSchedule { steps: usize },
    /// The matrices.
    GaussianRoot { coefficients: usize, image: Vec<usize> },
    /// Image, result; with maps also values and amplitude.
    Project { maps: bool },
    /// Images in the order of the inputs; where wanted the image, values and amplitude.
    Estimate { image: bool, maps: bool },
}

/// A linear map of an operator.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Map {
    Forward,
    Adjoint,
    Normal,
    Inverse { rho: f32 },
    Precondition { rho: f32 },
}

/// What a prior may look at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Context {
    pub(crate) schedule: Option<Entry>,
    pub(crate) conditions: Vec<String>,
    pub(crate) generator: Generator,
}

/// Index, timestep and abar of an entry of a noise schedule.
pub(crate) type Entry = (usize, usize, f64);

pub(crate) fn entry(entry: &ScheduleEntry) -> Entry {
    (entry.index, entry.timestep, entry.abar)
}

pub(crate) fn schedule_entry((index, timestep, abar): Entry) -> ScheduleEntry {
    ScheduleEntry { index, timestep, abar }
}

/// The whole state of a generator of random numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generator {
    seed: [u8; 32],
    stream: u64,
    /// Upper and lower half of the number of words that were drawn.
    position: (u64, u64),
}

impl Generator {
    pub(crate) fn of(rng: &Rng) -> Self {
        let position = rng.get_word_pos();
        Self { seed: rng.get_seed(), stream: rng.get_stream(), position: ((position >> 64) as u64, position as u64) }
    }

    pub(crate) fn restore(&self) -> Rng {
        let mut rng = Rng::from_seed(self.seed);
        rng.set_stream(self.stream);
        rng.set_word_pos(u128::from(self.position.0) << 64 | u128::from(self.position.1));
        rng
    }
}

/// What a worker says: any number of words, then the answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// Component, level, message.
    Log(String, i32, String),
    /// Component, task, units done, units in all.
    Progress(String, String, u64, u64),
    Answer(Result<Answer, Failure>),
}

/// The answer to a request; tensors that a call writes lie in the shared memory.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Minor version of the interface, and the components.
    Library(u32, Vec<Descriptor>),
    Memory(Option<Parts>),
    Seconds(Option<f64>),
    Created(PartFacts),
    Done,
    /// Whether the part has what was asked for.
    Present(bool),
    /// Penalty, and what is left of the generators.
    Denoised(Option<f64>, Vec<Generator>),
    Schedule(Option<Vec<Entry>>),
    /// The energy ratio, where there are matrices.
    Root(Option<f32>),
}

/// Parts of an estimate that stay, and that are there for a while.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parts {
    kept: Vec<(String, u64)>,
    temporary: Vec<(String, u64)>,
}

impl Parts {
    pub(crate) fn of(estimate: &MemoryEstimate) -> Self {
        let owned = |(name, bytes): (&str, u64)| (name.to_owned(), bytes);
        Self {
            kept: estimate.kept_parts().map(owned).collect(),
            temporary: estimate.temporary_parts().map(owned).collect(),
        }
    }

    pub(crate) fn estimate(&self) -> MemoryEstimate {
        let kept = self.kept.iter().fold(MemoryEstimate::default(), |sum, (name, bytes)| sum.kept(name, *bytes));
        self.temporary.iter().fold(kept, |sum, (name, bytes)| sum.temporary(name, *bytes))
    }
}

/// Names and lengths of axes.
pub(crate) type Axes = Vec<(String, usize)>;

pub(crate) fn axes(space: &Space) -> Axes {
    space.axes().iter().map(|axis| (axis.name.to_string(), axis.len)).collect()
}

/// What a part says of itself, never changing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum PartFacts {
    Operator { domain: Axes, range: Axes, has_inverse: bool, has_preconditioner: bool },
    Prior { spatial_axes: Vec<u32>, proximal_accuracy: Option<f32> },
    Projector { coefficients: usize, parameters: Vec<Parameter> },
    Estimator { inputs: Vec<String>, parameters: Vec<Parameter> },
}

/// Why a call failed in the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) is_cancelled: bool,
    /// What exactly is not finite: operation, role and index.
    pub(crate) not_finite: Option<(String, String, usize)>,
    pub(crate) message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let not_finite = match &error {
            Error::NotFinite { operation, role, index } => Some((operation.clone(), role.clone(), *index)),
            _ => None,
        };
        Self { is_cancelled: matches!(error, Error::Cancelled { .. }), not_finite, message: error.to_string() }
    }
}

impl Failure {
    pub(crate) fn in_words(message: impl ToString) -> Self {
        Self { is_cancelled: false, not_finite: None, message: message.to_string() }
    }

    /// The error as the host would have had it of a plugin in its own process.
    pub(crate) fn error(self, label: &str) -> Error {
        if self.is_cancelled {
            return Error::Cancelled { operation: label.into() };
        }
        if let Some((operation, role, index)) = self.not_finite {
            return Error::NotFinite { operation, role, index };
        }
        let message = self.message.strip_prefix(label).and_then(|rest| rest.strip_prefix(": "));
        Error::external(label, message.unwrap_or(&self.message))
    }
}

/// Writes a message after its length.
pub(crate) fn send(writer: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length as usize <= LONGEST);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a message of more than 16 MiB"))?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(text);
    writer.write_all(&frame)
}

/// Reads a message; `None` where the other side has gone.
pub(crate) fn receive<T: DeserializeOwned>(reader: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut text = vec![0; checked_length(length)?];
    reader.read_exact(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

/// The length that stands before a message.
pub(crate) fn checked_length(bytes: [u8; 4]) -> io::Result<usize> {
    match u32::from_le_bytes(bytes) as usize {
        length if length <= LONGEST => Ok(length),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a message of more than 16 MiB")),
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn messages_come_as_they_went() {
        let mut bytes = Vec::new();
        send(&mut bytes, &Word::Answer(Ok(Answer::Seconds(Some(0.1))))).unwrap();
        let mut reader = &bytes[..];
        let word: Word = receive(&mut reader).unwrap().unwrap();
        assert!(matches!(word, Word::Answer(Ok(Answer::Seconds(Some(seconds)))) if seconds == 0.1));
        assert!(receive::<Word>(&mut reader).unwrap().is_none(), "the end");
        assert!(receive::<Word>(&mut &u32::MAX.to_le_bytes()[..]).is_err());
        assert!(receive::<Word>(&mut &bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn a_generator_goes_on_where_it_was() {
        let mut rng = Rng::seed_from_u64(7);
        rng.set_stream(3);
        let _: [u32; 5] = std::array::from_fn(|_| rng.random());
        let state = Generator::of(&rng);
        let text = serde_json::to_string(&state).unwrap();
        let mut copy = serde_json::from_str::<Generator>(&text).unwrap().restore();
        let next = |rng: &mut Rng| -> [u64; 40] { std::array::from_fn(|_| rng.random()) };
        assert_eq!(next(&mut copy), next(&mut rng));
    }

    #[test]
    fn errors_keep_their_words() {
        let label = "plugin `lab.x` (x.so)";
        let said = Error::external(label, "forward: no memory");
        assert_eq!(
            Failure::from(Error::external(label, "forward: no memory")).error(label).to_string(),
            said.to_string()
        );
        let cancelled = Failure::from(Error::Cancelled { operation: "x".into() }).error(label);
        assert!(matches!(cancelled, Error::Cancelled { .. }));
    }
}

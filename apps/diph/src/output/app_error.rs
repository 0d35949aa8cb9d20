//! Why a command ended early.

use std::error::Error;

use diph_formats::Error as FileError;
use diph_recon::config::ConfigError;
use diph_recon::{NotEnoughMemory, ReconError, SomeSlices, named};

use super::Exit;

/// Flags whose settings bear another name in the libraries.
const FLAGS: [(&str, &str); 26] = [
    ("baseline", "--baseline"),
    ("coil_compression", "--coil-compression"),
    ("coils", "--coils"),
    ("cut", "--cut"),
    ("data.sequence", "--sequence"),
    ("data.slices", "--slices"),
    ("data.validation_vols", "--validation-vols"),
    ("data.vols", "--vols"),
    ("density_compensation", "--density-compensation"),
    ("dictionary", "--dictionary"),
    ("frame_counter", "--frame-counter"),
    ("image_size", "--image-size"),
    ("kspace_axes", "--kspace-axes"),
    ("log_results", "--report"),
    ("model_config", "--model-config"),
    ("noise", "--noise"),
    ("samples", "--samples"),
    ("sequence", "--sequence"),
    ("set_range", "--set-range"),
    ("slices", "--slices"),
    ("trajectory", "--trajectory"),
    ("trajectory_axes", "--trajectory-axes"),
    ("trajectory_columns", "--trajectory-columns"),
    ("trajectory_unit", "--trajectory-unit"),
    ("vols", "--vols"),
    ("voxel_size", "--voxel-size"),
];

/// Why a command ended early, and which flag is to blame.
///
/// `Display` gives one line with the whole chain of causes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// A flag or argument is to blame.
    #[error("{}", named(flag, source.as_ref()))]
    Usage {
        /// The flag, for example `--cut`, or the environment variable.
        flag: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An override of a configuration is to blame.
    #[error("--set {0}")]
    Override(ConfigError),
    /// The work cannot fit into memory.
    #[error("{0}, or give more with --max-memory")]
    Memory(NotEnoughMemory),
    /// Somebody's files are where results should go.
    #[error("{0}; add --force to replace it")]
    InTheWay(ReconError),
    /// A slice has no k-space.
    #[error("{0}; --simulate makes it up from the reference maps")]
    NoKspace(ReconError),
    /// A file is to blame, a step failed, or the user asked to stop.
    #[error(transparent)]
    Recon(ReconError),
    /// Another process of this program failed, or was ended by a plugin.
    #[error("{message}")]
    Process {
        /// What it said, or how it ended.
        message: String,
        /// The code that it ended with.
        exit: Exit,
    },
    /// A check found something.
    #[error("{0}")]
    Check(String),
}

impl AppError {
    /// A flag or argument that makes no sense.
    pub fn usage(flag: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Usage { flag: flag.into(), source: message.into().into() }
    }

    /// The code that the program ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::Override(_) | Self::InTheWay(_) => Exit::Usage,
            Self::Recon(error) if is_input(error) => Exit::Usage,
            Self::NoKspace(_) | Self::Recon(ReconError::File { .. } | ReconError::Config(_)) => Exit::BadInput,
            Self::Recon(ReconError::Cancelled) => Exit::Cancelled,
            Self::Recon(ReconError::SomeSlices(some)) if some.finished > 0 => Exit::PartlyFinished,
            Self::Memory(_) | Self::Recon(_) => Exit::Failure,
            Self::Process { exit, .. } => *exit,
            Self::Check(_) => Exit::CheckFailed,
        }
    }
}

/// The error of a file, whatever it is wrapped in.
fn of_file(error: &ReconError) -> Option<&FileError> {
    let ReconError::File { source, .. } = error else { return None };
    source.downcast_ref()
}

/// Whether a flag names what is read as the place to write.
fn is_input(error: &ReconError) -> bool {
    matches!(of_file(error), Some(FileError::IsInput { .. }))
}

/// Says it in the words of the command line.
impl From<ReconError> for AppError {
    fn from(error: ReconError) -> Self {
        match error {
            ReconError::Setting { setting, source } => {
                let flag = FLAGS.iter().find(|(name, _)| *name == setting).map(|(_, flag)| (*flag).to_owned());
                Self::Usage { flag: flag.unwrap_or(setting), source }
            }
            ReconError::Config(error) if error.is_of_override() => Self::Override(error),
            ReconError::Memory(error) => Self::Memory(error),
            ReconError::NoKspace { .. } => Self::NoKspace(error),
            error if matches!(of_file(&error), Some(FileError::InTheWay { .. })) => Self::InTheWay(error),
            other => Self::Recon(other),
        }
    }
}

impl From<ConfigError> for AppError {
    fn from(error: ConfigError) -> Self {
        ReconError::from(error).into()
    }
}

impl From<SomeSlices> for AppError {
    fn from(error: SomeSlices) -> Self {
        ReconError::from(error).into()
    }
}

impl From<NotEnoughMemory> for AppError {
    fn from(error: NotEnoughMemory) -> Self {
        Self::Memory(error)
    }
}

/// Blames a flag for an error of a library, where the library cannot know that there is one.
///
/// A cancelled computation stays cancelled, and an error that names a culprit already keeps it.
///
/// ```
/// use diph::output::{AppError, BlameFlag};
/// fn slices(text: &str) -> Result<usize, AppError> {
///     text.parse::<usize>().flag("--slices")
/// }
/// assert_eq!(slices("x").unwrap_err().to_string(), "--slices: invalid digit found in string");
/// ```
pub trait BlameFlag<T> {
    /// Blames the flag or argument.
    ///
    /// # Errors
    /// [`AppError::Usage`].
    fn flag(self, flag: &str) -> Result<T, AppError>;
}

impl<T, R: diph_recon::Blame<T>> BlameFlag<T> for R {
    fn flag(self, flag: &str) -> Result<T, AppError> {
        self.setting(flag).map_err(AppError::from)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use diph_recon::{Blame, FailedSlice};

    use super::*;

    #[test]
    fn settings_are_named_by_their_flags() {
        let error = AppError::from(ReconError::setting("data.vols", "no volume 7"));
        assert_eq!((error.to_string(), error.exit()), ("--vols: no volume 7".into(), Exit::Usage));
        let error = AppError::from(ReconError::setting("training.steps", "expected more"));
        assert_eq!(error.to_string(), "training.steps: expected more");
        let of_file = Err::<(), _>("truncated").file(Path::new("a.npz")).flag("--maps").unwrap_err();
        assert_eq!((of_file.to_string(), of_file.exit()), ("a.npz: truncated".into(), Exit::BadInput));
    }

    #[test]
    fn exit_codes() {
        assert_eq!(AppError::usage("--cut", "").exit() as u8, 2);
        assert_eq!(AppError::from(ReconError::input(Path::new("a"), "")).exit() as u8, 3);
        assert_eq!(AppError::Check(String::new()).exit() as u8, 4);
        assert_eq!(AppError::from(ReconError::Cancelled).exit() as u8, 130);
        let failed = FailedSlice { method: "lrtv".into(), slice: "vol0_slice1".into(), reason: "it died".into() };
        let some = |finished| SomeSlices { finished, failed: vec![failed.clone()] };
        let exit = |finished| AppError::from(ReconError::SomeSlices(some(finished))).exit() as u8;
        assert_eq!((exit(0), exit(3)), (1, 8));
        let failed = AppError::from(ReconError::from(diph_core::Error::external("nufft", "no memory")));
        assert_eq!((failed.exit() as u8, failed.to_string()), (1, "nufft: no memory".into()));
        let config = "steps".parse::<diph_recon::config::Override>().unwrap_err();
        let error = AppError::from(config);
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().starts_with("--set steps: expected KEY=VALUE"), "{error}");
        let config = diph_recon::config::parse_json("{", "m.json").unwrap_err();
        assert_eq!(AppError::from(config).exit(), Exit::BadInput);
    }
}

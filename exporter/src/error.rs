//! Why an export stopped, sorted by who must act.

use std::fmt::Display;

use crate::anchor::AnchorError;
use crate::ffmpeg::FfmpegMissing;
use crate::input::InputError;
use crate::input::cameras::CamerasError;
use crate::stop::Stopped;

/// Result of every step of an export.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// The error of a library that reads or writes a format, kept for its message.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for does not make sense, or does not fit the clip, the board or this machine: ask for something
    /// else.
    #[error("{what}")]
    Usage {
        /// What is wrong and what to do about it.
        what: String,
    },
    /// A file that belongs to the request, as a config, a place to write to or a library, cannot be read, written or
    /// loaded.
    #[error(transparent)]
    File(BoxError),
    /// A view cannot be read or does not fit the others: mend the clip.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The cameras of the views cannot be read.
    #[error(transparent)]
    Cameras(#[from] CamerasError),
    /// What was read is not what it should be: graphs, templates or a stream of another clip.
    #[error("{what}")]
    Unfit {
        /// What is wrong and what to do about it.
        what: String,
    },
    /// A codec of explicit views, or ffmpeg, is missing or failed: install another.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// There is no ffmpeg: install it.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegMissing),
    /// libtorch failed.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Torch(#[from] tch::TchError),
    /// The player failed on what it was given, or lacks what it needs.
    #[error(transparent)]
    Player(#[from] iev_runtime::Error),
    /// Somebody asked for a stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Any of these, and the step that it ended.
    #[error("{step}")]
    During {
        /// What was being done, with the file or the point.
        step: String,
        /// Why it ended.
        source: Box<Error>,
    },
}

impl Error {
    /// A request that cannot be met.
    pub fn usage(what: impl Display) -> Self {
        Self::Usage { what: what.to_string() }
    }

    /// The same error as the end of `step`.
    #[must_use]
    pub fn during(self, step: impl Display) -> Self {
        Self::During { step: step.to_string(), source: Box::new(self) }
    }

    /// Exit code of a program that ends on this error, as `iev` has them: 1 what was read, 2 what was asked for,
    /// 3 ONNX Runtime, libtorch or ffmpeg.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::During { source, .. } => source.exit_code(),
            Self::Player(error) => error.exit_code(),
            Self::Input(error) => error.exit_code(),
            Self::Cameras(error) => error.exit_code(),
            Self::Unfit { .. } => 1,
            Self::Usage { .. } | Self::File(_) | Self::Stopped(_) => 2,
            Self::Anchor(error) => error.exit_code(),
            Self::Ffmpeg(_) => 3,
            #[cfg(feature = "train")]
            Self::Torch(_) => 3,
        }
    }
}

macro_rules! of_a_file {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::File(Box::new(error))
            }
        })+
    };
}

of_a_file!(
    std::io::Error,
    std::string::FromUtf8Error,
    csv::Error,
    csv::IntoInnerError<csv::Writer<Vec<u8>>>,
    libloading::Error,
    png::EncodingError,
    serde_json::Error,
    toml::de::Error,
);

/// Ends a function with [`Error::Usage`].
macro_rules! bail {
    ($($what:tt)+) => {
        return Err($crate::error::Error::usage(format_args!($($what)+)))
    };
}

/// Ends a function with [`Error::Usage`] unless something holds.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            $crate::error::bail!($($what)+);
        }
    };
}

pub(crate) use {bail, ensure};

/// The same error, with where it happened.
pub trait Context<T> {
    /// Fails as `self` does, during `step`.
    fn context(self, step: impl Display) -> Result<T>;

    /// Fails as `self` does, during the step that `step` names when it is needed.
    fn with_context<D: Display>(self, step: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, step: impl Display) -> Result<T> {
        self.with_context(|| step)
    }

    fn with_context<D: Display>(self, step: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| error.into().during(step()))
    }
}

/// For what is there or is the user's fault; `step` then says what is wrong.
impl<T> Context<T> for Option<T> {
    fn context(self, step: impl Display) -> Result<T> {
        self.ok_or_else(|| Error::usage(step))
    }

    fn with_context<D: Display>(self, step: impl FnOnce() -> D) -> Result<T> {
        self.ok_or_else(|| Error::usage(step()))
    }
}

//! Why decoding stopped, sorted by who must act.

use core::fmt::Write as _;

use heapless::String as FixedString;

use crate::PictureId;
use crate::foreign::FileKind;

/// Result of the format layer and of the player.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// A backend's own error, kept for its message.
#[cfg(feature = "player")]
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Most bytes that [`Error::Storage`] keeps of the storage's own words.
pub const STORAGE_WORDS_BYTES: usize = 64;

/// Why decoding stopped.
#[derive(Debug, thiserror::Error)]
// The player's variants hold what only a host can format.
#[cfg_attr(all(feature = "defmt", not(feature = "player")), derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The stream breaks a rule of `FORMAT.md`: report it to the maker of the file.
    #[error("malformed stream: byte {offset} breaks the rule that {rule}")]
    Malformed {
        /// Byte of the file, or of the section where only the section is known.
        offset: u64,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// There is no byte.
    #[error("is empty")]
    Empty,
    /// Something else than a stream.
    #[error("is no IEV stream: {}", Seems(*seems))]
    Foreign {
        /// What it starts like.
        seems: Option<FileKind>,
    },
    /// The end is missing.
    #[error("cut off: {has} of {needs} bytes: copy it again from where it is whole")]
    CutOff {
        /// Bytes there are.
        has: u64,
        /// Bytes there should be, as far as is known.
        needs: u64,
    },
    /// A checksum does not match.
    #[error(
        "checksum of {} does not match: the file was damaged or changed: copy it again from where it is whole",
        ChecksumOf(*section)
    )]
    Damaged {
        /// The section, or the index where there is none.
        section: Option<u32>,
    },
    /// The stream is of a version after this build's.
    #[error(
        "needs a newer iev: it is of format {major}.{minor}, this one reads up to {}.{}",
        reads.0,
        reads.1
    )]
    Newer {
        /// Major version of the stream.
        major: u8,
        /// Minor version of the stream.
        minor: u8,
        /// Major and minor version that this build reads.
        reads: (u8, u8),
    },
    /// The stream is valid but uses something this build does not implement.
    #[error("unsupported at byte {offset}: {what}")]
    Unsupported {
        /// Byte of the file, or of the section where only the section is known.
        offset: u64,
        /// What it uses.
        what: &'static str,
    },
    /// The stream asks for more than the board profile allows.
    #[error("{what} needs {asked}, limit is {allowed}")]
    OverBudget {
        /// The limited thing, with its unit.
        what: &'static str,
        /// What the stream asks for.
        asked: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// The caller asked for something the stream does not hold.
    #[error("no such {what}: {asked}; there are {available}, counted from 0")]
    NotInStream {
        /// The missing thing.
        what: &'static str,
        /// What was asked.
        asked: u64,
        /// How many there are.
        available: u64,
    },
    /// The storage under the stream failed.
    #[error("reading at byte {offset} failed: {words}")]
    Storage {
        /// Byte of the file.
        offset: u64,
        /// The storage's own error kind.
        kind: embedded_io::ErrorKind,
        /// The start of what it says itself.
        words: FixedString<STORAGE_WORDS_BYTES>,
    },
    /// The anchor stage failed on one picture; `source` has the decoder's own message.
    #[cfg(feature = "player")]
    #[error("anchor failed on {picture}")]
    Anchor {
        /// The picture it was working on.
        picture: PictureId,
        /// The decoder's own error.
        source: BoxError,
    },
    /// The caller asked for something that does not make sense: an unknown name, a broken board profile, an output
    /// that is an input.
    #[cfg(feature = "player")]
    #[error("{what}")]
    Usage {
        /// What is wrong and what to do about it.
        what: String,
    },
    /// The stream was made for a network that this build does not have.
    #[cfg(feature = "player")]
    #[error("made by another version of iev-export: this iev has no decoder template {digest}")]
    Template {
        /// SHA-256 that the stream names, in hexadecimal.
        digest: String,
    },
    /// A library or device the player needs is missing or refused to start.
    #[cfg(feature = "player")]
    #[error("{what}")]
    Backend {
        /// What failed and what to do about it.
        what: String,
    },
    /// A file could not be opened, read or written.
    #[cfg(feature = "player")]
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
}

impl Error {
    /// A broken rule of the format at `offset`.
    pub const fn malformed(offset: u64, rule: &'static str) -> Self {
        Self::Malformed { offset, rule }
    }

    /// Something at `offset` that this build does not implement.
    pub const fn unsupported(offset: u64, what: &'static str) -> Self {
        Self::Unsupported { offset, what }
    }

    /// The storage's `error` at byte `offset`, with the words of its `Debug`.
    pub fn storage(offset: u64, error: &impl embedded_io::Error) -> Self {
        let mut words = FixedString::new();
        // Fails where they are cut off.
        let _ = write!(Start(&mut words), "{error:?}");
        Self::Storage { offset, kind: error.kind(), words }
    }

    /// True when the stream is at fault, so that another part of it may be fine.
    pub const fn is_of_the_stream(&self) -> bool {
        match self {
            Self::Malformed { .. } | Self::Unsupported { .. } | Self::OverBudget { .. } => true,
            Self::Empty | Self::Foreign { .. } | Self::CutOff { .. } => true,
            Self::Damaged { .. } | Self::Newer { .. } => true,
            // A decoder of explicit pictures fails on what it is fed, not by itself.
            #[cfg(feature = "player")]
            Self::Anchor { .. } => true,
            _ => false,
        }
    }

    /// Exit code of a program that ends on this error: 1 the stream, 2 usage or the board, 3 a backend such as ONNX
    /// Runtime.
    #[cfg(feature = "player")]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Malformed { .. } | Self::Unsupported { .. } | Self::Storage { .. } => 1,
            Self::Empty | Self::Foreign { .. } | Self::CutOff { .. } | Self::Damaged { .. } => 1,
            Self::Newer { .. } | Self::Template { .. } => 1,
            // A decoder of explicit pictures fails on what it is fed, not by itself.
            Self::Anchor { .. } => 1,
            Self::OverBudget { .. } | Self::NotInStream { .. } => 2,
            Self::File { .. } | Self::Usage { .. } => 2,
            Self::Backend { .. } => 3,
        }
    }

    /// Its sentence and those of its causes in one; causes that repeat their effect are left out.
    #[cfg(feature = "player")]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(next) = cause {
            let message = next.to_string();
            if !text.contains(&message) {
                text = format!("{text}: {message}");
            }
            cause = next.source();
        }
        text
    }

    /// The error with its byte counted from `start` bytes earlier.
    #[must_use]
    pub fn moved_by(self, start: u64) -> Self {
        match self {
            Self::Malformed { offset, rule } => Self::malformed(start + offset, rule),
            Self::Unsupported { offset, what } => Self::unsupported(start + offset, what),
            other => other,
        }
    }
}

/// Takes what fits and refuses the rest.
struct Start<'a, const BYTES: usize>(&'a mut FixedString<BYTES>);

impl<const BYTES: usize> core::fmt::Write for Start<'_, BYTES> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        text.chars().try_for_each(|c| self.0.push(c).map_err(|_| core::fmt::Error))
    }
}

/// What a checksum is of.
struct ChecksumOf(Option<u32>);

impl core::fmt::Display for ChecksumOf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(section) => write!(f, "section {section}"),
            None => f.write_str("the index"),
        }
    }
}

/// What a file seems to be that is no stream.
struct Seems(Option<FileKind>);

impl core::fmt::Display for Seems {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(kind) => kind.fmt(f),
            None => f.write_str("it does not start like one"),
        }
    }
}

/// Fails with [`Error::OverBudget`] when `asked` exceeds `allowed`.
pub(crate) fn within(what: &'static str, asked: u64, allowed: u64) -> Result<()> {
    if asked <= allowed { Ok(()) } else { Err(Error::OverBudget { what, asked, allowed }) }
}

impl core::fmt::Display for PictureId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "view {} frame {}", self.view.0, self.frame.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[allow(dead_code, reason = "its words are what is looked at")]
    struct Refused(&'static str);

    impl embedded_io::Error for Refused {
        fn kind(&self) -> embedded_io::ErrorKind {
            embedded_io::ErrorKind::TimedOut
        }
    }

    #[test]
    fn a_storages_own_words_are_told_as_far_as_they_fit() {
        let said = Error::storage(7, &Refused("bad flash")).to_string();
        assert_eq!(said, "reading at byte 7 failed: Refused(\"bad flash\")");
        let long = "ä long tale that goes on and on, and on, and on, and on, and on, and on, and then some";
        let Error::Storage { kind, words, .. } = Error::storage(7, &Refused(long)) else {
            unreachable!("it is the storage's");
        };
        assert_eq!(kind, embedded_io::ErrorKind::TimedOut);
        assert!((STORAGE_WORDS_BYTES - 1..=STORAGE_WORDS_BYTES).contains(&words.len()), "{words}");
        assert!(words.starts_with("Refused(\"ä long tale"), "{words}");
    }
}

//! What of a source is lost, changed or guessed on the way in; each source says the same in the same words.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

/// A notice and the file it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file or folder.
    pub file: PathBuf,
    /// What there is to know.
    pub notice: Notice,
}

impl Display for Warning {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.notice)
    }
}

/// One thing to know about a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Notice {
    /// Samples are rounded.
    #[error("samples of {0} bits are rounded to 8")]
    Depth(u32),
    /// The transfer is kept by name, its range of brightness is not.
    #[error("{0} (HDR) is kept as the transfer, but 8 bits are too few for it: expect banding")]
    HdrTransfer(&'static str),
    /// Mastering display and content light level are dropped.
    #[error("HDR metadata (mastering display, content light) is dropped")]
    HdrMetadata,
    /// Chroma is resampled.
    #[error("{0} chroma becomes 4:2:0")]
    Chroma(&'static str),
    /// There is no chroma.
    #[error("gray: chroma is neutral")]
    Gray,
    /// Alpha is dropped.
    #[error("alpha is dropped, the colours under it stay")]
    Alpha,
    /// RGB is converted.
    #[error("RGB is converted by BT.709 to 16‥235")]
    Rgb,
    /// A palette is looked up.
    #[error("palette colours are looked up")]
    Palette,
    /// A PNG file in seven passes.
    #[error("interlaced PNG is read as whole pictures")]
    Adam7,
    /// An ICC profile is dropped.
    #[error("the ICC profile is dropped")]
    IccProfile,
    /// A PNG file of several pictures.
    #[error("animated PNG: the first of its pictures is taken")]
    Animated,
    /// A file holds more than one video.
    #[error(
        "has {0} video streams, the first is taken: ffmpeg -i FILE -map 0:V:1 -c copy OUT.mkv takes out another"
    )]
    OtherVideos(usize),
    /// A decoder went on over something that it could not read.
    #[error("is damaged or cut off, frames may be wrong or missing: ffmpeg says {0:?}")]
    Damaged(String),
    /// Rows of two instants are taken for one.
    #[error("interlaced by its flags, taken as progressive as asked")]
    TakenAsProgressive,
    /// Rotation by metadata was carried out.
    #[error("turned by {0} degrees, as its metadata asks")]
    Rotated(String),
    /// A notice about one picture of a folder, and about others after it.
    #[error("{file}: {notice}")]
    In {
        /// The first such picture.
        file: String,
        /// What there is to know.
        notice: Box<Notice>,
    },
    /// The source says no rate.
    #[error("says no rate: taken for {}/{} frames a second; --rate gives another", .0.0, .0.1)]
    NoRate((u32, u32)),
    /// Frames are not evenly spaced.
    #[error(
        "variable rate: frames are {shortest_ms} to {longest_ms} ms apart, and are played evenly \
         at {}/{} a second; --rate repeats and drops frames to keep their times",
        rate.0, rate.1
    )]
    VariableRate {
        /// Shortest interval.
        shortest_ms: u32,
        /// Longest interval.
        longest_ms: u32,
        /// Rate of the stream.
        rate: (u32, u32),
    },
    /// Frames were repeated and dropped.
    #[error("{from} frames became {to} at {}/{} a second", rate.0, rate.1)]
    Resampled {
        /// Frames before.
        from: usize,
        /// Frames after.
        to: usize,
        /// The rate.
        rate: (u32, u32),
    },
    /// A longer view was cut.
    #[error("cut from {from} frames to {to}, the length of the shortest view")]
    Cut {
        /// Frames before.
        from: usize,
        /// Frames after.
        to: usize,
    },
    /// Files that are no pictures of the view.
    #[error("{} left out: {}", if names.len() == 1 { "a file is" } else { "files are" }, list(names))]
    LeftOut {
        /// Their names.
        names: Vec<String>,
    },
    /// A number is missing.
    #[error("a gap in the numbers: {after} follows {before}")]
    Gap {
        /// The last picture before the gap.
        before: String,
        /// The picture after it.
        after: String,
    },
    /// Numbers fall or come twice.
    #[error("the numbers do not rise from {before} to {after}: are these pictures of two series?")]
    Restarts {
        /// The last picture whose number rose.
        before: String,
        /// The picture after it.
        after: String,
    },
    /// The clocks of two files say another time of their first frames.
    #[error(
        "starts {} s {} {} by the clocks of both files, but frames are paired by number: where the clocks are right, \
         cut the earlier one by it, ffmpeg -ss {} -i EARLIER OUT.y4m",
        seconds(*ms), if *ms > 0 { "after" } else { "before" }, of.display(), seconds(*ms)
    )]
    StartsApart {
        /// The view that it is compared with.
        of: PathBuf,
        /// By how much it starts later, in milliseconds.
        ms: i64,
    },
    /// One view says what another leaves open.
    #[error("does not say its {what}: taken for that of {}, {says}", of.display())]
    Adopted {
        /// Which property.
        what: &'static str,
        /// The view that says it.
        of: PathBuf,
        /// What that says.
        says: String,
    },
    /// Two views say different things.
    #[error("its {what} is {has}, but the stream says {says} for all views, as {} does", of.display())]
    Disagrees {
        /// Which property.
        what: &'static str,
        /// What this view has.
        has: String,
        /// The view that is believed.
        of: PathBuf,
        /// What that says.
        says: String,
    },
}

/// The length of time, without its sign.
fn seconds(ms: i64) -> f64 {
    ms.unsigned_abs() as f64 / 1000.0
}

/// At most five names, and how many more.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

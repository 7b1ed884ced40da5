//! How explicit pictures are coded.

use crate::ablation::Parts;
use crate::ffmpeg;

/// How hard the encoder searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnchorSpeed {
    /// As [`AnchorSpeed::Thorough`] by x264, SVT-AV1 preset 0: three times as slow as preset 1 for 3 % of the bytes.
    Best,
    /// x264 `veryslow` with exhaustive search and up to 16 references; SVT-AV1 preset 0 for small GOPs, 1 for others.
    #[default]
    Thorough,
    /// x264 `medium`, with as many references, SVT-AV1 preset 8: drafts and tests. Faster ones of x264 hardly use a
    /// background (EXPERIMENTS.md §28).
    Draft,
}

/// Which encoder makes H.264.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnchorEncoder {
    /// x264 where ffmpeg is present, else openh264.
    #[default]
    Best,
    /// x264 through ffmpeg.
    X264,
    /// The encoder that is built in.
    OpenH264,
}

impl AnchorEncoder {
    /// The one that codes: never [`AnchorEncoder::Best`].
    pub fn chosen(self) -> Self {
        match self {
            Self::Best if ffmpeg::find().is_ok() => Self::X264,
            Self::Best => Self::OpenH264,
            named => named,
        }
    }
}

/// Usual change of the quantiser for the first picture of a GOP of 48 that other views are predicted from.
pub const INTRA_OFFSET: i32 = -13;

/// How to code explicit pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct AnchorSettings {
    /// Quantiser on the scale of H.264, 1 to 51: x264 takes the nearest whole one, which macroblock-tree rate control
    /// varies by block, and SVT-AV1 the rate factor of about that quality.
    pub qp: f64,
    /// How hard to search; not by openh264.
    pub speed: AnchorSpeed,
    /// Change of `qp` for the first picture or the background before it, which everything predicts from;
    /// x264 only.
    ///
    /// Why so low: left alone, the macroblock tree makes the first picture of a short clip far too
    /// coarse; −9 saves 16 % of the bytes at equal PSNR over the encoder's own choice, and key pictures, which
    /// stand between it and the others, take −13 to make up for (EXPERIMENTS.md §25, §28).
    pub intra_offset: i32,
    /// Change of `qp` for the first picture where all are shown, which x264 codes with B pictures (EXPERIMENTS.md §38).
    pub shown_offset: i32,
    /// Change of `qp` for key pictures of other views; x264 only.
    pub key_offset: i32,
    /// Further `name=value` pairs for x264, joined by colons; they win over ours.
    pub x264_params: String,
    /// Encoder threads. One gives the same bytes on every machine; x264 only.
    pub threads: usize,
    /// Which encoder.
    pub encoder: AnchorEncoder,
    /// What to do without.
    pub without: Parts,
}

impl AnchorSettings {
    /// Thorough coding at `qp` by the best encoder there is.
    pub fn new(qp: impl Into<f64>) -> Self {
        Self {
            qp: qp.into(),
            speed: AnchorSpeed::default(),
            intra_offset: INTRA_OFFSET,
            shown_offset: 0,
            key_offset: -8,
            x264_params: String::new(),
            threads: 1,
            encoder: AnchorEncoder::default(),
            without: Parts::default(),
        }
    }

    /// The quantiser as H.264 takes it.
    pub(crate) fn whole_qp(&self) -> i32 {
        self.qp.round() as i32
    }
}

//! Explicit pictures, coded by an ordinary video codec: a folder per codec, each behind a [`Coder`].

mod av1;
mod decode;
mod error;
pub mod gop;
mod h264;
pub mod key_picture;
mod pipe;
mod settings;
pub mod temporal_filter;

use iev_runtime::ViewId;
use iev_runtime::format::anchor::{Codec, Key};
use iev_runtime::format::table::Kind;

use crate::picture::Picture;

pub use error::AnchorError;
pub use h264::{encode_anchor, split_access_units};
pub use settings::{AnchorEncoder, AnchorSettings, AnchorSpeed, INTRA_OFFSET};

/// A picture to code and the change of its quantiser, which only x264 makes.
pub type CodingInput<'a> = (&'a Picture, i32);

/// The first of `pictures`; every codec begins with it.
///
/// # Panics
/// If there is no picture or their sizes differ: the input stage has checked both.
fn first_of_one_size<'a>(pictures: &[CodingInput<'a>]) -> &'a Picture {
    let [(first, _), ..] = pictures else { panic!("an anchor has at least one picture") };
    let have_one_size = pictures.iter().all(|(picture, _)| picture.size() == first.size());
    assert!(have_one_size, "all pictures of an anchor have one size");
    first
}

/// What codes and decodes `codec`.
pub fn coder(codec: Codec) -> &'static dyn Coder {
    match codec {
        Codec::H264 => &h264::H264,
        Codec::Av1 => &av1::Av1,
    }
}

/// What is asked of a codec of explicit pictures.
pub trait Coder: Sync {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// The kind of its sections.
    fn kind(&self) -> Kind;

    /// Codes `pictures` as one GOP: in this order, but where all are shown, `Order::Shown`, in whichever is best.
    ///
    /// # Errors
    /// The encoder's; or where players would refuse what it wrote.
    ///
    /// # Panics
    /// If there is no picture or their sizes differ: the input stage has checked both.
    fn code(
        &self,
        pictures: &[CodingInput<'_>],
        order: Order,
        rate: (u32, u32),
        settings: &AnchorSettings,
    ) -> Result<CodedPictures, AnchorError>;

    /// The body of a section of `views`, whose pictures take turns.
    fn body(&self, views: &[ViewId], keys: &[Key], units: &[Vec<u8>]) -> Vec<u8>;

    /// Quantisers that differ in what they code, finest first.
    fn quantisers(&self) -> Vec<f64>;

    /// Pictures of a GOP in a clip of `frames`: at most as `most` asks, never above what is `allowed`.
    fn gop_frames(&self, frames: usize, most: Option<usize>, allowed: usize) -> usize;

    /// Frames before which the background of a view is coded, where it has one, in a GOP of `frames`.
    fn hidden_frames(&self, frames: usize, has_keys: bool) -> Vec<u16>;

    /// How often a key picture of another view is coded, one after the other.
    fn key_copies(&self) -> usize;

    /// Whether the encoder takes the noise from what it predicts from, so that nobody else need.
    fn filters_by_itself(&self) -> bool;

    /// Whether several views may share a section.
    fn interleaves(&self) -> bool;
}

/// Pictures of a GOP where none has more than `most`: all are equally long, since a short last one would be all intra
/// picture.
fn even_gops(frames: usize, most: usize) -> usize {
    frames.div_ceil(frames.div_ceil(most).max(1)).max(1)
}

/// What the order of pictures to code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That in which all are shown.
    Shown,
    /// That in which they are coded: some are not shown.
    Coded,
}

/// Pictures that are coded.
#[derive(Clone, Debug)]
pub struct CodedPictures {
    /// The bytes of each, in coding order.
    pub units: Vec<Vec<u8>>,
    /// What players make of them, in the order in which they were given.
    pub pictures: Vec<Picture>,
}

//! AV1, coded by SVT-AV1.
//!
//! Odd sizes are coded as they are, with chroma rounded up. Hidden pictures stand in front of those that are
//! shown; to the codec they are pictures as any other.

mod svt;

use iev_runtime::ViewId;
use iev_runtime::anchor::av1::Checker;
use iev_runtime::format::anchor::{Codec, Key};
use iev_runtime::format::av1::write_av1;
use iev_runtime::format::table::Kind;

use super::decode::decode;
use super::{AnchorError, AnchorSettings, CodedPictures, Coder, CodingInput, Order, even_gops};

/// The codec of the fewest bytes.
pub(super) struct Av1;

impl Coder for Av1 {
    fn name(&self) -> &'static str {
        "AV1"
    }

    fn kind(&self) -> Kind {
        Kind::Av1
    }

    fn code(
        &self,
        pictures: &[CodingInput<'_>],
        _: Order,
        rate: (u32, u32),
        settings: &AnchorSettings,
    ) -> Result<CodedPictures, AnchorError> {
        let units = svt::encode(pictures, rate, settings)?;
        let size = pictures[0].0.size();
        let mut checker = Checker::new(size);
        units.iter().try_for_each(|unit| checker.check(unit)).map_err(AnchorError::RefusedAv1)?;
        let pictures = decode(Codec::Av1, &units, size)?;
        Ok(CodedPictures { units, pictures })
    }

    fn body(&self, views: &[ViewId], keys: &[Key], units: &[Vec<u8>]) -> Vec<u8> {
        let mut body = Vec::new();
        write_av1(&mut body, views, keys, units.iter().map(Vec::as_slice));
        body
    }

    fn quantisers(&self) -> Vec<f64> {
        svt::rate_factors().map(svt::qp_at).collect()
    }

    /// An intra picture is dear at low rates: GOPs of 96 pictures cost 8 to 30 % where the camera moves (EXPERIMENTS.md
    /// §29).
    fn gop_frames(&self, frames: usize, most: Option<usize>, allowed: usize) -> usize {
        even_gops(frames, most.unwrap_or(allowed).min(allowed))
    }

    fn hidden_frames(&self, _frames: usize, _has_keys: bool) -> Vec<u16> {
        vec![0]
    }

    /// SVT-AV1 gives a picture the more bits the more it sees predicted from it, and does not know what the network warps.
    /// Copies tell it so for a few bytes each, all of whose blocks are skipped (EXPERIMENTS.md §36).
    fn key_copies(&self) -> usize {
        3
    }

    fn filters_by_itself(&self) -> bool {
        true
    }

    fn interleaves(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gops_are_as_long_as_they_may_be_and_equal() {
        let frames = |clip, most, allowed| Av1.gop_frames(clip, most, allowed);
        assert_eq!(frames(149, None, 256), 149);
        assert_eq!(frames(276, None, 256), 138);
        assert_eq!(frames(276, None, 128), 92);
        assert_eq!(frames(276, Some(100), 256), 92);
        assert_eq!(frames(1, Some(100), 256), 1);
    }
}

//! Which codec a request means, and how long its GOPs are.

use iev_runtime::board::Board;
use iev_runtime::format::anchor::Codec;

use super::request::{CodecChoice, EncodeRequest, MOST_GOP_FRAMES};
use crate::anchor::coder;
use crate::error::{Error, Result};
use crate::ffmpeg;

/// The codec of a request, and why it is not a better one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenCodec {
    /// The codec.
    pub codec: Codec,
    /// What keeps it from being AV1, where nobody asked for another.
    pub instead_of_av1: Option<String>,
}

impl EncodeRequest {
    /// The codec asked for, or AV1 where ffmpeg has SVT-AV1 and the board decodes it.
    ///
    /// # Errors
    /// Where AV1 is asked for and cannot be, or there is no such board.
    pub fn codec(&self) -> Result<ChosenCodec> {
        let missing = self.missing_for_av1()?;
        match (self.codec, missing) {
            (CodecChoice::H264, _) => Ok(ChosenCodec { codec: Codec::H264, instead_of_av1: None }),
            (_, None) => Ok(ChosenCodec { codec: Codec::Av1, instead_of_av1: None }),
            (CodecChoice::Auto, missing) => {
                Ok(ChosenCodec { codec: Codec::H264, instead_of_av1: missing })
            }
            (CodecChoice::Av1, Some(missing)) => {
                Err(Error::usage(missing).during("--codec av1 cannot be"))
            }
        }
    }

    /// What keeps explicit views from being in AV1.
    fn missing_for_av1(&self) -> Result<Option<String>> {
        if let Some(name) = &self.board
            && !Board::find(name)?.player.codecs.contains(&Codec::Av1)
        {
            return Ok(Some(format!("board {name} does not decode it")));
        }
        Ok(match ffmpeg::has_encoder(SVT_AV1) {
            Err(missing) => Some(missing.to_string()),
            Ok(false) => Some(format!("this ffmpeg has no {SVT_AV1}")),
            Ok(true) => None,
        })
    }

    /// Pictures of a GOP in a clip of `frames` by `codec`.
    ///
    /// # Errors
    /// Where a GOP is asked for that the board does not take, or there is no such board.
    pub fn gop_frames(&self, codec: Codec, frames: usize) -> Result<usize> {
        let mut allowed = MOST_GOP_FRAMES;
        if let Some(name) = &self.board {
            let board = Board::find(name)?.limits.gop_pictures as usize;
            allowed = allowed.min(board);
        }
        Ok(coder(codec).gop_frames(frames, self.gop, allowed))
    }
}

/// ffmpeg's name of the encoder of AV1.
const SVT_AV1: &str = "libsvtav1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_the_codec_or_is_refused() {
        let request = |codec| EncodeRequest { codec, ..EncodeRequest::default() };
        let h264 = ChosenCodec { codec: Codec::H264, instead_of_av1: None };
        assert_eq!(request(CodecChoice::H264).codec().unwrap(), h264);
        let (auto, av1) = (request(CodecChoice::Auto).codec(), request(CodecChoice::Av1).codec());
        match auto.unwrap() {
            ChosenCodec { codec: Codec::Av1, instead_of_av1 } => {
                assert!(instead_of_av1.is_none() && av1.unwrap().codec == Codec::Av1);
            }
            ChosenCodec { instead_of_av1: why, .. } => {
                let said = format!("{:#}", anyhow::Error::from(av1.unwrap_err()));
                assert!(said.starts_with("--codec av1") && said.ends_with(&why.unwrap()), "{said}");
            }
        }
    }

    #[test]
    fn boards_bound_gops_by_name() {
        let request = |board: &str, gop| EncodeRequest {
            board: Some(board.into()),
            gop,
            ..EncodeRequest::default()
        };
        let frames = |codec, gop| request("x86_edge", gop).gop_frames(codec, 276).unwrap();
        assert_eq!((frames(Codec::H264, None), frames(Codec::Av1, None)), (138, 138));
        assert_eq!(frames(Codec::H264, Some(100)), 100);
        let unknown = request("toaster", None).codec().unwrap_err().to_string();
        assert!(unknown.contains("toaster"), "{unknown}");
    }
}

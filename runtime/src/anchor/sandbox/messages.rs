//! What parent and child say to each other: heads of a fixed size, then raw bytes.
//!
//! A request is followed by its access unit, an answer by its pictures, each as many bytes as the size
//! both were started with has in I420. No length of the child's is believed.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::anchor::decoder::Input;
use crate::format::anchor::Codec;
use crate::units::ViewId;

/// Most pictures one input brings out: a decoder's references (§A.3.1 of H.264) and the current one.
pub(super) const MOST_PICTURES: u8 = 17;
/// Most bytes of an error's words.
const WORDS: usize = 160;

/// A message of a fixed size, padded with zeros.
pub(super) trait Head<const N: usize>: Serialize + DeserializeOwned {
    const BYTES: usize = N;

    fn to_bytes(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let written = postcard::to_slice(self, &mut bytes);
        assert!(written.is_ok(), "a head has room for each of its messages");
        bytes
    }

    fn from_bytes(bytes: &[u8; N]) -> io::Result<Self> {
        let message = postcard::take_from_bytes(bytes).map(|(message, _)| message);
        message.map_err(|_| io::Error::other("a message has no meaning"))
    }
}

/// What the parent asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) view: ViewId,
    pub(super) kind: RequestKind,
    /// Bytes of the access unit that follows.
    pub(super) unit_bytes: u32,
}

/// Which [`Input`] a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RequestKind {
    First(Codec),
    Next,
    End,
    /// No input, and without an answer: nothing more comes of the section.
    Forget,
}

impl Head<16> for Request {}

impl Request {
    pub(super) fn of(view: ViewId, input: Input<'_>) -> (Self, &[u8]) {
        let (kind, unit) = match input {
            Input::First(codec, unit) => (RequestKind::First(codec), unit),
            Input::Next(unit) => (RequestKind::Next, unit),
            Input::End => (RequestKind::End, &[][..]),
        };
        // A section has at most 4 GiB, thus a unit too.
        (Self { view, kind, unit_bytes: unit.len() as u32 }, unit)
    }

    pub(super) fn forget(view: ViewId) -> Self {
        Self { view, kind: RequestKind::Forget, unit_bytes: 0 }
    }

    pub(super) fn input<'a>(&self, unit: &'a [u8]) -> Option<Input<'a>> {
        Some(match self.kind {
            RequestKind::First(codec) => Input::First(codec, unit),
            RequestKind::Next => Input::Next(unit),
            RequestKind::End => Input::End,
            RequestKind::Forget => return None,
        })
    }
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// So many pictures follow.
    Pictures(u8),
    /// The decoder's words about what it cannot decode.
    Refused(heapless::String<WORDS>),
}

impl Head<{ WORDS + 8 }> for Answer {}

impl Answer {
    /// As many of the words as there is room for.
    pub(super) fn refused(words: &str) -> Self {
        let mut kept = heapless::String::new();
        let _ = words.chars().try_for_each(|c| kept.push(c));
        Self::Refused(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_and_nonsense_is_an_error() {
        for input in [Input::First(Codec::Av1, &[1, 2]), Input::Next(&[3]), Input::End] {
            let (request, unit) = Request::of(ViewId(31), input);
            let read = Request::from_bytes(&request.to_bytes()).unwrap();
            assert_eq!((read, read.input(unit)), (request, Some(input)));
        }
        for answer in [Answer::Pictures(3), Answer::refused(&"ä".repeat(200))] {
            assert_eq!(Answer::from_bytes(&answer.to_bytes()).unwrap(), answer);
        }
        assert!(Answer::from_bytes(&[9; Answer::BYTES]).is_err());
        assert!(Answer::from_bytes(&[1; Answer::BYTES]).is_ok(), "one byte of words");
        let long = [1u8, 0xff, 0x7f].into_iter().chain([b'x'; Answer::BYTES - 3]);
        let long: Vec<u8> = long.collect();
        assert!(Answer::from_bytes(&long.try_into().unwrap()).is_err(), "longer than its head");
    }
}

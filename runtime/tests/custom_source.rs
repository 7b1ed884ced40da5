//! Custom source: a place that fails while a stream plays is an error in its turn, with the byte and the place's words.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::io;
use std::sync::Arc;

use iev_runtime::format::views::ViewSet;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::{Error, ReadAt, Size, Source};
use small_stream::explicit_stream;

const SIZE: Size = Size { width_px: 256, height_px: 256 };
const GOPS: u32 = 4;

/// A server that gives sections whole up to a byte, and only a few bytes at a time.
struct Server {
    bytes: Vec<u8>,
    good: usize,
}

impl ReadAt for Server {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let at = at as usize;
        // What opening reads of a section is its first bytes.
        if at >= self.good && buffer.len() > 40 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "HTTP 504 from example.org"));
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        let count = rest.len().min(buffer.len()).min(100);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn player(good: usize) -> Player {
    let server = Server { bytes: explicit_stream(SIZE, GOPS, 2), good };
    let options = Options::new(Arc::new(|_, _, _| unreachable!("no view is implicit")));
    Player::over(Source::custom(server), options).unwrap()
}

#[test]
fn a_place_that_fails_is_an_error_behind_the_good_pictures() {
    let whole = player(usize::MAX);
    let all = Selection::new(ViewSet::all(whole.header()), whole.frames());
    assert_eq!(whole.play(&all).unwrap().map(Result::unwrap).count(), 2 * GOPS as usize);

    let bytes = whole.reader().file_bytes() as usize;
    let last = bytes - bytes / (GOPS as usize * 2);
    let failing = player(last);
    let mut played = failing.play(&all).unwrap();
    let error = played.find_map(Result::err).expect("the last section cannot be read");
    assert!(played.next().is_none(), "an error ends the stream");
    let Error::Storage { offset, .. } = error else { panic!("{error}") };
    assert!((last as u64 / 2..bytes as u64).contains(&offset), "{offset} of {bytes}");
    let said = format!("reading at byte {offset} failed: HTTP 504 from example.org");
    assert_eq!(error.to_string(), said);
    assert_eq!(error.exit_code(), 1);
}

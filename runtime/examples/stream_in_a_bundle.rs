//! Plays a stream that lies in the middle of another file, through a source of one's own.
//!
//! `cargo run --example stream_in_a_bundle -- bundle.bin 4096 199999`

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use iev_runtime::{Backend, Error, Options, Player, ReadAt, Result, Source};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, start, bytes] = &arguments[..] else { return Err(usage()) };
    let number = |text: &str| text.parse().map_err(|_| usage());
    let (start, bytes) = (number(start)?, number(bytes)?);
    let file = File::open(path).map_err(|source| Error::File { path: path.into(), source })?;
    let player = open(Bundled { file, start, bytes })?;
    println!("{} views, {} frames", player.header().views.len(), player.header().frames);
    Ok(())
}

fn usage() -> Error {
    Error::Usage { what: "usage: stream_in_a_bundle FILE FIRST_BYTE BYTES".into() }
}

/// Some bytes of a file.
pub struct Bundled {
    /// The file.
    pub file: File,
    /// Where in the file they start.
    pub start: u64,
    /// How many they are.
    pub bytes: u64,
}

impl ReadAt for Bundled {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.bytes)
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.saturating_sub(at).min(buffer.len() as u64);
        FileExt::read_at(&self.file, &mut buffer[..left as usize], self.start + at)
    }
}

/// A player of the stream in `bundled`.
///
/// # Errors
/// The stream's, and the place's as [`Error::Storage`].
pub fn open(bundled: Bundled) -> Result<Player> {
    Player::over(Source::custom(bundled), Options::new(Backend::default().opener()))
}

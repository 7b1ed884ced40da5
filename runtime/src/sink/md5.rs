//! MD5 of the samples, as `--muxer md5` of other decoders: bare I420, without file headers.

use md5::{Digest as _, Md5};

use super::{Output, PictureSink};
use crate::error::Result;
use crate::picture::Picture;
use crate::units::FrameIndex;

/// A running MD5.
#[derive(Debug, Clone, Default)]
pub struct Digest(Md5);

impl Digest {
    /// Adds a picture.
    pub fn put(&mut self, picture: &Picture) {
        self.0.update(picture.i420());
    }

    /// The digest in hexadecimal.
    pub fn hex(&self) -> String {
        hex::encode(self.0.clone().finalize())
    }
}

/// Writes the digest of everything as one line.
pub struct Md5Sink {
    output: Output,
    digest: Digest,
}

impl Md5Sink {
    /// Writes to `output` at the end.
    pub fn new(output: Output) -> Self {
        Self { output, digest: Digest::default() }
    }
}

impl PictureSink for Md5Sink {
    fn put(&mut self, _: FrameIndex, picture: &Picture) -> Result<()> {
        self.digest.put(picture);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.output.write(format!("{}\n", self.digest.hex()).as_bytes())?;
        self.output.finish()
    }
}

//! The bytes of whatever stands upstream and lets itself be pulled from.

use std::io;

use gst::prelude::*;
use iev_runtime::ReadAt;

/// Most bytes of one pull: a section may be many, and upstream makes a buffer of each pull.
const MOST_BYTES: usize = 1 << 20;

/// A sink pad in pull mode. Its pulls come from the player's threads; GStreamer lets one after another through.
pub(crate) struct Pulled(pub(crate) gst::Pad);

impl ReadAt for Pulled {
    fn bytes(&self) -> io::Result<u64> {
        let bytes = self.0.peer_query_duration::<gst::format::Bytes>();
        bytes.map(u64::from).ok_or_else(|| io::Error::other("upstream does not say how long it is"))
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let asked = buffer.len().min(MOST_BYTES);
        match self.0.pull_range(at, asked as u32) {
            Ok(pulled) => {
                // Upstream may give fewer at its end, and shall not give more.
                let count = pulled.size().min(asked);
                let copied = pulled.copy_to_slice(0, &mut buffer[..count]);
                copied
                    .map(|()| count)
                    .map_err(|_| io::Error::other("upstream's buffer cannot be read"))
            }
            Err(gst::FlowError::Eos) => Ok(0),
            Err(flow) => Err(io::Error::other(format!("upstream answers {flow}"))),
        }
    }
}

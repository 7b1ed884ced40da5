//! Where the time of a picture went, and what it moved.

use std::time::Instant;

use crate::network::Spans;

/// Time each stage spent on one frame of the stream, all views, decoders and painters together.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// Reading and range decoding the GOP, counted at its first picture.
    pub read_us: u64,
    /// Decoding explicit views, ahead of the time or not.
    pub anchor_us: u64,
    /// Latents, network and warps.
    pub reconstruct_us: u64,
    /// The part of `reconstruct_us` spent inside the network.
    pub network_us: u64,
    /// The part of `reconstruct_us` spent warping.
    pub warp_us: u64,
    /// Blending.
    pub fuse_us: u64,
    /// Bytes given to the network and taken from it.
    pub moved_bytes: u64,
    born: Instant,
}

impl Timings {
    /// Starts the end-to-end clock; it runs from when the anchor stage takes the time up to [`Timings::age_us`].
    pub fn begin(read_us: u64) -> Self {
        Self {
            read_us,
            anchor_us: 0,
            reconstruct_us: 0,
            network_us: 0,
            warp_us: 0,
            fuse_us: 0,
            moved_bytes: 0,
            born: Instant::now(),
        }
    }

    /// Adds what painting a batch took.
    pub fn add_batch(&mut self, spans: Spans) {
        self.network_us += spans.network_us;
        self.warp_us += spans.warp_us;
        self.fuse_us += spans.fuse_us;
        self.moved_bytes += spans.moved_bytes;
    }

    /// Adds what another painter spent on the same frame.
    pub fn add_painting(&mut self, other: &Self) {
        self.reconstruct_us += other.reconstruct_us;
        self.network_us += other.network_us;
        self.warp_us += other.warp_us;
        self.fuse_us += other.fuse_us;
        self.moved_bytes += other.moved_bytes;
    }

    /// Time since the anchor stage took the time up, which may be decoded by then; waiting in queues included.
    pub fn age_us(&self) -> u64 {
        self.born.elapsed().as_micros() as u64
    }
}

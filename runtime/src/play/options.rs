//! How a player decodes a stream.

use std::sync::Arc;

use crate::anchor::decoder::{AnchorDecoder, InProcess, OpenAnchors};
use crate::format::anchor::Codec;
use crate::format::limits::Limits;
use crate::network::opening::{NetworkPath, OpenNetwork, Precision};

/// How a stream is decoded.
///
/// ```
/// use iev_runtime::{Backend, Board, Limits, Options, SessionOptions};
///
/// # fn main() -> iev_runtime::Result<()> {
/// // By hand: two threads paint, and a stream may not make playing hold more than 256 MiB.
/// let backend = Backend::new(None, SessionOptions { threads: 1, ..SessionOptions::default() });
/// let limits = Limits { memory_bytes: 256 << 20, ..Limits::DEFAULT };
/// let by_hand = Options { painters: 2, limits, ..Options::new(backend.opener()) };
/// assert_eq!(by_hand.queue, 0);
///
/// // As a profile of `boards/` has it.
/// let board = Board::find("x86_edge")?;
/// let mut options = Options::new(Backend::new(None, board.session()).opener());
/// board.apply(&mut options);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Options {
    /// What the stream may ask of the machine.
    pub limits: Limits,
    /// What explicit pictures may be coded by.
    pub codecs: Vec<Codec>,
    /// Most views in one run of the network; one is best on a CPU.
    pub batch: usize,
    /// Where implicit pictures are painted.
    pub path: NetworkPath,
    /// Numbers that implicit views are painted in.
    pub precision: Precision,
    /// Threads that paint, each with a network of its own; they share the views of every frame. At least 1.
    pub painters: usize,
    /// Most threads that decode explicit views, of which each section is on one. At least 1.
    pub decoders: usize,
    /// Most frames waiting between two stages; with 0 a stage hands over its result directly, which
    /// keeps all stages busy at the least latency, and 1 or more evens out an uneven load.
    pub queue: usize,
    /// Opens what decodes the anchors of a playback.
    pub anchors: Arc<OpenAnchors>,
    /// Opens networks; not called when only explicit views are asked for.
    pub open: Arc<OpenNetwork>,
}

impl Options {
    /// Default limits and queues over the given networks, one painter, and as many decoders as processors that this
    /// process may use; anchors are decoded in this process.
    pub fn new(open: Arc<OpenNetwork>) -> Self {
        let anchors = Arc::new(|_, _| Ok(Box::<InProcess>::default() as Box<dyn AnchorDecoder>));
        let (limits, path) = (Limits::DEFAULT, NetworkPath::Split);
        let precision = Precision::F32;
        let codecs = Codec::ALL.to_vec();
        let decoders = std::thread::available_parallelism().map_or(1, usize::from);
        let (batch, painters, queue) = (1, 1, 0);
        Self { limits, codecs, batch, path, precision, painters, decoders, queue, anchors, open }
    }
}

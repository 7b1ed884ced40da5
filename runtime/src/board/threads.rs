//! How many threads paint.

use super::Board;
use crate::machine;

/// Painters where neither the user nor a board says how many. More of them than views add frames to the latency and to
/// how late other views are shown.
const PAINTERS: usize = 2;

/// Threads that paint, and how they are shared out; as many decode explicit views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// Of all painters together.
    pub all: usize,
    /// Painters, each with a network of its own: never more than there are threads.
    pub painters: usize,
}

impl Threads {
    /// As many as asked for, else the board's, else one per core that this process may use.
    pub fn spread(board: Option<&Board>, all: Option<usize>, painters: Option<usize>) -> Self {
        let boards = board.map(|board| &board.player);
        let all = all.or_else(|| boards.map(|b| b.painters * b.network_threads));
        let all = all.unwrap_or_else(machine::usable_cpus).max(1);
        let painters = painters.or_else(|| boards.map(|b| b.painters)).unwrap_or(PAINTERS);
        Self { all, painters: painters.clamp(1, all) }
    }

    /// Threads of each network.
    pub fn per_network(self) -> usize {
        self.all / self.painters
    }
}

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
    /// As many as asked for, else one per core that this process may use, and no more than the board's.
    ///
    /// Why no more than the cores where a board says how many: in a container on it there may be a quota, and threads
    /// beyond that stop all of them for the rest of its period.
    pub fn spread(board: Option<&Board>, all: Option<usize>, painters: Option<usize>) -> Self {
        Self::over(machine::usable_cpus(), board, all, painters)
    }

    fn over(
        cpus: usize,
        board: Option<&Board>,
        all: Option<usize>,
        painters: Option<usize>,
    ) -> Self {
        let boards = board.map(|board| &board.player);
        let most = boards.map_or(cpus, |b| cpus.min(b.painters * b.network_threads));
        let all = all.unwrap_or(most).max(1);
        let painters = painters.or_else(|| boards.map(|b| b.painters)).unwrap_or(PAINTERS);
        Self { all, painters: painters.clamp(1, all) }
    }

    /// Threads of each network.
    pub fn per_network(self) -> usize {
        self.all / self.painters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_takes_no_more_threads_than_there_are_processors_and_who_asks_gets_them() {
        let board = Board::find("x86_edge").unwrap();
        let boards = board.player.painters * board.player.network_threads;
        let all = |cpus, asked| Threads::over(cpus, Some(&board), asked, None).all;
        assert_eq!([all(1, None), all(boards, None), all(64, None)], [1, boards, boards]);
        assert_eq!([all(1, Some(3)), all(64, Some(3))], [3, 3]);
        assert_eq!(Threads::over(1, Some(&board), None, None), Threads { all: 1, painters: 1 });
        assert_eq!(Threads::over(6, None, None, None), Threads { all: 6, painters: PAINTERS });
    }
}

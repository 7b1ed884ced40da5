//! The element's properties, as the player has them.

use iev_runtime::board::threads::Threads;
use iev_runtime::network::engines::Engines;
use iev_runtime::{Backend, Board, Header, Options, Result, ViewId};

/// What was set; texts are looked at when a stream is opened.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Below zero the first explicit view.
    pub(crate) view: i32,
    pub(crate) board: Option<String>,
    pub(crate) provider: Option<String>,
    /// 0 where nobody said.
    pub(crate) threads: u32,
    pub(crate) precision: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { view: -1, board: None, provider: None, threads: 0, precision: None }
    }
}

impl Settings {
    /// What networks run on, and how a stream is opened.
    ///
    /// # Errors
    /// [`iev_runtime::Error::Usage`] for a name that is none.
    pub(crate) fn player(&self) -> Result<(Backend, Options)> {
        let board = self.board.as_deref().map(Board::find).transpose()?;
        let all = usize::try_from(self.threads).ok().filter(|threads| *threads > 0);
        let threads = Threads::spread(board.as_ref(), all, None);
        // 1. What networks run on.
        let mut session = board.as_ref().map(Board::session).unwrap_or_default();
        if let Some(names) = &self.provider {
            session.providers = names.split(',').map(str::parse).collect::<Result<_>>()?;
        }
        session.threads = threads.per_network();
        session.engines = Engines::of_user().map(|folder| Engines { folder, build: false });
        let backend = Backend::new(None, session);
        // 2. What else the board and the properties say.
        let mut options = Options::new(backend.opener());
        if let Some(board) = &board {
            board.apply(&mut options);
        }
        options.painters = threads.painters;
        options.decoders = threads.all;
        if let Some(name) = &self.precision {
            options.precision = name.parse()?;
        }
        Ok((backend, options))
    }

    /// The view to show.
    pub(crate) fn view(&self, header: &Header) -> ViewId {
        let first = || header.explicit_views().next().unwrap_or(ViewId(0));
        u8::try_from(self.view).map_or_else(|_| first(), ViewId)
    }
}

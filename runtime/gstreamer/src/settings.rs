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
    fn board(&self) -> Result<Option<Board>> {
        self.board.as_deref().map(Board::find).transpose()
    }

    fn threads(&self, board: Option<&Board>) -> Threads {
        let all = usize::try_from(self.threads).ok().filter(|threads| *threads > 0);
        Threads::spread(board, all, None)
    }

    /// What networks run on.
    ///
    /// # Errors
    /// [`iev_runtime::Error::Usage`] for a name that is none.
    pub(crate) fn backend(&self) -> Result<Backend> {
        let board = self.board()?;
        let mut session = board.as_ref().map(Board::session).unwrap_or_default();
        if let Some(names) = &self.provider {
            session.providers = names.split(',').map(str::parse).collect::<Result<_>>()?;
        }
        session.threads = self.threads(board.as_ref()).per_network();
        session.engines = Engines::of_user().map(|folder| Engines { folder, build: false });
        Ok(Backend::new(None, session))
    }

    /// How a stream is opened.
    ///
    /// # Errors
    /// As [`Settings::backend`].
    pub(crate) fn options(&self, backend: &Backend) -> Result<Options> {
        let board = self.board()?;
        let threads = self.threads(board.as_ref());
        let mut options = Options::new(backend.opener());
        if let Some(board) = &board {
            board.apply(&mut options);
        }
        options.painters = threads.painters;
        options.decoders = threads.all;
        if let Some(name) = &self.precision {
            options.precision = name.parse()?;
        }
        Ok(options)
    }

    /// The view to show.
    pub(crate) fn view(&self, header: &Header) -> ViewId {
        let first = || header.explicit_views().next().unwrap_or(ViewId(0));
        u8::try_from(self.view).map_or_else(|_| first(), ViewId)
    }
}

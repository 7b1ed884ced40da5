//! A playback seen from any pose: the depth of the next frame is found while this one is rendered.
//!
//! ```text
//! playback ─► iev-depth ─► a renderer that has the frame ─► who renders
//!                 ▲                                            │
//!                 └──────────── the renderer before ───────────┘
//! ```
//!
//! Depth has threads of its own. Why: on those that pictures are rendered on, a picture would wait for the depth of a whole
//! view to be done. They come after what else the machine has to do, for a frame has longer than a picture.

use std::fmt::Display;
use std::panic::resume_unwind;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::player::{Playback, Player, Selection};
use super::shown::ShownFrame;
use super::sync::{Builder, JoinHandle, Receiver, Sender, bounded};
use crate::error::{Error, Result};
use crate::format::cameras::Cameras;
use crate::format::views::ViewSet;
use crate::picture::Picture;
use crate::render::{Renderer, Viewpoint};
use crate::units::FrameIndex;

/// Renderers under way: one to render from, one that finds the depth of the next frame. Each keeps what depth it can of
/// the frame before the last.
const RENDERERS: usize = 2;

/// By how much depth gives way: a thread that renders gets three times as much of a processor.
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 5;

/// A renderer that has a frame.
struct Ready {
    shown: ShownFrame,
    renderer: Renderer,
}

impl Ready {
    fn take(shown: ShownFrame, mut renderer: Renderer) -> Self {
        renderer.take(shown.with_ids().map(|(id, picture)| (id.view, picture)));
        Self { shown, renderer }
    }
}

/// What a [`Renderer`] shows of a playback, frame by frame.
///
/// ```no_run
/// use iev_runtime::render::Viewpoint;
/// use iev_runtime::{Backend, Options, Picture, Player, Selection};
///
/// # fn main() -> iev_runtime::Result<()> {
/// let player = Player::open("clip.iev".as_ref(), Options::new(Backend::default().opener()))?;
/// let (header, cameras) = (player.header(), player.cameras()?.expect("a stream with cameras"));
/// let left = Viewpoint::of_camera(&cameras.views[0], header.size);
/// let eyes = [left.moved_right(0.1), left.moved_right(0.163)];
/// let mut posed = player.posed(&Selection::new(player.views_at(&eyes)?, player.frames()))?;
/// let mut out = [Picture::new(header.size), Picture::new(header.size)];
/// while let Some(frame) = posed.next_frame() {
///     frame?;
///     let [left, right] = &mut out;
///     posed.render_pair([(&eyes[0], left), (&eyes[1], right)]);
/// }
/// # Ok(())
/// # }
/// ```
pub struct PosedPlayback {
    /// The frame to render; none before the first.
    current: Option<Ready>,
    /// Shown from the next frame on that is not under way.
    views: ViewSet,
    /// None behind the last frame.
    queues: Option<Queues>,
    thread: Option<JoinHandle<()>>,
}

struct Queues {
    again: Sender<(Renderer, ViewSet)>,
    ready: Receiver<Result<Ready>>,
}

impl Player {
    /// The views that pictures at `poses` are best rendered from.
    ///
    /// # Errors
    /// [`Error::Usage`] where the stream has no cameras, and what reading them meets.
    pub fn views_at(&self, poses: &[Viewpoint]) -> Result<ViewSet> {
        let renderer = Renderer::new(self.header().size, &self.known_cameras()?);
        Ok(poses.iter().flat_map(|at| renderer.views(at)).collect())
    }

    /// Plays as [`Player::play`], to be seen from any pose.
    ///
    /// # Errors
    /// As [`Player::views_at`] and [`Player::play`].
    pub fn posed(&self, selection: &Selection) -> Result<PosedPlayback> {
        let cameras = self.known_cameras()?;
        PosedPlayback::over(self.play(selection)?, None, &cameras)
    }

    fn known_cameras(&self) -> Result<Cameras> {
        let what = || "the stream has no cameras, so nothing says where its views are".into();
        self.cameras()?.ok_or_else(|| Error::Usage { what: what() })
    }
}

/// As many threads as pictures are rendered on, which give way to those.
fn depth_pool() -> Result<ThreadPool, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads());
    let pool = pool.thread_name(|number| format!("iev-depth-{number}"));
    pool.start_handler(|_| go_last()).build()
}

/// Lets other threads of the machine go first.
fn go_last() {
    // A system that refuses treats all alike.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(GIVES_WAY);
}

/// Fills one renderer after another, until nobody wants more.
fn find_depths(
    mut playback: Playback,
    wishes: &Receiver<(Renderer, ViewSet)>,
    ready: &Sender<Result<Ready>>,
) {
    for (renderer, views) in wishes {
        let shown = playback.show(views).and_then(|()| playback.next().transpose());
        let filled = shown.transpose().map(|shown| {
            let mut ready = Ready::take(shown?, renderer);
            ready.renderer.prepare();
            Ok(ready)
        });
        let Some(filled) = filled else { return };
        // An error ends the playing.
        let failed = filled.is_err();
        if ready.send(filled).is_err() || failed {
            return;
        }
    }
}

impl PosedPlayback {
    /// Goes on with what plays from views by `cameras`, of which `shown` was taken last.
    ///
    /// # Errors
    /// [`Error::Backend`] when the system refuses a thread.
    pub fn over(playback: Playback, shown: Option<ShownFrame>, cameras: &Cameras) -> Result<Self> {
        let (size, views) = (playback.size(), playback.wanted());
        let current = shown.map(|shown| Ready::take(shown, Renderer::new(size, cameras)));
        let (again, orders) = bounded(RENDERERS);
        for _ in usize::from(current.is_some())..RENDERERS {
            let _ = again.send((Renderer::new(size, cameras), views));
        }
        let (give, ready) = bounded(RENDERERS);
        let thread = Builder::new().name("iev-depth".into());
        let refused = |e: &dyn Display| Error::Backend { what: format!("a thread: {e}") };
        let pool = depth_pool().map_err(|e| refused(&e))?;
        let thread = thread.spawn(move || pool.install(|| find_depths(playback, &orders, &give)));
        let thread = thread.map_err(|e| refused(&e))?;
        Ok(Self { current, views, queues: Some(Queues { again, ready }), thread: Some(thread) })
    }

    /// Goes to the next frame; none behind the last, which stays at hand.
    pub fn next_frame(&mut self) -> Option<Result<FrameIndex>> {
        let queues = self.queues.as_ref()?;
        let Ok(ready) = queues.ready.recv() else {
            // A thread that has ended says why.
            self.end();
            return None;
        };
        Some(ready.map(|ready| {
            let frame = ready.shown.frame;
            if let Some(last) = self.current.replace(ready) {
                let _ = queues.again.send((last.renderer, self.views));
            }
            frame
        }))
    }

    /// The frame at hand, as it was decoded.
    pub fn shown(&self) -> Option<&ShownFrame> {
        self.current.as_ref().map(|ready| &ready.shown)
    }

    /// Shows other views, such as those around other poses: a few frames later, for those are under way already. Views
    /// that were not selected as reachable are an error that comes in its turn.
    pub fn show(&mut self, views: ViewSet) {
        self.views = views;
    }

    /// Renders the frame at hand, as often as poses come: see [`Renderer::render`]. Nothing before the first frame.
    ///
    /// # Panics
    /// As [`Renderer::render`].
    pub fn render(&mut self, at: &Viewpoint, out: &mut Picture) -> f64 {
        self.current.as_mut().map_or(0.0, |ready| ready.renderer.render(at, out))
    }

    /// Renders what two eyes see of it at once: see [`Renderer::render_pair`].
    ///
    /// # Panics
    /// As [`Renderer::render`].
    pub fn render_pair(&mut self, eyes: [(&Viewpoint, &mut Picture); 2]) -> [f64; 2] {
        self.current.as_mut().map_or([0.0; 2], |ready| ready.renderer.render_pair(eyes))
    }

    fn end(&mut self) {
        self.queues = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            resume_unwind(panic);
        }
    }
}

impl Drop for PosedPlayback {
    fn drop(&mut self) {
        self.queues = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

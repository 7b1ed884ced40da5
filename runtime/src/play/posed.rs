//! A playback seen from any pose: the depth of the next frame is found while this one is rendered.
//!
//! ```text
//! playback ─► iev-depth ─► a renderer that has the frame ─► who renders
//!                 ▲                                            │
//!                 └──────────── the renderer before ───────────┘
//! ```
//!
//! Depth has threads of its own. Why: on those that pictures are rendered on, a picture would wait for the depth of a whole
//! view to be done. For a display they come after all else that the machine has to do: a head must not wait, while a
//! frame that comes late is only old. Where most frames come late, depth is found in fewer pixels from then on.

use std::fmt::Display;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::player::{Playback, Player, Selection};
use super::shares::Arrival;
use super::shown::ShownFrame;
use super::sync::{self, Builder, JoinHandle, Receiver, RecvTimeoutError, Sender, bounded};
use crate::error::{Error, Result, within};
use crate::format::cameras::Cameras;
use crate::format::views::ViewSet;
use crate::picture::Picture;
use crate::render::{Renderer, Viewpoint};
use crate::stream::source::Waiting;
use crate::units::FrameIndex;

/// Renderers under way: one to render from, one that finds the depth of the next frame. Each keeps what depth it can of
/// the frame before the last.
const RENDERERS: usize = 2;

/// Frames that a display had of late, after which it is told whether depth keeps up with it; and frames that are passed
/// over before it is asked whether that helps.
const LATELY: u64 = 8;
/// What one frame counts for at most among those that were missed: one gap, as of a program that was stopped, says
/// nothing of depth.
const MOST_MISSED: u64 = 2;

/// Who renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumer {
    /// A display, which has a picture to show at each of its ticks, of an older frame where need be.
    Display,
    /// Something that has time for every frame, such as a file.
    File,
}

/// A renderer that has a frame.
struct Ready {
    shown: ShownFrame,
    /// Counted from the first frame of the playback.
    number: u64,
    renderer: Renderer,
}

impl Ready {
    fn take(shown: ShownFrame, number: u64, mut renderer: Renderer) -> Self {
        renderer.take(shown.with_ids().map(|(id, picture)| (id.view, picture)));
        Self { shown, number, renderer }
    }
}

/// What a [`Renderer`] shows of a playback, frame by frame.
///
/// ```no_run
/// use iev_runtime::render::Viewpoint;
/// use iev_runtime::{Backend, Consumer, Options, Picture, Player, Selection};
///
/// # fn main() -> iev_runtime::Result<()> {
/// let player = Player::open("clip.iev".as_ref(), Options::new(Backend::default().opener()))?;
/// let (header, cameras) = (player.header(), player.cameras()?.expect("a stream with cameras"));
/// let left = Viewpoint::of_camera(&cameras.views[0], header.size);
/// let eyes = [left.moved_right(0.1), left.moved_right(0.163)];
/// let selection = Selection::new(player.views_at(&eyes)?, player.frames());
/// let mut posed = player.posed(&selection, Consumer::File)?;
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
    /// Number of the first frame that is still of use.
    due: Arc<AtomicU64>,
    /// None behind the last frame.
    queues: Option<Queues>,
    /// None once the playback waits for nothing.
    waiting: Option<Waiting>,
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

    /// Plays as [`Player::play`], to be seen from any pose by `consumer`.
    ///
    /// # Errors
    /// As [`Player::views_at`] and [`Player::play`]; [`Error::OverBudget`] where what is kept for rendering beside that takes
    /// more memory than there may be.
    pub fn posed(&self, selection: &Selection, consumer: Consumer) -> Result<PosedPlayback> {
        let cameras = self.known_cameras()?;
        let (views, shown) = (selection.reachable.len(), selection.shown.len());
        let renderers = RENDERERS as u64 * Renderer::bytes(self.header().size, views, shown);
        let bytes = self.bytes().saturating_add(renderers);
        within("memory in bytes, rendering included,", bytes, self.options().limits.memory_bytes)?;
        PosedPlayback::over(self.play(selection)?, None, &cameras, consumer)
    }

    fn known_cameras(&self) -> Result<Cameras> {
        let what = || "the stream has no cameras, so nothing says where its views are".into();
        self.cameras()?.ok_or_else(|| Error::Usage { what: what() })
    }
}

/// As many threads as pictures are rendered on, which give way to those of a display.
fn depth_pool(consumer: Consumer) -> Result<ThreadPool, ThreadPoolBuildError> {
    let pool = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads());
    let pool = pool.thread_name(|number| format!("iev-depth-{number}"));
    let rank = move |_| match consumer {
        Consumer::Display => sync::go_last(),
        Consumer::File => sync::give_way(),
    };
    pool.start_handler(rank).build()
}

/// Frames that a display had and missed of late.
#[derive(Debug, Default)]
struct Lateness {
    had: u64,
    missed: u64,
    /// Whether more were missed than came, at some time.
    was_great: bool,
}

impl Lateness {
    /// Counts a frame that comes behind so many that were missed.
    fn count(&mut self, missed: u64) {
        (self.had, self.missed) = (self.had + 1, self.missed + missed.min(MOST_MISSED));
        if self.had == LATELY {
            let was_great = self.was_great || self.missed > LATELY;
            *self = Self { was_great, ..Self::default() };
        }
    }
}

/// Fills one renderer after another, until nobody wants more.
fn find_depths(
    mut playback: Playback,
    due: &AtomicU64,
    wishes: &Receiver<(Renderer, ViewSet)>,
    ready: &Sender<Result<Ready>>,
    quick: impl Fn() -> Renderer,
) {
    let mut lateness = Lateness::default();
    for (mut renderer, views) in wishes {
        if lateness.was_great && !renderer.is_quick() {
            renderer = quick();
        }
        let due_next = playback.taken();
        let shown = playback.show(views).and_then(|()| next_due(&mut playback, due).transpose());
        let filled = shown.transpose().map(|shown| {
            let mut ready = Ready::take(shown?, playback.taken() - 1, renderer);
            lateness.count(ready.number - due_next);
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

/// The next frame that is still of use; where the playback ends before that, its last one, and where passing over frames
/// does not catch up with what is due, as behind a source that had nothing for a while, one that is late.
fn next_due(playback: &mut Playback, due: &AtomicU64) -> Option<Result<ShownFrame>> {
    let mut before = due.load(Ordering::Relaxed).saturating_sub(playback.taken());
    let (mut late, mut passed, mut in_vain) = (None, 0, false);
    loop {
        let due = due.load(Ordering::Relaxed);
        playback.skip_before(if in_vain { 0 } else { due });
        let shown = match playback.next() {
            Some(Ok(shown)) if playback.taken() <= due => shown,
            None => return late.filter(|shown: &ShownFrame| !shown.degraded).map(Ok),
            next => return next,
        };
        if in_vain && !shown.degraded {
            return Some(Ok(shown));
        }
        (late, passed) = (Some(shown), passed + 1);
        if passed % LATELY == 0 {
            let behind = due.saturating_sub(playback.taken());
            in_vain |= behind.saturating_add(LATELY / 2) > before;
            before = behind;
        }
    }
}

impl PosedPlayback {
    /// Goes on with what plays from views by `cameras`, of which `shown` was taken last, for `consumer`.
    ///
    /// # Errors
    /// [`Error::Backend`] when the system refuses a thread.
    pub fn over(
        playback: Playback,
        shown: Option<ShownFrame>,
        cameras: &Cameras,
        consumer: Consumer,
    ) -> Result<Self> {
        let (size, views) = (playback.size(), playback.wanted());
        let waiting = Some(playback.waiting());
        let number = playback.taken().saturating_sub(1);
        let current = shown.map(|shown| Ready::take(shown, number, Renderer::new(size, cameras)));
        let (again, orders) = bounded(RENDERERS);
        for _ in usize::from(current.is_some())..RENDERERS {
            let _ = again.send((Renderer::new(size, cameras), views));
        }
        let (give, ready) = bounded(RENDERERS);
        let thread = Builder::new().name("iev-depth".into());
        let refused = |e: &dyn Display| Error::Backend { what: format!("a thread: {e}") };
        let pool = depth_pool(consumer).map_err(|e| refused(&e))?;
        let due = Arc::<AtomicU64>::default();
        let still = Arc::clone(&due);
        let cameras = cameras.clone();
        let quick = move || Renderer::quick(size, &cameras);
        let work = move || pool.install(|| find_depths(playback, &still, &orders, &give, quick));
        let thread = thread.spawn(work).map_err(|e| refused(&e))?;
        Ok(Self {
            current,
            views,
            due,
            queues: Some(Queues { again, ready }),
            waiting,
            thread: Some(thread),
        })
    }

    /// Goes to the next frame; none behind the last, which stays at hand.
    pub fn next_frame(&mut self) -> Option<Result<FrameIndex>> {
        match self.next_frame_within(Duration::MAX) {
            Arrival::Item(frame) => Some(frame),
            Arrival::NotYet | Arrival::Ended => None,
        }
    }

    /// Goes to the next frame if it is decoded and its depth known within `patience`; otherwise the one at hand stays, to be
    /// seen from a newer pose.
    pub fn next_frame_within(&mut self, patience: Duration) -> Arrival<Result<FrameIndex>> {
        let Some(queues) = &self.queues else { return Arrival::Ended };
        match queues.ready.recv_timeout(patience) {
            Ok(ready) => Arrival::Item(ready.map(|ready| {
                let frame = ready.shown.frame;
                if let Some(last) = self.current.replace(ready) {
                    let _ = queues.again.send((last.renderer, self.views));
                }
                frame
            })),
            Err(RecvTimeoutError::Timeout) => Arrival::NotYet,
            // A thread that has ended says why.
            Err(RecvTimeoutError::Disconnected) => {
                self.end();
                Arrival::Ended
            }
        }
    }

    /// The frame at hand, as it was decoded.
    pub fn shown(&self) -> Option<&ShownFrame> {
        self.current.as_ref().map(|ready| &ready.shown)
    }

    /// Which one that is, counted from the first frame of the playback; none before it.
    pub fn number(&self) -> Option<u64> {
        self.current.as_ref().map(|ready| ready.number)
    }

    /// Whether the depth of the frame at hand was found in fewer pixels, because most frames came late.
    pub fn is_quick(&self) -> bool {
        self.current.as_ref().is_some_and(|ready| ready.renderer.is_quick())
    }

    /// Passes over frames before `number`, counted as by [`Self::number`], whose depth nobody has begun to find: for who is
    /// late and would rather miss frames than show old ones. Where that does not catch up, because the source had nothing
    /// for a while or is too slow, an older one comes all the same: a clock that says what is due starts again with it.
    pub fn skip_before(&self, number: u64) {
        self.due.store(number, Ordering::Relaxed);
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
        // Nothing is passed over any more: the frame that comes next finds nobody.
        self.skip_before(0);
        (self.queues, self.waiting) = (None, None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

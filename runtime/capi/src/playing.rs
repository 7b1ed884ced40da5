//! `iev_play` and what follows it: one frame after another, and views that change meanwhile.
#![allow(unsafe_code, reason = "functions of a C interface")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::MAX_VIEWS;
use iev_runtime::play::Arrival;
use iev_runtime::{
    Consumer, Error, Picture, Playback, Player, PosedPlayback, Result, Selection, ShownFrame,
    ViewId, ViewSet,
};

use crate::abi::{ALL, END, Frame, LATER, OK, Status};
use crate::edge::{Place, bits, edge, given, listed, usage, views};

/// What C calls `iev_player`.
pub struct Handle {
    pub(crate) player: Player,
    /// Once they were asked for.
    cameras: OnceLock<Cameras>,
    /// Sets that `iev_show` reads and writes while another thread waits for a frame; no view is reachable before
    /// anything plays.
    wanted: AtomicU32,
    reachable: AtomicU32,
    playing: Mutex<Playing>,
}

/// What plays, and the frame in hand.
#[derive(Default)]
pub(crate) struct Playing {
    selection: Option<Selection>,
    /// Whether the last frame was given.
    ended: bool,
    /// Taken out while it works, so that a panic leaves none.
    frames: Frames,
    /// What eyes see, before it is the caller's.
    pub(crate) pictures: [Option<Picture>; 2],
}

/// Where frames come from.
#[derive(Default)]
#[allow(
    clippy::large_enum_variant,
    reason = "one for each player, and a box would be one for each frame"
)]
enum Frames {
    #[default]
    Nowhere,
    /// As they are decoded; and the one in hand.
    Plain(Playback, Option<ShownFrame>),
    /// With their depth, once a picture between the cameras was asked for.
    Posed(PosedPlayback),
}

impl Playing {
    /// The frame in hand.
    pub(crate) fn shown(&self) -> Option<&ShownFrame> {
        match &self.frames {
            Frames::Nowhere => None,
            Frames::Plain(_, shown) => shown.as_ref(),
            Frames::Posed(posed) => posed.shown(),
        }
    }

    /// Takes out what renders the frame in hand; depth of those that follow is found ahead from now on.
    pub(crate) fn take_posed(&mut self, cameras: &Cameras) -> Result<PosedPlayback> {
        if self.shown().is_none() {
            return Err(usage("no frame is in hand: call iev_next"));
        }
        match std::mem::take(&mut self.frames) {
            Frames::Nowhere => unreachable!("a frame is in hand"),
            Frames::Plain(playback, shown) => {
                PosedPlayback::over(playback, shown, cameras, Consumer::Display)
            }
            Frames::Posed(posed) => Ok(posed),
        }
    }

    /// Puts it back.
    pub(crate) fn put_posed(&mut self, posed: PosedPlayback) {
        self.frames = Frames::Posed(posed);
    }

    /// Takes the next frame in hand if it comes within `patience`, with `views` if those can be shown. Behind the last one,
    /// and where none comes, the one in hand stays.
    fn next(&mut self, views: ViewSet, patience: Duration) -> Result<Status> {
        let (next, status) = match std::mem::take(&mut self.frames) {
            Frames::Nowhere => return Err(nothing_plays()),
            Frames::Plain(mut playback, shown) => {
                // Fails on a set that another thread chose before an iev_play that left it out.
                let _ = playback.show(views);
                let (shown, status) = match playback.next_within(patience) {
                    Arrival::Item(next) => (Some(next?), OK),
                    Arrival::NotYet => (shown, LATER),
                    Arrival::Ended => (shown, END),
                };
                (Frames::Plain(playback, shown), status)
            }
            Frames::Posed(mut posed) => {
                // As above, but an error that comes in its turn.
                if self.selection.as_ref().is_some_and(|all| all.reachable.includes(views)) {
                    posed.show(views);
                }
                let status = match posed.next_frame_within(patience) {
                    Arrival::Item(frame) => frame.map(|_| OK)?,
                    Arrival::NotYet => LATER,
                    Arrival::Ended => END,
                };
                (Frames::Posed(posed), status)
            }
        };
        self.frames = next;
        self.ended = status == END;
        Ok(status)
    }
}

/// Any thread may call.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Handle>();
};

impl Handle {
    pub(crate) fn new(player: Player) -> Self {
        let (wanted, reachable) = (AtomicU32::new(0), AtomicU32::new(0));
        let (cameras, playing) = (OnceLock::new(), Mutex::default());
        Self { player, cameras, wanted, reachable, playing }
    }

    pub(crate) fn playing(&self) -> MutexGuard<'_, Playing> {
        self.playing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cameras(&self) -> Result<&Cameras> {
        if let Some(cameras) = self.cameras.get() {
            return Ok(cameras);
        }
        let cameras = self.player.cameras()?;
        let cameras = cameras.ok_or_else(|| usage("the stream has no cameras"))?;
        Ok(self.cameras.get_or_init(|| cameras))
    }

    fn play(&self, playing: &mut Playing, selection: Selection) -> Result<Status> {
        // Its threads end before others begin.
        *playing = Playing::default();
        self.reachable.store(0, Ordering::Relaxed);
        playing.frames = Frames::Plain(self.player.play(&selection)?, None);
        self.reachable.store(bits(selection.reachable.iter()), Ordering::Relaxed);
        self.wanted.store(bits(selection.shown.iter()), Ordering::Relaxed);
        playing.selection = Some(selection);
        Ok(OK)
    }

    pub(crate) fn show(&self, shown: ViewSet) -> Result<Status> {
        let reachable = self.reachable.load(Ordering::Relaxed);
        if reachable == 0 {
            return Err(nothing_plays());
        }
        shown.check(self.player.header())?;
        if !views(reachable).includes(shown) {
            return Err(usage("a view to show is not among the reachable ones of iev_play"));
        }
        self.wanted.store(bits(shown.iter()), Ordering::Relaxed);
        Ok(OK)
    }
}

fn nothing_plays() -> Error {
    usage("nothing plays: call iev_play")
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_play(
    player: *mut Handle,
    shown: u32,
    reachable: u32,
    first: u32,
    end: u32,
    repeat: i32,
) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let handle = unsafe { given(player, "player") }?;
        let header = handle.player.header();
        let all = |set| if set == ALL { ViewSet::all(header) } else { views(set) };
        let end = if end == ALL { header.frames } else { end };
        if first >= end {
            return Err(usage(format!("no frame is in {first} up to {end}")));
        }
        let (shown, reachable) = (all(shown), all(reachable));
        let selection =
            Selection { reachable, repeat: repeat != 0, ..Selection::new(shown, first..end) };
        handle.play(&mut handle.playing(), selection)
    })
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_seek(player: *mut Handle, first: u32) -> Status {
    edge(|| {
        // SAFETY: the caller keeps the rule.
        let handle = unsafe { given(player, "player") }?;
        let mut playing = handle.playing();
        let selection = playing.selection.clone().ok_or_else(nothing_plays)?;
        if !selection.frames.contains(&first) {
            let (start, end) = (selection.frames.start, selection.frames.end);
            return Err(usage(format!(
                "frame {first} is not among those that play, {start} up to {end}"
            )));
        }
        let shown = views(handle.wanted.load(Ordering::Relaxed));
        handle.play(&mut playing, Selection { shown, skip_to: first, ..selection })
    })
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_show(player: *mut Handle, shown: u32) -> Status {
    // SAFETY: the caller keeps the rule.
    edge(|| unsafe { given(player, "player") }?.show(views(shown)))
}

/// # Safety
/// As iev.h says: `player` is open, there are three numbers for each of `count` points, and room for a view of each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_set_poses(
    player: *mut Handle,
    positions: *const f64,
    count: usize,
    views: *mut u32,
) -> Status {
    edge(|| {
        if !(1..=MAX_VIEWS).contains(&count) {
            return Err(usage(format!("{count} poses: 1 to {MAX_VIEWS} can be shown")));
        }
        // SAFETY: the caller keeps the rule.
        let (handle, numbers) =
            unsafe { (given(player, "player")?, listed(positions, 3 * count, "positions")?) };
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(usage("a position is not a number"));
        }
        let cameras = handle.cameras()?;
        let nearest = |at: &[f64; 3]| cameras.nearest((*at).into());
        let chosen: Vec<ViewId> = numbers.as_chunks().0.iter().filter_map(nearest).collect();
        let status = handle.show(chosen.iter().copied().collect())?;
        if !views.is_null() {
            for (at, view) in chosen.iter().enumerate() {
                // SAFETY: there is room for one of each point.
                unsafe { views.add(at).write(view.0.into()) }
            }
        }
        Ok(status)
    })
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_next(player: *mut Handle, frame: *mut Frame) -> Status {
    // SAFETY: the caller keeps the rule.
    edge(|| unsafe { next(player, Duration::MAX, frame) })
}

/// # Safety
/// As iev.h says: `player` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iev_next_within(
    player: *mut Handle,
    seconds: f64,
    frame: *mut Frame,
) -> Status {
    edge(|| {
        let patience = Duration::try_from_secs_f64(seconds);
        let patience = patience.map_err(|e| usage(format!("{seconds} seconds: {e}")))?;
        // SAFETY: the caller keeps the rule.
        unsafe { next(player, patience, frame) }
    })
}

/// # Safety
/// As iev.h says of [`iev_next`].
unsafe fn next(player: *mut Handle, patience: Duration, frame: *mut Frame) -> Result<Status> {
    // SAFETY: the caller keeps the rule.
    let handle = unsafe { given(player, "player") }?;
    let playing = &mut *handle.playing();
    if playing.ended {
        return Ok(END);
    }
    let wanted = handle.wanted.load(Ordering::Relaxed);
    let status = playing.next(views(wanted), patience)?;
    let Some(shown) = playing.shown().filter(|_| status == OK) else { return Ok(status) };
    let taken =
        Frame { number: shown.frame.0, views: bits(shown.pictures.iter().map(|shown| shown.view)) };
    // SAFETY: as above.
    if let Ok(place) = unsafe { Place::of(frame, "frame") } {
        place.put(taken);
    }
    Ok(OK)
}

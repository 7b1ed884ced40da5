//! Deadlines: a network that stalls makes drops, repeats or degraded frames by the policy, each
//! counted, and the playback is in step again once the network goes on. A decoder of explicit views whose work comes in
//! bursts makes none.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use iev_runtime::anchor::decoder::{AnchorDecoder, Input, Ready};
use iev_runtime::format::views::ViewSet;
use iev_runtime::network::{Canvas, Network, Spans, Witness};
use iev_runtime::play::deadline::{Counts, Late, Outcome, RECOVERY};
use iev_runtime::play::options::Options;
use iev_runtime::play::paced::PacedPlayback;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::{Error, PictureId, Result, ViewId};
use small_stream::{SIZE, explicit_stream, options, small_stream};

const PERIOD: Duration = Duration::from_millis(10);
/// For what is on its way.
const LONG: Duration = Duration::from_secs(60);

/// Runs that a network may still make, `None` for any number, and how many stand before it and may not.
#[derive(Default)]
struct Gate(Mutex<(Option<u32>, usize)>, Condvar);

impl Gate {
    fn allow(&self, runs: Option<u32>) {
        self.0.lock().unwrap().0 = runs;
        self.1.notify_all();
    }

    fn pass(&self) {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        self.1.notify_all();
        let mut state = self.1.wait_while(state, |(runs, _)| *runs == Some(0)).unwrap();
        state.1 -= 1;
        if let Some(runs) = state.0.as_mut() {
            *runs -= 1;
        }
    }

    /// Waits until a network has stalled, so that what comes late does not overtake it.
    fn wait_for_stall(&self) {
        let not_yet =
            |(runs, waiting): &mut (Option<u32>, usize)| *runs != Some(0) || *waiting == 0;
        drop(self.1.wait_while(self.0.lock().unwrap(), not_yet).unwrap());
    }
}

/// A network that waits at a gate.
struct Gated(Box<dyn Network>, Arc<Gate>);

impl Network for Gated {
    fn latents(&mut self) -> [&mut [f32]; 2] {
        self.0.latents()
    }

    fn paint(
        &mut self,
        batch: &mut [Canvas<'_>],
        witness: Option<&mut Witness<'_>>,
    ) -> Result<Spans> {
        self.1.pass();
        self.0.paint(batch, witness)
    }
}

/// Both views, or only the implicit one, over and over.
fn paced(late: Late, implicit_only: bool, fails_at: Option<u32>) -> (PacedPlayback, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let (inner, at_gate) = (options(fails_at).open, Arc::clone(&gate));
    let open = move |header: &_, levels: &_, opening| {
        let network = inner(header, levels, opening)?;
        Ok(Box::new(Gated(network, Arc::clone(&at_gate))) as Box<dyn Network>)
    };
    let options = Options::new(Arc::new(open));
    let player = Player::over(small_stream().into(), options).unwrap();
    let all = ViewSet::all(player.header());
    let views = if implicit_only { [ViewId(1)].into_iter().collect() } else { all };
    let selection = Selection { repeat: true, ..Selection::new(views, player.frames()) };
    let playback = player.play(&selection).unwrap();
    (PacedPlayback::new(playback, late, PERIOD), gate)
}

/// Outcomes of ticks `range` with their numbers of pictures.
fn ticks(
    paced: &mut PacedPlayback,
    range: std::ops::Range<u32>,
    patience: Duration,
) -> Vec<(Outcome, usize)> {
    let tick = |at| {
        let tick = paced.tick(PERIOD * at, patience).unwrap().unwrap();
        (tick.outcome, tick.shown.map_or(0, |shown| shown.pictures.len()))
    };
    range.map(tick).collect()
}

/// With one painter, for two would race for the last run that is allowed: three frames in step, three ticks at which the network stalls, and 20 more once it goes on.
fn stalled(late: Late) -> (Vec<(Outcome, usize)>, Counts) {
    let (mut paced, gate) = paced(late, false, None);
    gate.allow(Some(3));
    let mut seen = ticks(&mut paced, 0..3, LONG);
    gate.wait_for_stall();
    seen.extend(ticks(&mut paced, 3..6, Duration::ZERO));
    gate.allow(None);
    seen.extend(ticks(&mut paced, 6..26, LONG));
    (seen, paced.counts())
}

#[test]
fn a_stall_drops_what_has_had_its_turn() {
    let (seen, counts) = stalled(Late::Drop);
    let expected = (0..26).map(|at| match at {
        3..6 => (Outcome::Repeated, 2),
        _ => (Outcome::OnTime, 2),
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let counted = Counts { on_time: 23, repeated: 3, dropped: 3, ..Counts::default() };
    assert_eq!(counts, counted);
}

#[test]
fn a_stall_moves_the_schedule_of_who_repeats() {
    let (seen, counts) = stalled(Late::Repeat);
    let expected = (0..26).map(|at| match at {
        3..6 => (Outcome::Repeated, 2),
        6 => (Outcome::Late, 2),
        _ => (Outcome::OnTime, 2),
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let counted = Counts { on_time: 22, late: 1, repeated: 3, ..Counts::default() };
    assert_eq!(counts, counted);
}

#[test]
fn a_stall_leaves_views_out_until_the_playback_has_recovered() {
    let (seen, counts) = stalled(Late::Degrade);
    // At tick 5 six frames were due, so those before 6 + RECOVERY come with the anchor alone.
    let whole = 6 + RECOVERY as u32;
    let expected = (0..26).map(|at| match at {
        3..6 => (Outcome::Repeated, 2),
        at if (6..whole).contains(&at) => (Outcome::Degraded, 1),
        _ => (Outcome::OnTime, 2),
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
    let on_time = 26 - 3 - RECOVERY;
    let counted = Counts { on_time, degraded: RECOVERY, repeated: 3, dropped: 3, late: 0 };
    assert_eq!(counts, counted);
}

#[test]
fn where_no_other_view_was_asked_for_the_anchor_is_shown() {
    let (mut paced, gate) = paced(Late::Degrade, true, None);
    gate.allow(Some(1));
    let mut views = Vec::new();
    for (at, patience) in [(0, LONG), (1, Duration::ZERO), (2, LONG)] {
        match at {
            1 => gate.wait_for_stall(),
            2 => gate.allow(None),
            _ => {}
        }
        let tick = paced.tick(PERIOD * at, patience).unwrap().unwrap();
        views.push((tick.outcome, tick.shown.unwrap().pictures[0].view.0));
    }
    let expected = [(Outcome::OnTime, 1), (Outcome::Repeated, 1), (Outcome::Degraded, 0)];
    assert_eq!(views, expected);
}

#[test]
fn an_overloaded_network_shows_what_it_can_and_never_stops() {
    let (mut paced, gate) = paced(Late::Drop, false, None);
    gate.allow(Some(0));
    // Before the first picture nothing is late.
    assert_eq!(ticks(&mut paced, 0..2, Duration::ZERO), [(Outcome::Unchanged, 0); 2]);
    gate.allow(None);
    assert_eq!(ticks(&mut paced, 2..3, LONG), [(Outcome::OnTime, 2)]);
    // Every other tick of the display is missed.
    for at in (4..40).step_by(2) {
        assert_eq!(ticks(&mut paced, at..at + 1, LONG), [(Outcome::OnTime, 2)]);
    }
    let Counts { on_time, dropped, .. } = paced.counts();
    assert_eq!((on_time, dropped), (19, 18));
}

#[test]
fn an_error_comes_in_its_turn() {
    let (mut paced, gate) = paced(Late::Drop, false, Some(2));
    gate.allow(None);
    assert_eq!(ticks(&mut paced, 0..2, LONG), [(Outcome::OnTime, 2); 2]);
    let failed = paced.tick(PERIOD * 2, LONG).unwrap();
    assert!(matches!(failed, Err(Error::Backend { .. })));
    assert!(paced.tick(PERIOD * 3, LONG).is_none());
}

#[test]
fn a_tick_that_meets_an_error_behind_a_picture_shows_the_picture_first() {
    let (mut paced, gate) = paced(Late::Drop, false, Some(2));
    gate.allow(None);
    assert_eq!(ticks(&mut paced, 0..1, LONG), [(Outcome::OnTime, 2)]);
    assert_eq!(ticks(&mut paced, 2..3, Duration::MAX), [(Outcome::Late, 2)]);
    assert!(matches!(paced.tick(PERIOD * 3, LONG), Some(Err(Error::Backend { .. }))));
    assert!(paced.tick(PERIOD * 4, LONG).is_none());
    assert_eq!(paced.counts(), Counts { on_time: 1, late: 1, ..Counts::default() });
}

/// Work that a decoder gets a little of at every tick, and that is lost unless it wants it then.
#[derive(Default)]
struct Work(Mutex<Wants>, Condvar);

#[derive(Default)]
struct Wants {
    work: bool,
    /// Whether any amount is there from now on.
    is_over: bool,
}

impl Work {
    /// Waits until so much was given.
    fn take(&self, amount: usize) {
        for _ in 0..amount {
            let mut wants = self.0.lock().unwrap();
            wants.work = true;
            self.1.notify_all();
            drop(self.1.wait_while(wants, |wants| wants.work && !wants.is_over).unwrap());
        }
    }

    fn give(&self) {
        let wants = self.0.lock().unwrap();
        // Whoever wants it says so within a busy machine's moment.
        let moment = Duration::from_millis(500);
        let wants = self.1.wait_timeout_while(wants, moment, |wants| !wants.work);
        wants.unwrap().0.work = false;
        self.1.notify_all();
    }

    fn end(&self) {
        self.0.lock().unwrap().is_over = true;
        self.1.notify_all();
    }
}

/// A decoder that does the work of [`BURST`] pictures for one, as AV1 does where others are hidden before it, and none
/// for the next.
struct Bursts(Box<dyn AnchorDecoder>, Arc<Work>, usize);

const BURST: usize = 6;

impl AnchorDecoder for Bursts {
    fn decode(&mut self, place: PictureId, input: Input<'_>, ready: &mut Ready) -> Result<()> {
        if self.2.is_multiple_of(BURST) {
            self.1.take(BURST);
        }
        self.2 += 1;
        self.0.decode(place, input, ready)
    }

    fn forget(&mut self, view: ViewId) {
        self.0.forget(view);
    }
}

#[test]
fn bursts_of_decoding_make_no_frame_late_over_gops_too() {
    const FRAMES: u32 = 20;
    let work = Arc::new(Work::default());
    let (open, spent) = (options(None).anchors, Arc::clone(&work));
    let anchors = move |size, bytes| {
        Ok(Box::new(Bursts(open(size, bytes)?, Arc::clone(&spent), 0)) as Box<dyn AnchorDecoder>)
    };
    let options = Options { anchors: Arc::new(anchors), ..options(None) };
    let player = Player::over(explicit_stream(SIZE, 2, FRAMES).into(), options).unwrap();
    let selection = Selection::new(ViewSet::all(player.header()), player.frames());
    let mut paced = PacedPlayback::new(player.play(&selection).unwrap(), Late::Repeat, PERIOD);
    (0..BURST).for_each(|_| work.give());
    for at in 0..2 * FRAMES {
        let tick = paced.tick(PERIOD * at, Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(tick.outcome, Outcome::OnTime, "tick {at}");
        work.give();
    }
    work.end();
}

//! Playing on over broken GOPs: the last good picture is held until the next GOP's IDR.
//!
//! Why around the whole chain: every GOP decodes with nothing but its scene, so a new chain from the
//! next GOP on is a whole recovery, and no stage needs to know.

use std::ops::Range;

use super::player::{Playback, Player, Selection};
use super::shown::{Pictures, ShownFrame, ShownView};
use crate::error::{Error, Result};
use crate::paint::timing::Timings;
use crate::picture::Picture;
use crate::picture::pool::Pool;
use crate::units::FrameIndex;

impl Player {
    /// As [`Player::play`], but a GOP that is broken in the stream costs its own frames alone: the last
    /// good pictures are held until the next one. It plays once, whatever `selection` says of repeating.
    ///
    /// # Errors
    /// As [`Player::play`].
    pub fn keep_going(&self, selection: &Selection) -> Result<KeepGoing<'_>> {
        KeepGoing::new(self, selection)
    }
}

/// A playback that holds pictures instead of stopping at what is broken in the stream.
pub struct KeepGoing<'a> {
    player: &'a Player,
    /// What is still to be shown.
    selection: Selection,
    /// None after the stream's fault: the next GOP starts a new one.
    playback: Option<Playback>,
    /// The last good pictures; grey ones before the first.
    last: Pictures,
    /// Frames before this one are held.
    held_until: u32,
    lost: u32,
    first_error: Option<Error>,
}

impl<'a> KeepGoing<'a> {
    pub(crate) fn new(player: &'a Player, selection: &Selection) -> Result<Self> {
        let grey = || Picture::new(player.header().size);
        let grey = Pool::new(0).take_or(grey).share();
        let views = selection.shown.iter();
        let last = views.map(|view| ShownView { view, picture: grey.clone() }).collect();
        // What is shown is counted from its first frame on, and once; a range that is none is refused as it is.
        let Range { start, end } = selection.frames;
        let frames = selection.skip_to.min(end).max(start)..end;
        let selection = Selection { frames, skip_to: 0, repeat: false, ..selection.clone() };
        let playback = Some(player.play(&selection)?);
        Ok(Self { player, selection, playback, last, held_until: 0, lost: 0, first_error: None })
    }

    /// Frames shown by a held picture so far, and the first error.
    pub fn lost(&self) -> (u32, Option<&Error>) {
        (self.lost, self.first_error.as_ref())
    }

    fn good(&mut self, shown: ShownFrame) -> ShownFrame {
        self.last.clone_from(&shown.pictures);
        self.selection.frames.start += 1;
        shown
    }

    fn held(&mut self) -> ShownFrame {
        let frame = FrameIndex(self.selection.frames.start);
        self.selection.frames.start += 1;
        self.lost += 1;
        let (degraded, timings) = (false, Timings::begin(0));
        ShownFrame { frame, pictures: self.last.clone(), degraded, timings }
    }

    /// Gives up the GOP of the next frame; what is nobody's fault but the machine's is handed on.
    fn give_up(&mut self, error: Error) -> Result<()> {
        self.playback = None;
        if !error.is_of_the_stream() {
            self.selection.frames.end = self.selection.frames.start;
            return Err(error);
        }
        self.first_error.get_or_insert(error);
        let gop_end = self.player.index().end_of(self.selection.frames.start);
        self.held_until = gop_end.min(self.selection.frames.end);
        Ok(())
    }
}

impl Iterator for KeepGoing<'_> {
    type Item = Result<ShownFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.selection.frames.is_empty() {
            if self.selection.frames.start < self.held_until {
                return Some(Ok(self.held()));
            }
            let playback = match self.playback.take() {
                Some(playback) => Ok(playback),
                None => self.player.play(&self.selection),
            };
            let answer = playback.map(|playback| self.playback.insert(playback).next());
            let error = match answer {
                Ok(Some(Ok(shown))) => return Some(Ok(self.good(shown))),
                Ok(None) => return None,
                Ok(Some(Err(error))) | Err(error) => error,
            };
            if let Err(error) = self.give_up(error) {
                return Some(Err(error));
            }
        }
        None
    }
}

//! What the consumer of a playback wants of it, told to the stages while they work.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::format::views::ViewSet;

/// The views to show, and which frames are too late to be painted.
#[derive(Debug)]
pub struct Demand {
    /// Bits of the views.
    shown: AtomicU32,
    unpainted_before: AtomicU64,
}

impl Demand {
    /// The given views, every frame painted.
    pub fn new(shown: ViewSet) -> Self {
        Self { shown: AtomicU32::new(shown.bits()), unpainted_before: AtomicU64::new(0) }
    }

    /// Views to show.
    pub fn shown(&self) -> ViewSet {
        ViewSet::from_bits(self.shown.load(Ordering::Relaxed))
    }

    /// Shows other views from now on.
    pub fn show(&self, views: ViewSet) {
        self.shown.store(views.bits(), Ordering::Relaxed);
    }

    /// Whether frame `number` of the playback is worth painting.
    pub fn painted(&self, number: u64) -> bool {
        number >= self.unpainted_before.load(Ordering::Relaxed)
    }

    /// Lets the painters skip all frames before `number`, counted from the start of the playback.
    pub fn skip_before(&self, number: u64) {
        self.unpainted_before.store(number, Ordering::Relaxed);
    }
}

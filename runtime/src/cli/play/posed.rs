//! What a head sees that is between the cameras.

use std::time::{Duration, Instant};

use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{FrameIndex, Picture, Size, ViewId};

/// Frames in turn that have to take longer than there is for depth to be found in fewer pixels from then on.
const SLOW: u32 = 8;

/// A head and its picture.
pub(super) struct Posed {
    cameras: Cameras,
    renderer: Renderer,
    pub at: Viewpoint,
    /// What the renderer has.
    taken: Option<(FrameIndex, ViewSet)>,
    /// Frames in turn that took longer than there was.
    slow: u32,
    picture: Picture,
}

impl Posed {
    pub(super) fn new(cameras: &Cameras, size: Size, at: Viewpoint) -> Self {
        let (renderer, picture) = (Renderer::new(size, cameras), Picture::new(size));
        Self { cameras: cameras.clone(), renderer, at, taken: None, slow: 0, picture }
    }

    /// Views to render from, the nearest first.
    pub(super) fn views(&self) -> Vec<ViewId> {
        self.renderer.views(&self.at).into_iter().collect()
    }

    /// What the head sees of a frame, for which there is so much time.
    pub(super) fn render(&mut self, shown: &ShownFrame, period: Duration) -> &Picture {
        let started = Instant::now();
        let views = shown.pictures.iter().map(|shown| shown.view).collect();
        let is_new = self.taken.replace((shown.frame, views)) != Some((shown.frame, views));
        if is_new {
            if self.slow == SLOW && !self.renderer.is_quick() {
                self.renderer = Renderer::quick(self.picture.size(), &self.cameras);
            }
            self.renderer.take(shown.with_ids().map(|(id, picture)| (id.view, picture)));
        }
        self.renderer.render(&self.at, &mut self.picture);
        if is_new {
            self.slow = if started.elapsed() > period { (self.slow + 1).min(SLOW) } else { 0 };
        }
        &self.picture
    }
}

//! What a head sees that is between the cameras.

use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{FrameIndex, Picture, Size, ViewId};

/// A head and its picture.
pub(super) struct Posed {
    renderer: Renderer,
    pub at: Viewpoint,
    /// What the renderer has.
    taken: Option<(FrameIndex, ViewSet)>,
    picture: Picture,
}

impl Posed {
    pub(super) fn new(cameras: &Cameras, size: Size, at: Viewpoint) -> Self {
        Self {
            renderer: Renderer::new(size, cameras),
            at,
            taken: None,
            picture: Picture::new(size),
        }
    }

    /// Views to render from, the nearest first.
    pub(super) fn views(&self) -> Vec<ViewId> {
        self.renderer.views(&self.at).into_iter().collect()
    }

    /// What the head sees of a frame.
    pub(super) fn render(&mut self, shown: &ShownFrame) -> &Picture {
        let views = shown.pictures.iter().map(|shown| shown.view).collect();
        if self.taken.replace((shown.frame, views)) != Some((shown.frame, views)) {
            self.renderer.take(shown.with_ids().map(|(id, picture)| (id.view, picture)));
        }
        self.renderer.render(&self.at, &mut self.picture);
        &self.picture
    }
}

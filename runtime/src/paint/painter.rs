//! The network of one scene with what it paints from: the grids' latents and the explicit pictures.

use std::sync::Arc;

use heapless::Vec as FixedVec;

use super::job::{FrameJob, Keys};
use crate::error::Result;
use crate::format::header::{Header, MAX_VIEWS, Role, Second};
use crate::network::opening::{OpenNetwork, Opening};
use crate::network::{Canvas, Network, Witness};
use crate::picture::Picture;
use crate::picture::pool::Loan;
use crate::profile::Profile;
use crate::stream::gop_reader::Scene;
use crate::stream::latents::sum_latent;
use crate::stream::scene::Grid;
use crate::units::{FrameIndex, PictureId, ViewId};

/// The network of one scene with the buffers around it.
pub struct Painter {
    header: Header,
    profile: &'static Profile,
    scene: Arc<Scene>,
    network: Box<dyn Network>,
    batch: usize,
    /// Place of every implicit view among the implicit ones.
    order: FixedVec<ViewId, MAX_VIEWS>,
    scratch: Vec<i64>,
}

impl Painter {
    /// Opens the network of `scene`.
    ///
    /// # Errors
    /// The backend's.
    ///
    /// # Panics
    /// If the header names no profile; it does where a view is implicit.
    pub fn new(
        header: &Header,
        scene: &Arc<Scene>,
        open: &OpenNetwork,
        opening: Opening,
    ) -> Result<Self> {
        let batch = opening.batch;
        let profile = header.profile();
        let profile =
            profile.unwrap_or_else(|| panic!("a header with implicit views names a profile"));
        let mut network = open(header, &scene.network, opening)?;
        let scratch = network.latents().map(|latents| latents.len()).into_iter().max();
        Ok(Self {
            network,
            order: header.implicit_views().collect(),
            header: header.clone(),
            profile,
            scene: Arc::clone(scene),
            batch,
            scratch: vec![0; scratch.unwrap_or(0) / batch],
        })
    }

    /// The scene it paints, by its place in the stream.
    pub fn scene(&self) -> u16 {
        self.scene.index
    }

    /// Fills the pictures of `batch`, each with its view, at the frame of `job`.
    ///
    /// # Errors
    /// The backend's, and the stream's when its grids turn out to be broken.
    pub fn paint(
        &mut self,
        job: &mut FrameJob,
        batch: &mut [(ViewId, Loan<Picture>)],
        witness: Option<&mut Witness<'_>>,
    ) -> Result<()> {
        self.all_latents(job, batch)?;
        let mut canvases = FixedVec::<Canvas<'_>, MAX_VIEWS>::new();
        canvases.extend(batch.iter_mut().map(|(view, picture)| Canvas {
            id: PictureId { view: *view, frame: job.frame },
            sources: sources(&self.header, job, *view),
            picture,
        }));
        let spans = self.network.paint(&mut canvases, witness)?;
        drop(canvases);
        job.timings.add_batch(spans);
        Ok(())
    }

    /// Latents of the batch's views in their slots.
    fn all_latents(&mut self, job: &FrameJob, batch: &[(ViewId, Loan<Picture>)]) -> Result<()> {
        for (slot, (view, _)) in batch.iter().enumerate() {
            let index = self.order.iter().position(|v| v == view);
            let index = index.unwrap_or_else(|| panic!("only implicit views are painted"));
            self.latents(job, slot, index)?;
        }
        Ok(())
    }

    fn latents(&mut self, job: &FrameJob, slot: usize, view: usize) -> Result<()> {
        let frame = (job.frame.0 - job.gop.first) as usize;
        let of_scene = self.scene.grids.get()?;
        let of_gop = job.gop.grids.as_ref().map_or(Ok(&[][..]), |grids| grids.get())?;
        let grids = || of_scene.iter().chain(of_gop).map(Grid::view);
        for (scale, latents) in [16, 8].into_iter().zip(self.network.latents()) {
            let length = latents.len() / self.batch;
            let latent = &mut latents[slot * length..][..length];
            let scratch = &mut self.scratch[..length];
            sum_latent(self.profile, scale, grids(), (frame, view), scratch, latent);
        }
        Ok(())
    }
}

/// The anchor, and the nearest key or the second anchor, of an implicit view.
fn sources<'a>(header: &Header, job: &'a FrameJob, view: ViewId) -> [(PictureId, &'a Picture); 2] {
    let Role::Implicit { anchor, second } = header.views[usize::from(view.0)] else {
        panic!("only implicit views are painted");
    };
    let explicit =
        |view: ViewId| (PictureId { view, frame: job.frame }, &*job.anchor(view).picture);
    let first = explicit(anchor);
    let second = match second {
        Second::Anchor(other) => explicit(other),
        Second::Key => nearest_key(job, view, &job.anchor(anchor).keys).unwrap_or(first),
    };
    [first, second]
}

/// The key picture of `view` nearest in time; of two equally near, the earlier.
fn nearest_key<'a>(
    job: &FrameJob,
    view: ViewId,
    keys: &'a Keys,
) -> Option<(PictureId, &'a Picture)> {
    let frame = job.frame.0 - job.gop.first;
    let of_view = keys.iter().filter(|(key, _)| key.view == view);
    let (key, picture) =
        of_view.min_by_key(|(key, _)| (u32::from(key.frame).abs_diff(frame), key.frame))?;
    let frame = FrameIndex(job.gop.first + u32::from(key.frame));
    Some((PictureId { view, frame }, picture))
}

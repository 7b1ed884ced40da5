//! What the targets share: a player whose network is plain arithmetic, under small limits.

use std::sync::Arc;

use iev_runtime::Result;
use iev_runtime::format::header::Header;
use iev_runtime::format::limits::Limits;
use iev_runtime::network::Network;
use iev_runtime::network::halves::{Halves, Reconstruct};
use iev_runtime::network::opening::Opening;
use iev_runtime::network::tensors::{OwnedTensors, Tensors};
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::format::views::ViewSet;

/// Small, so that a run is short and a leak of memory shows.
pub const LIMITS: Limits = Limits {
    side_px: 96,
    picture_px: 96 * 96,
    views: 4,
    frames: 16,
    gop_frames: 8,
    sections: 64,
    section_bytes: 1 << 16,
    grid_values: 1 << 20,
    memory_bytes: 64 << 20,
    ..Limits::DEFAULT
};

/// Flow and picture follow from the inputs alone, with values beyond any sensible range.
struct Arithmetic(OwnedTensors);

impl Reconstruct for Arithmetic {
    fn tensors(&mut self) -> Tensors<'_> {
        self.0.borrow()
    }

    fn motion(&mut self, _: usize) -> Result<()> {
        let OwnedTensors { latent16, latent8, flow, .. } = &mut self.0;
        let latents = latent16.iter().chain(latent8.iter()).cycle();
        flow.iter_mut().zip(latents).for_each(|(out, latent)| *out = latent * 100.0);
        Ok(())
    }

    fn refine(&mut self, _: usize) -> Result<()> {
        let OwnedTensors { warped: [w0, w1], implicit, masks, .. } = &mut self.0;
        implicit.iter_mut().zip(w0.iter().zip(w1)).for_each(|(out, (a, b))| *out = *a / *b);
        masks.iter_mut().zip(w0).for_each(|(out, a)| *out = *a);
        Ok(())
    }
}

/// A player over `bytes`.
///
/// # Errors
/// The stream's.
pub fn player(bytes: &[u8]) -> Result<Player> {
    let open = Arc::new(|header: &Header, _: &_, opening: Opening| {
        let tensors = OwnedTensors::new(header, opening.batch);
        Ok(Box::new(Halves::new(Arithmetic(tensors), header)) as Box<dyn Network>)
    });
    Player::over(bytes.to_vec().into(), Options { limits: LIMITS, ..Options::new(open) })
}

/// Every view at every frame.
pub fn everything(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.frames())
}

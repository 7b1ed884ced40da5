//! What the targets share: a player whose network is plain arithmetic, under small limits.

use std::sync::Arc;

use iev_runtime::Result;
use iev_runtime::format::limits::Limits;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::player::{Options, Player, Selection};
use iev_runtime::profile::{FLOW, PACKED};
use iev_runtime::reconstruct::{Network, Reconstruct};
use iev_runtime::views::ViewSet;

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
struct Arithmetic {
    size: PackedSize,
}

impl Reconstruct for Arithmetic {
    fn motion(&mut self, l16: &[f32], l8: &[f32], flow: &mut [f32]) -> Result<()> {
        assert_eq!(flow.len() % (FLOW * self.size.flow_plane()), 0, "flow has its shape");
        let latents = l16.iter().chain(l8).cycle();
        flow.iter_mut().zip(latents).for_each(|(out, latent)| *out = latent * 100.0);
        Ok(())
    }

    fn refine(&mut self, w0: &[f32], w1: &[f32], out: &mut [f32], masks: &mut [f32]) -> Result<()> {
        assert_eq!(out.len() % (PACKED * self.size.plane()), 0, "a picture has its shape");
        out.iter_mut().zip(w0.iter().zip(w1)).for_each(|(out, (a, b))| *out = a / b);
        masks.iter_mut().zip(w0).for_each(|(out, a)| *out = *a);
        Ok(())
    }
}

/// A player over `bytes`.
///
/// # Errors
/// The stream's.
pub fn player(bytes: &[u8]) -> Result<Player> {
    let open = Arc::new(|header: &iev_runtime::format::header::Header, _: &_, _| {
        Ok(Network::Split(Box::new(Arithmetic { size: PackedSize::of(header.size) })))
    });
    Player::over(bytes.to_vec().into(), Options { limits: LIMITS, ..Options::new(open) })
}

/// Every view at every time.
pub fn everything(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.times())
}

//! What the two halves of a network work in.

use crate::format::header::Header;
use crate::kernel::fuse::MASKS;
use crate::profile::{FLOW, PACKED, PROFILES};

/// What a split network works in, for a whole batch; everything is f32.
///
/// | tensor | shape | |
/// |---|---|---|
/// | `latent16` | `[batch, latent16, rows / 4, columns / 4]` | read by `motion` |
/// | `latent8` | `[batch, latent8, rows / 2, columns / 2]` | read by `motion` |
/// | `flow` | `[batch, 4, rows / 2, columns / 2]`, 8 pixels | made by `motion` |
/// | `warped` | two of `[batch, 24, rows, columns]`, −1‥1 | read by `refine` |
/// | `implicit` | `[batch, 24, rows, columns]` | made by `refine` |
/// | `masks` | `[batch, 8, rows, columns]`, 0‥1 | made by `refine` |
pub struct Tensors<'a> {
    /// Latents at 1/16.
    pub latent16: &'a mut [f32],
    /// Latents at 1/8.
    pub latent8: &'a mut [f32],
    /// Flow of both sources.
    pub flow: &'a [f32],
    /// Both sources, warped.
    pub warped: [&'a mut [f32]; 2],
    /// The network's own picture.
    pub implicit: &'a [f32],
    /// Masks of both sources.
    pub masks: &'a [f32],
}

/// The same in memory of its own, for networks that are plain arithmetic.
#[derive(Debug, Clone)]
pub struct OwnedTensors {
    /// As in [`Tensors`], like all of them.
    pub latent16: Vec<f32>,
    /// Latents at 1/8.
    pub latent8: Vec<f32>,
    /// Flow of both sources.
    pub flow: Vec<f32>,
    /// Both sources, warped.
    pub warped: [Vec<f32>; 2],
    /// The network's own picture.
    pub implicit: Vec<f32>,
    /// Masks of both sources.
    pub masks: Vec<f32>,
}

impl OwnedTensors {
    /// Zeros for `batch` pictures of the header's size and profile, or of the first profile when it
    /// names none that is known.
    pub fn new(header: &Header, batch: usize) -> Self {
        let profile = header.profile().unwrap_or(&PROFILES[0]);
        let zeros = |channels: usize, scale: usize| {
            let (columns, rows) = header.size.cells(scale);
            vec![0.0; batch * channels * columns * rows]
        };
        Self {
            latent16: zeros(profile.latent16, 16),
            latent8: zeros(profile.latent8, 8),
            flow: zeros(FLOW, 8),
            warped: [zeros(PACKED, 4), zeros(PACKED, 4)],
            implicit: zeros(PACKED, 4),
            masks: zeros(MASKS, 4),
        }
    }

    /// All of them, borrowed.
    pub fn borrow(&mut self) -> Tensors<'_> {
        let [warped0, warped1] = &mut self.warped;
        Tensors {
            latent16: &mut self.latent16,
            latent8: &mut self.latent8,
            flow: &self.flow,
            warped: [warped0, warped1],
            implicit: &self.implicit,
            masks: &self.masks,
        }
    }
}

//! The two halves of a network in 8 bits, on the CPU provider.

use super::graph::{LoadedGraph, MOTION8, REFINE8, SessionPlan};
use super::port::TensorPort;
use super::{OrtRuntime, Provider, ProviderReport, SessionOptions};
use crate::error::Result;
use crate::format::header::Header;
use crate::kernel::cells::Cells;
use crate::kernel::warp::PackedSize;
use crate::network::blocks::{Block, place_flow};
use crate::network::opening::Opening;
use crate::network::quantised::quantise;
use crate::profile::{FLOW, HEAD, PACKED};
use crate::stream::scene::NetworkLevels;

/// The motion and refinement networks of one scene, with pictures and features in 8 bits and channels last.
///
/// | tensor | shape | |
/// |---|---|---|
/// | `flow` | `[batch, 2, 2, 4, rows / 4, columns / 4]` f32: row and column in a block of 2×2, then component | made by `motion` |
/// | `features` | `[batch, rows / 2, columns / 2, 4 · quarter]` | made by `motion` |
/// | `planes` | `[batch, rows, columns, quarter + 48]` | read by `refine` |
/// | `picture` | `[batch, rows, columns, 32]` | made by `refine` |
#[derive(Debug)]
pub struct Int8Network {
    motion: LoadedGraph,
    refine: LoadedGraph,
    /// latent16, latent8.
    latents: [TensorPort; 2],
    flow_blocks: TensorPort,
    /// The same by rows, `[batch, 4, rows / 2, columns / 2]`.
    flow: Vec<f32>,
    features: TensorPort<u8>,
    planes: TensorPort<u8>,
    picture: TensorPort<u8>,
    layout: Cells,
    report: ProviderReport,
}

/// What the kernels between and after the halves work in.
pub struct Int8Tensors<'a> {
    /// Flow of both sources, `[batch, 4, rows / 2, columns / 2]`.
    pub flow: &'a [f32],
    /// Features of the four cells under a cell of the flow, (dy, dx, channel).
    pub features: &'a [u8],
    /// Per cell: features, both sources warped.
    pub planes: &'a mut [u8],
    /// Per cell: implicit picture, mask logits.
    pub picture: &'a [u8],
}

impl Int8Network {
    /// Opens both sessions with the weights of `network`.
    ///
    /// # Errors
    /// As [`Networks::open`](super::Networks::open), and without output steps in `network`.
    ///
    /// # Panics
    /// As [`Networks::open`](super::Networks::open).
    pub fn open(
        ort: &OrtRuntime,
        header: &Header,
        network: &NetworkLevels,
        opening: Opening,
        options: &SessionOptions,
    ) -> Result<Self> {
        let mut plan = SessionPlan::new(ort, header, network, opening, options)?;
        plan.in_integers(quantise)?;
        let profile = plan.profile;
        // The tensors that stay in place between two graphs.
        let latents = [
            plan.port(c"latent16", profile.latent16, 16)?,
            plan.port(c"latent8", profile.latent8, 8)?,
        ];
        let flow_blocks = plan.port(c"flow", Block::OF_FLOW.cells() * FLOW, 16)?;
        let features = plan.port_of_bytes(c"features", 4 * profile.quarter, 8)?;
        let planes = plan.port_of_bytes(c"planes", profile.quarter + 2 * PACKED, 4)?;
        let picture = plan.port_of_bytes(c"picture", HEAD, 4)?;
        // The graphs.
        let mut report = ProviderReport::new(&[Provider::Cpu]);
        let inputs = latents.each_ref().map(TensorPort::largest);
        let motion = plan.open(MOTION8, plan.templates.motion8, inputs, &mut report)?;
        let refine = plan.open(REFINE8, plan.templates.refine8, [planes.largest()], &mut report)?;
        let flow = vec![0.0; flow_blocks.values().len()];
        let layout = Cells { size: PackedSize::of(header.size), features: profile.quarter };
        Ok(Self {
            motion,
            refine,
            latents,
            flow_blocks,
            flow,
            features,
            planes,
            picture,
            layout,
            report,
        })
    }

    /// What became of each provider.
    pub fn report(&self) -> &ProviderReport {
        &self.report
    }

    /// Latents at 1/16 and 1/8 of a whole batch, to be filled.
    pub fn latents(&mut self) -> [&mut [f32]; 2] {
        self.latents.each_mut().map(TensorPort::values_mut)
    }

    /// Where in `planes` everything of a cell is.
    pub fn layout(&self) -> Cells {
        self.layout
    }

    /// What it works in besides latents; the same memory every time.
    pub fn tensors(&mut self) -> Int8Tensors<'_> {
        Int8Tensors {
            flow: &self.flow,
            features: self.features.values(),
            planes: self.planes.values_mut(),
            picture: self.picture.values(),
        }
    }

    /// Bytes given and taken by all runs so far.
    pub fn moved_bytes(&self) -> u64 {
        self.motion.moved_bytes() + self.refine.moved_bytes()
    }

    /// Latents to the flow of both sources and features, of the first `pictures`.
    ///
    /// # Errors
    /// The backend's.
    pub fn motion(&mut self, pictures: usize) -> Result<()> {
        for latent in &self.latents {
            self.motion.give(latent, pictures)?;
        }
        self.motion.take(&mut self.flow_blocks, pictures)?;
        self.motion.take(&mut self.features, pictures)?;
        self.motion.run()?;
        let [_, channels, rows, wide] = self.flow_blocks.shape;
        let of_picture = channels * rows * wide;
        let blocks = self.flow_blocks.values().chunks_exact(of_picture).take(pictures);
        for (blocks, flow) in blocks.zip(self.flow.chunks_exact_mut(of_picture)) {
            place_flow(blocks, Block::OF_FLOW.across * wide, flow);
        }
        Ok(())
    }

    /// Planes to the implicit picture and mask logits, of the first `pictures`.
    ///
    /// # Errors
    /// The backend's.
    pub fn refine(&mut self, pictures: usize) -> Result<()> {
        self.refine.give(&self.planes, pictures)?;
        self.refine.take(&mut self.picture, pictures)?;
        self.refine.run()
    }
}

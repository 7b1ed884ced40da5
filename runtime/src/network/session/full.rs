//! The whole reconstruction of a picture in one graph: the path for GPUs.

use std::ffi::CStr;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::graph::{FULL, LoadedGraph, SessionPlan};
use super::port::TensorPort;
use super::{OrtRuntime, ProviderReport, SessionOptions};
use crate::error::Result;
use crate::format::header::{Header, MAX_VIEWS};
use crate::kernel::pack::unpack;
use crate::kernel::sample_from_fixed;
use crate::kernel::warp::PackedSize;
use crate::network::opening::Opening;
use crate::network::{Canvas, Network, Spans, Witness};
use crate::picture::{Picture, Plane};
use crate::profile::{FLOW, FLOW_UNIT_PX, PACKED};
use crate::stream::scene::NetworkLevels;

/// Names of the inputs for both sources, in the order of [`Plane::ALL`].
const SOURCES: [[&CStr; 3]; 2] =
    [[c"source0_y", c"source0_u", c"source0_v"], [c"source1_y", c"source1_u", c"source1_v"]];

/// The full network of one scene: latents and source pictures in, fused packed pictures out.
///
/// It differs from [`Networks`](super::Networks) with [`kernel::warp`](crate::kernel::warp) in the
/// warp alone: displacements are not rounded to 1/16 pixel here.
#[derive(Debug)]
pub struct FullNetwork {
    graph: LoadedGraph,
    /// latent16, latent8.
    latents: [TensorPort; 2],
    /// flow_scale, grid_y, grid_uv: given once, for they are the same for every run.
    #[allow(dead_code, reason = "the graph reads them where they lie")]
    geometry: [TensorPort; 3],
    sources: [[TensorPort; 3]; 2],
    pub(super) picture: TensorPort,
    batch: usize,
    size: PackedSize,
    report: ProviderReport,
}

impl FullNetwork {
    /// Opens the session with the weights of `network`.
    ///
    /// # Errors
    /// As [`Networks::open`](super::Networks::open).
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
        Self::of(&mut SessionPlan::new(ort, header, network, opening, options)?)
    }

    pub(super) fn of(plan: &mut SessionPlan<'_>) -> Result<Self> {
        // Inputs: latents, where pixels lie, and the planes of both sources.
        let latents = [
            plan.port(c"latent16", plan.profile.latent16, 16)?,
            plan.port(c"latent8", plan.profile.latent8, 8)?,
        ];
        let size = plan.size;
        let geometry = [
            flow_scale(size.cells(1))?,
            base_grid(c"grid_y", size.cells(1))?,
            base_grid(c"grid_uv", size.cells(2))?,
        ];
        let planes = |[y, u, v]: [&'static CStr; 3]| {
            Ok([plan.port(y, 1, 1)?, plan.port(u, 1, 2)?, plan.port(v, 1, 2)?])
        };
        let sources = [planes(SOURCES[0])?, planes(SOURCES[1])?];
        let picture = plan.port(c"picture", PACKED, 4)?;
        // One graph from them to pictures.
        let mut report = ProviderReport::new(&plan.options.providers);
        let inputs = {
            let [[y0, u0, v0], [y1, u1, v1]] = &sources;
            [&latents[0], &latents[1], y0, u0, v0, y1, u1, v1].map(TensorPort::largest)
        };
        let mut graph = plan.open(FULL, plan.templates.full, inputs, &mut report)?;
        plan.check(&report)?;
        geometry.iter().try_for_each(|port| graph.give(port, 1))?;
        let (size, batch) = (PackedSize::of(size), plan.batch);
        Ok(Self { graph, latents, geometry, sources, picture, batch, size, report })
    }

    /// Reconstructs one picture per view: `[batch, 24, h4, w4]`, packed and fused.
    ///
    /// `sources` are the two pictures each view may copy from, in their true size.
    ///
    /// # Errors
    /// [`Error::Backend`](crate::Error::Backend) when ONNX Runtime fails.
    ///
    /// # Panics
    /// If `sources` does not fit the batch.
    pub fn run(&mut self, sources: &[[&Picture; 2]]) -> Result<&[f32]> {
        let views = sources.len();
        assert!((1..=self.batch).contains(&views), "a batch holds 1 to {} views", self.batch);
        for (place, pictures) in sources.iter().enumerate() {
            for (ports, picture) in self.sources.iter_mut().zip(pictures) {
                for (port, plane) in ports.iter_mut().zip(Plane::ALL) {
                    fill_plane(port, place, picture, plane);
                }
            }
        }
        for port in self.latents.iter().chain(self.sources.iter().flatten()) {
            self.graph.give(port, views)?;
        }
        self.graph.take(&mut self.picture, views)?;
        self.graph.run()?;
        Ok(self.picture.values())
    }

    /// What became of each provider.
    pub fn report(&self) -> &ProviderReport {
        &self.report
    }
}

impl Network for FullNetwork {
    fn latents(&mut self) -> [&mut [f32]; 2] {
        self.latents.each_mut().map(TensorPort::values_mut)
    }

    fn paint(&mut self, batch: &mut [Canvas<'_>], _: Option<&mut Witness<'_>>) -> Result<Spans> {
        let started = Instant::now();
        let size = self.size;
        let sources: FixedVec<_, MAX_VIEWS> =
            batch.iter().map(|canvas| canvas.sources.map(|(_, picture)| picture)).collect();
        let packed = self.run(&sources)?;
        let fuse = Instant::now();
        for (canvas, packed) in batch.iter_mut().zip(packed.chunks_exact(PACKED * size.plane())) {
            unpack(packed, size, canvas.picture);
        }
        let network_us = (fuse - started).as_micros() as u64;
        Ok(Spans { network_us, warp_us: 0, fuse_us: fuse.elapsed().as_micros() as u64 })
    }
}

/// One plane of `picture` as picture `place` of the batch, its border repeated into the padding.
fn fill_plane(port: &mut TensorPort, place: usize, picture: &Picture, plane: Plane) {
    let (columns, rows) = picture.plane_size(plane);
    let [_, _, padded_rows, padded_columns] = port.shape;
    let padded = padded_rows * padded_columns;
    let samples = picture.plane(plane);
    let out = &mut port.values_mut()[place * padded..][..padded];
    for (y, line) in out.chunks_exact_mut(padded_columns).enumerate() {
        let from = &samples[y.min(rows - 1) * columns..][..columns];
        let (inside, padding) = line.split_at_mut(columns);
        let sample = |v: u8| sample_from_fixed(i32::from(v), 0);
        inside.iter_mut().zip(from).for_each(|(to, v)| *to = sample(*v));
        padding.fill(sample(from[columns - 1]));
    }
}

/// Flow units to the −1‥1 axes of the padded picture, dx and dy of both sources.
fn flow_scale((width, height): (usize, usize)) -> Result<TensorPort> {
    let mut port = TensorPort::new(c"flow_scale", [1, FLOW, 1, 1])?;
    let (x, y) = (2.0 * FLOW_UNIT_PX / width as f32, 2.0 * FLOW_UNIT_PX / height as f32);
    port.values_mut().copy_from_slice(&[x, y, x, y]);
    Ok(port)
}

/// Pixel centres on −1‥1 axes that end at the outer pixels' outer edges, `[1, rows, columns, 2]`.
fn base_grid(name: &'static CStr, (columns, rows): (usize, usize)) -> Result<TensorPort> {
    let mut port = TensorPort::new(name, [1, rows, columns, 2])?;
    let centre = |at: usize, size: usize| (2 * at + 1) as f32 / size as f32 - 1.0;
    for (at, place) in port.values_mut().chunks_exact_mut(2).enumerate() {
        place[0] = centre(at % columns, columns);
        place[1] = centre(at / columns, rows);
    }
    Ok(port)
}

//! The whole reconstruction of a picture in one graph: the path for GPUs.
//!
//! What crosses to the device and back is bytes, and nothing twice: a picture that several views copy from goes once,
//! and key pictures stay until others are wanted.

use std::ffi::CStr;
use std::time::Instant;

use heapless::Vec as FixedVec;

use super::graph::{FULL, FULL8, FULL16, LoadedGraph, SessionPlan};
use super::planes::{HeldPictures, MAX_SOURCES, PicturePort};
use super::port::TensorPort;
use super::{OrtRuntime, ProviderReport, SessionOptions};
use crate::error::Result;
use crate::format::header::Header;
use crate::kernel::flow::PIXEL_BITS;
use crate::network::opening::{Opening, Precision};
use crate::network::quantised::quantise_signed;
use crate::network::{Canvas, Network, Spans, Witness};
use crate::stream::scene::NetworkLevels;

/// The full network of one scene: latents and source pictures in, fused pictures out.
///
/// It is [`Networks`](super::Networks) with [`kernel::warp`](crate::kernel::warp) and
/// [`kernel::fuse`](crate::kernel::fuse) but for the order in which floats are added: displacements and weights of the
/// warp are rounded here as they are there.
#[derive(Debug)]
pub struct FullNetwork {
    graph: LoadedGraph,
    /// latent16, latent8.
    latents: [TensorPort; 2],
    /// flow_scale, grid_y, grid_uv: given once, for they are the same for every run.
    #[allow(dead_code, reason = "the graph reads them where they lie")]
    geometry: [TensorPort; 3],
    /// Explicit pictures, and key pictures of the views themselves.
    held: [HeldPictures; 2],
    /// Which picture each view copies from, key pictures behind explicit ones.
    sources: [TensorPort<i32, 1>; 2],
    pub(super) picture: PicturePort,
    report: ProviderReport,
}

impl FullNetwork {
    /// Opens the session with the weights of `network`.
    ///
    /// # Errors
    /// As [`Networks::open`](super::Networks::open), and for [`Precision::Int8`] without output steps in `network`.
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
        let (size, batch) = (plan.size, plan.batch);
        // Inputs: latents, where pixels lie, and pictures to copy from.
        let latents = [
            plan.port(c"latent16", plan.profile.latent16, 16)?,
            plan.port(c"latent8", plan.profile.latent8, 8)?,
        ];
        let geometry = [
            flow_scale(size.cells(1))?,
            base_grid(c"grid_y", size.cells(1))?,
            base_grid(c"grid_uv", size.cells(2))?,
        ];
        let anchors = PicturePort::new([c"anchors_y", c"anchors_uv"], plan.anchors, size)?;
        let keys = PicturePort::new([c"keys_y", c"keys_uv"], batch, size)?;
        let sources =
            [TensorPort::new(c"source0", [batch])?, TensorPort::new(c"source1", [batch])?];
        let picture = PicturePort::new([c"picture_y", c"picture_uv"], batch, size)?;
        // One graph from them to pictures.
        let mut report = ProviderReport::new(&plan.options.providers);
        let inputs = [
            latents[0].largest(),
            latents[1].largest(),
            anchors.luma.largest(),
            anchors.chroma.largest(),
            keys.luma.largest(),
            keys.chroma.largest(),
            sources[0].largest(),
            sources[1].largest(),
        ];
        let (part, template) = match plan.precision {
            Precision::F32 => (FULL, plan.templates.full),
            Precision::F16 => (FULL16, plan.templates.full16),
            Precision::Int8 => {
                plan.in_integers(quantise_signed)?;
                (FULL8, plan.templates.full8)
            }
        };
        let mut graph = plan.open(part, template, inputs, &mut report)?;
        plan.check(&report)?;
        geometry.iter().try_for_each(|port| graph.give(port, 1))?;
        // A stream may have no key pictures; the graph wants one.
        graph.give_pictures(&keys, 1)?;
        let held = [anchors, keys].map(HeldPictures::new);
        Ok(Self { graph, latents, geometry, held, sources, picture, report })
    }

    /// Gives the pictures that `batch` copies from, where they are not there already, and says which is whose.
    fn give_sources(&mut self, batch: &[Canvas<'_>]) -> Result<()> {
        // A key picture is of the view itself.
        let mut wanted = [FixedVec::<_, MAX_SOURCES>::new(), FixedVec::new()];
        for canvas in batch {
            for source in canvas.sources {
                let key = source.0.view == canvas.id.view;
                wanted[usize::from(key)].extend([source]);
            }
        }
        for (held, wanted) in self.held.iter_mut().zip(&wanted) {
            if held.hold(wanted) {
                self.graph.give_pictures(&held.port, held.count())?;
            }
        }
        let [anchors, keys] = &self.held;
        for (which, port) in self.sources.iter_mut().enumerate() {
            for (canvas, place) in batch.iter().zip(port.values_mut()) {
                let (id, _) = canvas.sources[which];
                let of_key = || keys.place(id).map(|place| anchors.count() + place);
                let found = anchors.place(id).or_else(of_key);
                *place = found.unwrap_or_else(|| panic!("{id} is held")) as i32;
            }
            self.graph.give(port, batch.len())?;
        }
        Ok(())
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
        let (started, moved_before) = (Instant::now(), self.graph.moved_bytes());
        self.give_sources(batch)?;
        for latent in &self.latents {
            self.graph.give(latent, batch.len())?;
        }
        self.graph.take(&mut self.picture.luma, batch.len())?;
        self.graph.take(&mut self.picture.chroma, batch.len())?;
        self.graph.run()?;
        let fuse = Instant::now();
        for (place, canvas) in batch.iter_mut().enumerate() {
            self.picture.get(place, canvas.picture);
        }
        Ok(Spans {
            network_us: (fuse - started).as_micros() as u64,
            warp_us: 0,
            fuse_us: fuse.elapsed().as_micros() as u64,
            moved_bytes: self.graph.moved_bytes() - moved_before,
        })
    }
}

/// Units of a pixel's displacement to the −1‥1 axes of the padded picture, dx and dy.
fn flow_scale((width, height): (usize, usize)) -> Result<TensorPort> {
    let mut port = TensorPort::new(c"flow_scale", [1, 1, 1, 2])?;
    let scale = |size: usize| 2.0 / (size << PIXEL_BITS) as f32;
    port.values_mut().copy_from_slice(&[scale(width), scale(height)]);
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

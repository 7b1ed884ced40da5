//! How many times as fast as the published network a view is painted: the ratios, not the times, are
//! the figures, for both run in turn on the same threads of ONNX Runtime's CPU provider.
//!
//! ```text
//! cargo bench --bench yardstick [-- ROUNDS]
//! ```

mod inputs;
mod published;

use std::time::Instant;

use iev_runtime::kernel::cells::Cells;
use iev_runtime::kernel::cells::fuse::fuse_cells;
use iev_runtime::kernel::cells::padded::PaddedPicture;
use iev_runtime::kernel::cells::warp::CellWarper;
use iev_runtime::kernel::fuse::{Layers, fuse};
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::kernel::warp_fast::Warper;
use iev_runtime::network::halves::Reconstruct;
use iev_runtime::network::opening::{Opening, Precision};
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::{
    Int8Network, Int8Tensors, Networks, OrtRuntime, SessionOptions,
};
use iev_runtime::network::tensors::Tensors;
use iev_runtime::picture::Picture;
use iev_runtime::profile::{PROFILES, Profile};
use iev_runtime::stream::scene::NetworkLevels;
use inputs::{SMALL, header, noises};
use ort::session::Session;
use ort::value::Tensor;
use published::{CELL_PX, mac_per_px, parameters, published};

/// Rounds in which everything is run once; medians count.
const ROUNDS: usize = 15;
/// Rounds before those, left out.
const WARM_UP: usize = 2;

/// Something timed.
struct Runner {
    name: String,
    run: Box<dyn FnMut()>,
    ms: Vec<f64>,
}

impl Runner {
    fn new(name: String, run: Box<dyn FnMut()>) -> Self {
        Self { name, run, ms: Vec::new() }
    }

    fn time(&mut self) {
        let started = Instant::now();
        (self.run)();
        self.ms.push(started.elapsed().as_secs_f64() * 1e3);
    }

    /// The median, and the best that other programs on the machine let through.
    fn spread(&self) -> [f64; 2] {
        let mut warm = self.ms[WARM_UP..].to_vec();
        warm.sort_unstable_by(f64::total_cmp);
        [warm[warm.len() / 2], warm[0]]
    }
}

/// The published network for pictures of `rows` cells and the width of [`SMALL`].
fn published_of(ort: &OrtRuntime, rows: usize, threads: usize) -> Runner {
    let columns = usize::from(SMALL.width_px) / CELL_PX;
    let network = published([rows, columns]);
    let mut builder = Session::builder(ort.environment())
        .and_then(|b| Ok(b.with_intra_threads(threads)?.with_intra_op_spinning(false)?))
        .expect("a session can be set up");
    for (seed, (name, shape)) in (1..).zip(&network.parameters) {
        // Weights that keep the size of their input; norms that pass it on.
        let fan_in = shape.get(1).map_or(1.0, |inputs| (*inputs as f32 * 3.0).sqrt());
        let offset = if name.ends_with(".scale") { 1.0 } else { 0.0 };
        let values = noises(shape.iter().product(), seed);
        let values: Vec<f32> = values.iter().map(|v| offset + v / fan_in).collect();
        let tensor = Tensor::from_array((shape.clone(), values)).expect("a tensor");
        builder = builder
            .with_external_initializer(name, std::sync::Arc::new(tensor.into_dyn()))
            .expect("a parameter of the graph");
    }
    let mut session = builder.commit_from_memory(&network.model).expect("the graph opens");
    let (height, width) = (rows * CELL_PX, columns * CELL_PX);
    let tensor = |shape: [usize; 4], seed| {
        Tensor::from_array((shape, noises(shape.iter().product(), seed))).expect("a tensor")
    };
    let grids = tensor([1, 20, rows, columns], 1);
    let anchor = tensor([1, 3, height, width], 2);
    let positions = tensor([1, height, width, 2], 3);
    let run = move || {
        let inputs =
            ort::inputs! { "grids" => &grids, "anchor" => &anchor, "positions" => &positions };
        session.run(inputs).expect("it runs");
    };
    Runner::new(format!("published {width}x{height}"), Box::new(run))
}

fn cpu(threads: usize) -> SessionOptions {
    let providers = vec![Provider::Cpu];
    SessionOptions { providers, threads, ..SessionOptions::default() }
}

/// Smooth motion to 16 pixels, `[4, rows / 2, columns / 2]`: without training the network moves nothing.
fn motion(size: PackedSize) -> Vec<f32> {
    let columns = size.columns / 2;
    let value = |i: usize| 2.0 * ((i / columns + i % columns) as f32 / 40.0).sin();
    (0..4 * size.flow_plane()).map(value).collect()
}

fn source() -> Picture {
    let mut source = Picture::new(SMALL);
    let noise = noises(SMALL.i420_bytes(), 4);
    source.i420_mut().iter_mut().zip(noise).for_each(|(p, n)| *p = (128.0 + 90.0 * n) as u8);
    source
}

/// One view of ours from latents to pixels: motion, both warps, refinement, fuse.
fn ours(ort: &OrtRuntime, profile: &'static Profile, threads: usize) -> Runner {
    let (header, levels) = (header(profile, 1), NetworkLevels::zeros(profile));
    let opened = Networks::open(ort, &header, &levels, Opening::split(1), &cpu(threads));
    let mut network = opened.expect("a known profile opens");
    let size = PackedSize::of(SMALL);
    let Tensors { latent16, latent8, .. } = network.tensors();
    for (seed, latent) in (1..).zip([latent16, latent8]) {
        latent.copy_from_slice(&noises(latent.len(), seed));
    }
    let (moved, source) = (motion(size), source());
    let (mut warper, mut picture) = (Warper::new(size), Picture::new(SMALL));
    let run = move || {
        network.motion(1).expect("it runs");
        let flows = moved.chunks_exact(2 * size.flow_plane());
        for (flow, warped) in flows.zip(network.tensors().warped) {
            warper.warp(&source, flow, warped);
        }
        network.refine(1).expect("it runs");
        let Tensors { warped: [warped0, warped1], implicit, masks, .. } = network.tensors();
        fuse(&Layers { warped0, warped1, implicit, masks }, size, &mut picture);
        std::hint::black_box(picture.i420());
    };
    Runner::new(profile.name.into(), Box::new(run))
}

/// The same in 8 bits.
fn ours_in_bytes(ort: &OrtRuntime, profile: &'static Profile, threads: usize) -> Runner {
    let (header, levels) = (header(profile, 1), NetworkLevels::zeros(profile));
    let opening = Opening { precision: Precision::Int8, ..Opening::split(1) };
    let opened = Int8Network::open(ort, &header, &levels, opening, &cpu(threads));
    let mut network = opened.expect("a known profile opens");
    let size = PackedSize::of(SMALL);
    for (seed, latent) in (1..).zip(network.latents()) {
        latent.copy_from_slice(&noises(latent.len(), seed));
    }
    let (moved, source) = (motion(size), source());
    let layout = Cells { size, features: profile.quarter };
    let (mut warper, mut picture) = (CellWarper::new(layout), Picture::new(SMALL));
    let mut padded = PaddedPicture::new(SMALL);
    let run = move || {
        network.motion(1).expect("it runs");
        let Int8Tensors { features, planes, .. } = network.tensors();
        layout.place_features(features, planes);
        for (place, flow) in moved.chunks_exact(2 * size.flow_plane()).enumerate() {
            padded.copy(&source);
            warper.warp(&padded, flow, place, planes);
        }
        network.refine(1).expect("it runs");
        let Int8Tensors { planes, picture: head, .. } = network.tensors();
        fuse_cells(layout, planes, head, &mut picture);
        std::hint::black_box(picture.i420());
    };
    Runner::new(format!("{} int8", profile.name), Box::new(run))
}

fn main() {
    // Cargo adds --bench.
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(ROUNDS);
    let ort = OrtRuntime::find(None).expect("ONNX Runtime, see ORT_DYLIB_PATH");
    println!(
        "published network, C = 20: {:.2} M parameters, {:.1} kMAC/px",
        parameters() as f64 / 1e6,
        mac_per_px() / 1e3
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, cores];
    counts.dedup();
    for threads in counts {
        // Its pictures are whole cells high, so the time for ours lies between these two.
        let mut runners = Vec::from([2, 3].map(|rows| published_of(&ort, rows, threads)));
        runners.extend(PROFILES.iter().map(|profile| ours(&ort, profile, threads)));
        runners.extend(PROFILES.iter().map(|profile| ours_in_bytes(&ort, profile, threads)));
        for _ in 0..rounds.max(1) + WARM_UP {
            runners.iter_mut().for_each(Runner::time);
        }
        report(&runners, threads);
    }
}

fn report(runners: &[Runner], threads: usize) {
    let px = f64::from(SMALL.width_px) * f64::from(SMALL.height_px);
    let share = (f64::from(SMALL.height_px) - 2.0 * CELL_PX as f64) / CELL_PX as f64;
    for (kind, name) in ["median", "best"].into_iter().enumerate() {
        let [smaller, larger] = [0, 1].map(|i| runners[i].spread()[kind]);
        let published = smaller + (larger - smaller) * share;
        println!(
            "{threads} thread(s), {name} ms per view of {}x{}: published {published:.1} \
             ({:.1} GMAC/s; {}: {smaller:.1}, {}: {larger:.1})",
            SMALL.width_px,
            SMALL.height_px,
            mac_per_px() * px / published / 1e6,
            runners[0].name,
            runners[1].name,
        );
        for runner in &runners[2..] {
            let ms = runner.spread()[kind];
            println!("  {:<12}{ms:8.2} ms   {:6.1} times as fast", runner.name, published / ms);
        }
    }
}

//! What paints one implicit picture: the network by ONNX Runtime, both warps, and the fuse.

mod inputs;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iev_runtime::Size;
use iev_runtime::kernel::cells::Cells;
use iev_runtime::kernel::cells::fuse::fuse_cells;
use iev_runtime::kernel::cells::padded::PaddedPicture;
use iev_runtime::kernel::cells::warp::CellWarper;
use iev_runtime::kernel::fuse::{Layers, MASKS, fuse};
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::kernel::warp_fast::Warper;
use iev_runtime::network::halves::Reconstruct;
use iev_runtime::network::opening::{Opening, Precision};
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::{Int8Network, Networks, OrtRuntime, SessionOptions};
use iev_runtime::network::tensors::Tensors;
use iev_runtime::picture::Picture;
use iev_runtime::profile::{HEAD, PACKED, PROFILES};
use iev_runtime::stream::scene::NetworkLevels;
use inputs::{SMALL, header, noises};

const LARGE: Size = Size { width_px: 960, height_px: 540 };
const BATCHES: [usize; 2] = [1, 4];

fn source(size: Size) -> Picture {
    let mut picture = Picture::new(size);
    picture.i420_mut().copy_from_slice(&bytes(size.i420_bytes(), 1));
    picture
}

/// Both sources warped by up to 16 pixels, then blended.
fn warp_and_fuse(c: &mut Criterion) {
    let mut group = c.benchmark_group("warp and fuse");
    group.throughput(Throughput::Elements(1));
    for size in [SMALL, LARGE] {
        let packed = PackedSize::of(size);
        let sources = source(size);
        let flow: Vec<f32> = noises(2 * packed.flow_plane(), 2).iter().map(|f| f * 2.0).collect();
        let implicit = noises(PACKED * packed.plane(), 3);
        let masks: Vec<f32> =
            noises(MASKS * packed.plane(), 4).iter().map(|m| m * 0.5 + 0.5).collect();
        let (mut warper, mut picture) = (Warper::new(packed), Picture::new(size));
        let (mut warped0, mut warped1) = (implicit.clone(), implicit.clone());
        let name = format!("{}x{}", size.width_px, size.height_px);
        group.bench_function(name, |b| {
            b.iter(|| {
                warper.warp(&sources, &flow, &mut warped0);
                warper.warp(&sources, &flow, &mut warped1);
                let layers = Layers {
                    warped0: &warped0,
                    warped1: &warped1,
                    implicit: &implicit,
                    masks: &masks,
                };
                fuse(&layers, packed, &mut picture);
            });
        });
    }
    group.finish();
}

/// A flow of a few pixels that changes slowly, as a scene's does.
fn smooth_flow(size: PackedSize) -> Vec<f32> {
    let (columns, rows) = (size.columns / 2, size.rows / 2);
    let cells = (0..2 * rows * columns).map(|at| (at % columns, at / columns));
    let wave = |(column, row): (usize, usize)| {
        0.4 * (column as f32 * 0.21 + 0.3).sin() + 0.2 * (row as f32 * 0.17).cos()
    };
    cells.map(wave).collect()
}

/// One source warped into f32 planes and, its padding included, into 8-bit cells: by a few pixels that
/// change slowly or by up to 16 that do not.
fn warp(c: &mut Criterion) {
    let mut group = c.benchmark_group("warp");
    group.throughput(Throughput::Elements(1));
    for size in [SMALL, LARGE] {
        let packed = PackedSize::of(size);
        let layout = Cells { size: packed, features: 8 };
        let source = source(size);
        let rough: Vec<f32> = noises(2 * packed.flow_plane(), 2).iter().map(|f| f * 2.0).collect();
        let (mut planes, mut cells) = (vec![0.0; PACKED * packed.plane()], vec![0; layout.bytes()]);
        let mut padded = PaddedPicture::new(size);
        let (mut warper, mut cell_warper) = (Warper::new(packed), CellWarper::new(layout));
        for (name, flow) in [("smooth", smooth_flow(packed)), ("rough", rough)] {
            let name = format!("{name} {}x{}", size.width_px, size.height_px);
            group.bench_function(BenchmarkId::new("planes", &name), |b| {
                b.iter(|| warper.warp(&source, &flow, &mut planes));
            });
            group.bench_function(BenchmarkId::new("cells", &name), |b| {
                b.iter(|| {
                    padded.copy(&source);
                    cell_warper.warp(&padded, &flow, 0, &mut cells);
                });
            });
        }
    }
    group.finish();
}

/// One view blended from f32 planes and from 8-bit cells.
fn blend(c: &mut Criterion) {
    let mut group = c.benchmark_group("fuse");
    group.throughput(Throughput::Elements(1));
    for size in [SMALL, LARGE] {
        let packed = PackedSize::of(size);
        let layout = Cells { size: packed, features: 8 };
        let planes: Vec<_> = (1..4).map(|seed| noises(PACKED * packed.plane(), seed)).collect();
        let [warped0, warped1, implicit] = [0, 1, 2].map(|i| &planes[i][..]);
        let masks: Vec<f32> =
            noises(MASKS * packed.plane(), 4).iter().map(|m| m * 0.5 + 0.5).collect();
        let layers = Layers { warped0, warped1, implicit, masks: &masks };
        let (cells, head) = (bytes(layout.bytes(), 5), bytes(HEAD * packed.plane(), 6));
        let mut picture = Picture::new(size);
        let name = format!("{}x{}", size.width_px, size.height_px);
        group.bench_function(BenchmarkId::new("planes", &name), |b| {
            b.iter(|| fuse(&layers, packed, &mut picture));
        });
        group.bench_function(BenchmarkId::new("cells", &name), |b| {
            b.iter(|| fuse_cells(layout, &cells, &head, &mut picture));
        });
    }
    group.finish();
}

/// 38‥218.
fn bytes(count: usize, seed: u32) -> Vec<u8> {
    noises(count, seed).iter().map(|noise| (128.0 + 90.0 * noise) as u8).collect()
}

/// Both cuts of every profile on the CPU; the time is that of a whole batch.
fn network(c: &mut Criterion) {
    let ort = match OrtRuntime::find(None) {
        Ok(ort) => ort,
        Err(reason) => return eprintln!("network: left out: {reason}"),
    };
    let options = SessionOptions { providers: vec![Provider::Cpu], ..SessionOptions::default() };
    let mut group = c.benchmark_group("network");
    group.sample_size(20);
    for profile in &PROFILES {
        for batch in BATCHES {
            let network = NetworkLevels::zeros(profile);
            let header = header(profile, batch);
            let opened = Networks::open(&ort, &header, &network, Opening::split(batch), &options);
            let mut networks = opened.expect("a known profile opens");
            let Tensors { latent16, latent8, warped: [warped0, warped1], .. } = networks.tensors();
            for (seed, tensor) in (1..).zip([latent16, latent8, warped0, warped1]) {
                tensor.copy_from_slice(&noises(tensor.len(), seed));
            }
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(profile.name, format!("batch {batch}")), |b| {
                b.iter(|| {
                    networks.motion(batch).expect("it runs");
                    networks.refine(batch).expect("it runs");
                });
            });
            let opening = Opening { precision: Precision::Int8, ..Opening::split(batch) };
            let opened = Int8Network::open(&ort, &header, &network, opening, &options);
            let mut int8 = opened.expect("a known profile opens");
            let name = BenchmarkId::new(format!("{} int8", profile.name), format!("batch {batch}"));
            group.bench_function(name, |b| {
                b.iter(|| {
                    int8.motion(batch).expect("it runs");
                    int8.refine(batch).expect("it runs");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, warp_and_fuse, warp, blend, network);
criterion_main!(benches);

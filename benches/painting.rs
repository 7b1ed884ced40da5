//! What paints one implicit picture: the network by ONNX Runtime, both warps, and the fuse.

mod inputs;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iev_runtime::Size;
use iev_runtime::kernel::fuse::{Layers, MASKS, fuse};
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::kernel::warp_fast::Warper;
use iev_runtime::picture::Picture;
use iev_runtime::profile::{PACKED, PROFILES};
use iev_runtime::providers::Provider;
use iev_runtime::reconstruct::Reconstruct;
use iev_runtime::scene::NetworkLevels;
use iev_runtime::session::{Networks, OrtRuntime, SessionOptions};
use iev_runtime::tensors::Tensors;
use inputs::{SMALL, header, noises};

const LARGE: Size = Size { width_px: 960, height_px: 540 };
const BATCHES: [usize; 2] = [1, 4];

fn source(size: Size) -> Picture {
    let mut picture = Picture::new(size);
    let noise = noises(size.i420_bytes(), 1);
    let pixels = picture.i420_mut().iter_mut().zip(noise);
    pixels.for_each(|(pixel, noise)| *pixel = (128.0 + 90.0 * noise) as u8);
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
            let opened = Networks::open(&ort, &header, &network, batch, &options);
            let mut networks = opened.expect("a known profile opens");
            let Tensors { latent16, latent8, warped: [warped0, warped1], .. } = networks.tensors();
            for (seed, tensor) in (1..).zip([latent16, latent8, warped0, warped1]) {
                tensor.copy_from_slice(&noises(tensor.len(), seed));
            }
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(profile.name, format!("batch {batch}")), |b| {
                b.iter(|| {
                    networks.motion().expect("it runs");
                    networks.refine().expect("it runs");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, warp_and_fuse, network);
criterion_main!(benches);

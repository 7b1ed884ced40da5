//! A stereo pair between the cameras, given depth and with depth found anew.

#[path = "../runtime/tests/scene/mod.rs"]
mod scene;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iev_runtime::render::{Renderer, Viewpoint};
use iev_runtime::{Picture, Size, ViewId};

const SIZES: [Size; 2] =
    [Size { width_px: 480, height_px: 272 }, Size { width_px: 960, height_px: 540 }];
/// Views that a picture is rendered from.
const VIEWS: usize = 4;
/// Between the eyes.
const APART: f64 = 0.063;

fn pair(c: &mut Criterion) {
    let mut group = c.benchmark_group("stereo pair");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    for size in SIZES {
        let cameras = scene::cameras_of(VIEWS, size);
        let views = cameras.views.iter().map(|camera| Viewpoint::of_camera(camera, size));
        let pictures: Vec<_> = views.map(|at| scene::picture(&at)).collect();
        let mut renderer = Renderer::new(size, &cameras);
        let mut out = [Picture::new(size), Picture::new(size)];
        let first = Viewpoint::of_camera(&cameras.views[1], size);
        let mut turn = 0.0_f64;
        let mut render = |renderer: &mut Renderer| {
            turn += 0.1;
            let left = first.moved_right(0.05 + 0.05 * turn.sin());
            let [one, other] = &mut out;
            renderer.render_pair([(&left, one), (&left.moved_right(APART), other)]);
        };
        let named = |what| BenchmarkId::new(what, format!("{}×{}", size.width(), size.height()));
        renderer.take((0..).map(ViewId).zip(&pictures));
        render(&mut renderer);
        group.bench_function(named("given depth"), |b| b.iter(|| render(&mut renderer)));
        group.bench_function(named("with depth"), |b| {
            b.iter(|| {
                renderer.take((0..).map(ViewId).zip(&pictures));
                render(&mut renderer);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pair);
criterion_main!(benches);

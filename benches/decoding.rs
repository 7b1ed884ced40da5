//! Entropy decoding in symbols per second, and the whole decoder in pictures per second.

#[path = "../tests/clip/mod.rs"]
mod clip;

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iev_runtime::Size;
use iev_runtime::format::mixing::SymbolModel;
use iev_runtime::format::range::{BitCoder, Decoder, Encoder};
use iev_runtime::play::player::Player;
use iev_runtime::profile::Profile;
use iev_runtime::stream::scene::{Grid, Residence, decode_grids, encode_grids, zero_grids};

const SIZE: Size = Size { width_px: 480, height_px: 272 };

fn noise(i: usize) -> u32 {
    (i as u32).wrapping_mul(2_654_435_761) >> 24
}

/// Bits of fixed probability: the coder without its model.
fn range(c: &mut Criterion) {
    const BITS: usize = 1 << 18;
    let probability = |i: usize| 2_000 + (noise(i * 7) as u16) * 200;
    let mut encoder = Encoder::new(Vec::new());
    for i in 0..BITS {
        encoder.code(noise(i) * 256 < u32::from(probability(i)), probability(i));
    }
    let bytes = encoder.finish();
    let mut group = c.benchmark_group("range");
    group.throughput(Throughput::Elements(BITS as u64));
    group.bench_function("bits", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new(&bytes);
            (0..BITS).filter(|i| decoder.code(false, probability(*i))).count()
        });
    });
    group.finish();
}

/// The grids of a GOP as training leaves them: three levels of four are zero.
fn grids(c: &mut Criterion) {
    let profile = Profile::by_name("lean").expect("a profile of the player");
    let mut grids = zero_grids(profile, Residence::Gop, SIZE, 48, 4);
    for grid in &mut grids {
        let level = |i: usize| if noise(i) < 192 { 0 } else { (noise(i) % 5) as i8 - 2 };
        grid.levels.iter_mut().enumerate().for_each(|(i, l)| *l = level(i));
    }
    let mut model = Box::new(SymbolModel::new());
    let body = encode_grids(&grids, &mut model);
    let symbols: usize = grids.iter().map(|g: &Grid| g.levels.len()).sum();
    let mut group = c.benchmark_group("grids");
    group.throughput(Throughput::Elements(symbols as u64)).sample_size(10);
    group.bench_function("symbols", |b| {
        b.iter(|| decode_grids(&body, &mut grids, &mut model).expect("what was encoded decodes"));
    });
    group.finish();
}

/// The sample from file to pictures, opening included.
fn sample(c: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sample.iev");
    let open = || Player::open(&path, clip::options());
    let player = match open() {
        Ok(player) => player,
        Err(reason) => return eprintln!("sample: left out: {reason}"),
    };
    let pictures = player.header().views.len() * player.frames().len();
    let mut group = c.benchmark_group("sample");
    group.throughput(Throughput::Elements(pictures as u64)).sample_size(10);
    for name in ["pipelined", "serial"] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let player = open().expect("it opened before");
                let all = clip::everything(&player);
                match name {
                    "serial" => player.decode_serial(&all).expect("all is there").count(),
                    _ => player.play(&all).expect("all is there").count(),
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, range, grids, sample);
criterion_main!(benches);

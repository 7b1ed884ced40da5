//! Entropy decoding in symbols per second, and the whole decoder and those of explicit views in pictures per second.

#[path = "../tests/clip/mod.rs"]
mod clip;

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iev_exporter::anchor::{AnchorSettings, AnchorSpeed, Order, coder};
use iev_exporter::quality::PlaneErrors;
use iev_runtime::anchor::decoder::{AnchorDecoder, InProcess, Input, Ready};
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::mixing::SymbolModel;
use iev_runtime::format::range::{BitCoder, Decoder, Encoder};
use iev_runtime::picture::Picture;
use iev_runtime::picture::pool::Pool;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::profile::Profile;
use iev_runtime::stream::scene::{Grid, Residence, decode_grids, encode_grids, zero_grids};
use iev_runtime::{FrameIndex, PictureId, Size, ViewId};

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

/// The sample's explicit pictures, coded again by each codec at the same quantiser: what a GOP takes to decode. The name
/// has its bytes and luma PSNR.
fn anchors(c: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sample.iev");
    let player = match Player::open(&path, clip::options()) {
        Ok(player) => player,
        Err(reason) => return eprintln!("anchors: left out: {reason}"),
    };
    let view = player.header().explicit_views().next().expect("the sample has one");
    let explicit = Selection::new([view].into_iter().collect(), player.frames());
    let shown = player.decode_serial(&explicit).expect("all is there");
    let pictures: Vec<Picture> =
        shown.map(|shown| (*shown.expect("it decodes").pictures[0].picture).clone()).collect();
    let inputs: Vec<_> = pictures.iter().map(|picture| (picture, 0)).collect();
    let mut group = c.benchmark_group("anchors");
    group.throughput(Throughput::Elements(pictures.len() as u64)).sample_size(10);
    for codec in Codec::ALL {
        let coder = coder(codec);
        let settings = AnchorSettings { speed: AnchorSpeed::Draft, ..AnchorSettings::new(34) };
        let coded = match coder.code(&inputs, Order::Shown, player.header().rate, &settings) {
            Ok(coded) => coded,
            Err(reason) => {
                eprintln!("{}: left out: {reason}", coder.name());
                continue;
            }
        };
        let bytes: usize = coded.units.iter().map(Vec::len).sum();
        let luma_db = PlaneErrors::of(&pictures, &coded.pictures).psnr_db()[0];
        let mut ready = Ready::new(player.header().size, Pool::new(coded.units.len()));
        let mut decode = || {
            let mut decoder = InProcess::default();
            let frame = PictureId { view: ViewId(0), frame: FrameIndex(0) };
            let units = coded.units.iter().enumerate().map(|(place, unit)| match place {
                0 => Input::First(codec, unit),
                _ => Input::Next(unit),
            });
            for input in units.chain([Input::End]) {
                decoder.decode(frame, input, &mut ready).expect("what was coded decodes");
            }
            std::iter::from_fn(|| ready.pop()).count()
        };
        assert_eq!(decode(), pictures.len());
        let name = format!("{} {:.0} kB {luma_db:.1} dB", coder.name(), bytes as f64 / 1e3);
        group.bench_function(name, |b| b.iter(&mut decode));
    }
    group.finish();
}

criterion_group!(benches, range, grids, sample, anchors);
criterion_main!(benches);

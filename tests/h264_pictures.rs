//! openh264 = ffmpeg: x264's streams with B pictures, as the encoder makes them, of several sizes, motions and
//! quantisers decode to the same pictures in the same order, byte for byte.
//!
//! Needs an ffmpeg with x264, as `cargo xtask test` brings along.
//! `cargo xtask test --test h264_pictures record -- --ignored` writes `tests/vectors/version_1_5.iev`.

mod by_ffmpeg;
mod clip;

use std::path::{Path, PathBuf};

use iev_exporter::anchor::{AnchorEncoder, AnchorSettings, AnchorSpeed, Order, encode_anchor};
use iev_exporter::encode::encode;
use iev_exporter::ffmpeg;
use iev_exporter::picture::Picture;
use iev_exporter::plan::Plan;
use iev_runtime::Size;
use iev_runtime::anchor::decoder::{Ready, section_decoder};
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::h264::{NalType, nal_units};
use iev_runtime::picture::pool::Pool;

const PICTURES: usize = 30;

/// Pictures of a source of ffmpeg.
fn pictures(size: Size, source: &str) -> Vec<Picture> {
    let source = format!("{source}:size={}x{}:rate=25", size.width_px, size.height_px);
    let count = PICTURES.to_string();
    let raw = ["-frames:v", &count, "-pix_fmt", "yuv420p", "-f", "rawvideo"];
    let samples = by_ffmpeg::output(&[&["-f", "lavfi", "-i", &source][..], &raw].concat());
    let picture = |samples: &[u8]| {
        let mut picture = Picture::new(size);
        picture.i420_mut().copy_from_slice(samples);
        picture
    };
    samples.chunks_exact(size.i420_bytes()).map(picture).collect()
}

/// The pictures that ffmpeg shows, one after another.
fn shown_by_ffmpeg(units: &[Vec<u8>], folder: &Path) -> Vec<u8> {
    let file = folder.join("stream.264");
    std::fs::write(&file, units.concat()).expect("the folder is writable");
    let file = file.to_str().expect("a plain name");
    by_ffmpeg::output(&[
        "-i",
        file,
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
    ])
}

/// Whether a unit is of a B picture: `first_mb_in_slice` 0, then `slice_type` 1 or 6.
fn is_b(unit: &[u8]) -> bool {
    nal_units(unit).any(|nal| {
        let head = nal.get(1).copied().unwrap_or(0);
        NalType::of(nal) == NalType::Slice && (head >> 4 == 0b1010 || head >> 2 == 0b10_0111)
    })
}

#[test]
fn pictures_are_those_of_ffmpeg() {
    if iev_skips::fetched("ffmpeg", ffmpeg::find()).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Zooms and turns, blocks that move, noise; what is added to our settings may not bring direct prediction back.
    let rows = [
        (480, 272, "mandelbrot=start_scale=1:end_scale=0.2", 26, ""),
        (96, 64, "mandelbrot=start_scale=1:end_scale=0.05", 34, "partitions=all:b-adapt=1"),
        (64, 48, "testsrc2=duration=9", 20, "bframes=1"),
        (208, 176, "testsrc2=duration=9", 38, "direct=auto:weightb=1:b-adapt=0"),
        (160, 160, "life=mold=10:ratio=0.3", 30, "b-pyramid=none"),
        (34, 50, "cellauto=rule=110", 12, "b-adapt=0:ref=4"),
    ];
    for (width_px, height_px, source, qp, params) in rows {
        let size = Size { width_px, height_px };
        let place = format!("{width_px}×{height_px} {source} {params}");
        let originals = pictures(size, source);
        assert_eq!(originals.len(), PICTURES, "{place}");
        let inputs: Vec<_> = originals.iter().map(|picture| (picture, 0)).collect();
        let settings = AnchorSettings {
            encoder: AnchorEncoder::X264,
            speed: AnchorSpeed::Draft,
            x264_params: params.into(),
            ..AnchorSettings::new(qp)
        };
        let units = encode_anchor(&inputs, Order::Shown, (25, 1), &settings)
            .unwrap_or_else(|e| panic!("{place}: {e}"));
        assert!(units.iter().any(|unit| is_b(unit)), "{place} has B pictures");
        let expected = shown_by_ffmpeg(&units, folder.path());
        assert_eq!(expected.len(), PICTURES * size.i420_bytes(), "{place}");
        let mut decoder = section_decoder(Codec::H264, size).unwrap();
        let mut ready = Ready::new(size, Pool::new(0));
        units.iter().for_each(|unit| decoder.decode(unit, &mut ready).unwrap());
        decoder.finish(&mut ready).unwrap();
        assert_eq!(ready.pictures().len(), PICTURES, "{place}");
        let pairs = ready.pictures().zip(expected.chunks_exact(size.i420_bytes()));
        for (frame, (picture, expected)) in pairs.enumerate() {
            assert!(picture.i420() == expected, "{place}: frame {frame} differs");
        }
    }
}

#[test]
#[ignore = "writes the vector"]
fn record() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/version_1_5.iev");
    // As small and short as the target `h264` of the fuzzer takes its sections.
    let views = clip::views(2, 13, (32, 32));
    let mut settings = clip::settings(&views, 8, &path);
    settings.plan = Plan::new(&[0, 1], &[(13, 8)], 0);
    settings.anchor.encoder = AnchorEncoder::X264;
    encode(&views, &settings).unwrap();
}

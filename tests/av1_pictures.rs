//! Rav1d = dav1d: SVT-AV1's streams of several sizes, quantisers, presets and structures pass the checker and
//! decode to the pictures that ffmpeg's libdav1d shows, byte for byte.
//!
//! Needs an ffmpeg with both, as `cargo xtask test` brings along.

mod by_ffmpeg;

use std::path::Path;

use iev_exporter::ffmpeg;
use iev_runtime::Size;
use iev_runtime::anchor::av1::{Checker, Rav1d, obu};
use iev_runtime::picture::Picture;

const PICTURES: usize = 40;

/// SVT-AV1's stream of pictures that move, with noise.
fn encode(size: Size, settings: &[&str], params: &str) -> Vec<u8> {
    let source = format!(
        "mandelbrot=size={}x{}:rate=25:end_scale=0.05:start_scale=1,noise=alls=8:allf=t",
        size.width_px, size.height_px
    );
    let pictures = PICTURES.to_string();
    // Without its search for screen content, which a rendered picture could be taken for.
    let params = format!("scm=0:lp=1:{params}");
    let input = ["-f", "lavfi", "-i", &source, "-frames:v", &pictures, "-pix_fmt", "yuv420p"];
    let coded = ["-c:v", "libsvtav1", "-g", "999", "-svtav1-params", &params];
    by_ffmpeg::output(&[&input[..], &coded, settings, &["-f", "obu"]].concat())
}

/// The pictures that libdav1d shows, one after another.
fn shown_by_dav1d(stream: &[u8], folder: &Path) -> Vec<u8> {
    let file = folder.join("stream.obu");
    std::fs::write(&file, stream).expect("the folder is writable");
    let file = file.to_str().expect("a plain name");
    by_ffmpeg::output(&["-c:v", "libdav1d", "-i", file, "-f", "rawvideo", "-pix_fmt", "yuv420p"])
}

#[test]
fn pictures_are_those_of_dav1d() {
    if iev_skips::fetched("ffmpeg", ffmpeg::find()).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rows: [(u16, u16, &[&str], &str); 6] = [
        (480, 272, &["-crf", "40", "-preset", "6"], "keyint=-1"),
        (480, 272, &["-crf", "58", "-preset", "8"], "pred-struct=1"),
        (97, 65, &["-crf", "25", "-preset", "4"], "enable-overlays=1"),
        (33, 50, &["-crf", "55", "-preset", "8"], "keyint=-1"),
        (64, 64, &["-crf", "10", "-preset", "10"], "keyint=-1"),
        (200, 168, &["-crf", "34", "-preset", "4"], "keyint=-1"),
    ];
    for (width_px, height_px, settings, params) in rows {
        let size = Size { width_px, height_px };
        let stream = encode(size, settings, params);
        let expected = shown_by_dav1d(&stream, folder.path());
        assert_eq!(expected.len(), PICTURES * size.i420_bytes(), "{width_px}×{height_px}");
        let units = obu::temporal_units(&stream).unwrap();
        assert_eq!(units.len(), PICTURES, "a temporal unit per picture");
        let (mut checker, mut decoder) = (Checker::new(size), Rav1d::start(size).unwrap());
        let mut picture = Picture::new(size);
        for ((frame, unit), expected) in
            units.iter().enumerate().zip(expected.chunks_exact(size.i420_bytes()))
        {
            let place = format!("{width_px}×{height_px} {params} frame {frame}");
            checker.check(unit).unwrap_or_else(|e| panic!("{place}: {e}"));
            decoder.decode(unit, &mut picture).unwrap_or_else(|e| panic!("{place}: {e}"));
            assert!(picture.i420() == expected, "{place} differs");
        }
    }
}

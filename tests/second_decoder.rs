//! Second decoder: one written from `runtime/FORMAT.md` alone gets the same integers out of every vector as the first,
//! and the same pixels out of what a network makes, so that the text is enough to write one from.

mod sections;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use iev_runtime::Size;
use iev_runtime::format::CRC;
use iev_runtime::format::header::VERSION_MINOR;
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::kernel::fuse::{Layers, MASKS, fuse_scalar};
use iev_runtime::kernel::warp::{PackedSize, warp};
use iev_runtime::picture::Picture;
use iev_runtime::profile::{FLOW, PACKED};
use iev_runtime::stream::gop_index::FileReader;
use iev_runtime::stream::latents::sum_latent;
use iev_runtime::stream::scene::Grid;
use iev_runtime::stream::source::Source;
use iev_runtime::stream::symbols::{Levels, Symbols, visit_levels};

/// Stream whose first bits FORMAT.md shows.
const SHOWN: &str = "tests/vectors/version_1_2.iev";
/// How many of them.
const SHOWN_BITS: &str = "12";
/// Stream whose views are coded in AV1.
const AV1: &str = "tests/vectors/version_1_4.iev";

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a program of the second decoder prints when it reads `input`; an error is what it says.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut python = Command::new("python3");
    // Without files of compiled code beside the sources.
    python.arg("-B").arg(in_repository("tests/second_decoder").join(program)).args(arguments);
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = python.spawn();
    let mut running = started.unwrap_or_else(|e| panic!("python3, 3.10 or later, is needed: {e}"));
    // It reads all its input before it writes.
    running.stdin.take().unwrap().write_all(input).unwrap();
    let done = running.wait_with_output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    if done.status.success() { Ok(done.stdout) } else { Err(said) }
}

fn decode(stream: &Path, options: &[&str]) -> Result<String, String> {
    let arguments = [&[stream.to_str().unwrap()], options].concat();
    run("decode.py", &arguments, &[]).map(|printed| String::from_utf8(printed).unwrap())
}

/// The sample and every stream under tests/vectors.
fn vectors() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(in_repository("tests/vectors")).unwrap();
    let mut streams: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    streams.retain(|path| path.extension().is_some_and(|e| e == "iev"));
    streams.push(in_repository("models/sample.iev"));
    streams.sort();
    streams
}

#[test]
fn both_decoders_get_the_same_integers_out_of_every_vector() {
    let mut minors = Vec::new();
    for path in vectors() {
        let source = Source::from(std::fs::read(&path).unwrap());
        let mut reader = StreamReader::open(source, &Limits::DEFAULT).unwrap();
        minors.push(reader.minor());
        // A stream without a network has no symbols: the digests are of nothing.
        let painted = reader.header().profile().is_some();
        let nothing = Symbols { network_crc32c: 0, grids_crc32c: 0 };
        let symbols = if painted { Symbols::of(&mut reader).unwrap() } else { nothing };
        let Symbols { network_crc32c, grids_crc32c } = symbols;
        let latents_crc32c = latents_crc32c(&mut reader);
        let expected = format!(
            "{{\"network_crc32c\": {network_crc32c}, \"grids_crc32c\": {grids_crc32c}, \
             \"latents_crc32c\": {latents_crc32c}}}\n"
        );
        assert_eq!(decode(&path, &[]), Ok(expected), "{}", path.display());
    }
    minors.sort_unstable();
    minors.dedup();
    let published: Vec<u8> = (0..=VERSION_MINOR).collect();
    assert_eq!(minors, published, "there is a vector of every version");
}

#[test]
fn both_decoders_read_a_stream_as_it_is_written_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("now.iev");
    let sample = std::fs::read(in_repository("models/sample.iev")).unwrap();
    let now = sections::rewritten(&sample, &sections::sections(&sample));
    assert_eq!(now[9], VERSION_MINOR);
    std::fs::write(&path, &now).unwrap();
    let of_sample = decode(&in_repository("models/sample.iev"), &[]).unwrap();
    assert_eq!(decode(&path, &[]).unwrap(), of_sample);
}

/// Checksum of the latents that FORMAT.md §7.6 names.
fn latents_crc32c(reader: &mut FileReader) -> u32 {
    let header = reader.header().clone();
    let Some(profile) = header.profile() else { return CRC.checksum(&[]) };
    let views = header.implicit_views().count();
    let mut scenes = BTreeMap::<u16, Vec<Grid>>::new();
    let mut gops = BTreeMap::new();
    visit_levels(reader, |entry, levels| match (entry.kind, levels) {
        (Kind::SceneGrids, Levels::Grids(grids)) => {
            scenes.insert(entry.scene, grids.to_vec());
        }
        (_, Levels::Grids(grids)) => {
            gops.insert(entry.first_frame, (*entry, grids.to_vec()));
        }
        _ => {}
    })
    .unwrap();
    let mut digest = CRC.digest();
    for (entry, of_gop) in gops.values() {
        let last = entry.frames as usize - 1;
        for (frame, view) in
            [0, last.min(5), last].into_iter().flat_map(|t| (0..views).map(move |v| (t, v)))
        {
            for scale in [16, 8] {
                let (columns, rows) = header.size.cells(scale);
                let mut latent = vec![0.0; profile.latent(scale) * columns * rows];
                let mut scratch = vec![0; latent.len()];
                let grids = scenes[&entry.scene].iter().chain(of_gop).map(Grid::view);
                sum_latent(profile, scale, grids, (frame, view), &mut scratch, &mut latent);
                latent.iter().for_each(|value| digest.update(&value.to_le_bytes()));
            }
        }
    }
    digest.finalize()
}

/// Numbers from −1 up to 1.
fn noise(seed: u32, count: usize) -> Vec<f32> {
    let hash = |i: u32| (i.wrapping_add(seed) | 1).wrapping_mul(2654435761).rotate_left(13);
    (0..count as u32)
        .map(|i| hash(i * 2).wrapping_mul(747796405) as i32 as f32 / 2f32.powi(31))
        .collect()
}

fn noisy_picture(size: Size, seed: u32) -> Picture {
    let mut picture = Picture::new(size);
    let values = noise(seed, size.i420_bytes());
    let pixels = picture.i420_mut().iter_mut().zip(values);
    pixels.for_each(|(pixel, value)| *pixel = (value * 127.9 + 128.0) as u8);
    picture
}

#[test]
fn both_decoders_warp_and_fuse_alike() {
    let size = Size { width_px: 37, height_px: 19 };
    let packed = PackedSize::of(size);
    let sources = [1, 1_000_000].map(|seed| noisy_picture(size, seed));
    // Displacements of some pixels, and a few that leave the picture or are no numbers.
    let mut flow = noise(2_000_000, FLOW * packed.flow_plane());
    flow[..4].copy_from_slice(&[f32::NAN, f32::INFINITY, -300.0, 9.5]);
    let own = noise(3_000_000, PACKED * packed.plane());
    let mut masks = noise(4_000_000, MASKS * packed.plane());
    masks.iter_mut().for_each(|m| *m = (*m + 1.0) / 2.0);

    let halves = flow.split_at(FLOW / 2 * packed.flow_plane());
    let warped = [(&sources[0], halves.0), (&sources[1], halves.1)].map(|(source, flow)| {
        let mut warped = vec![0.0; PACKED * packed.plane()];
        warp(source, flow, packed, &mut warped);
        warped
    });
    let mut expected = Picture::new(size);
    let layers = Layers { warped0: &warped[0], warped1: &warped[1], implicit: &own, masks: &masks };
    fuse_scalar(&layers, packed, &mut expected);

    let mut input: Vec<u8> = sources.iter().flat_map(|p| p.i420().iter().copied()).collect();
    let numbers = flow.iter().chain(&own).chain(&masks);
    input.extend(numbers.flat_map(|number| number.to_le_bytes()));
    let painted = run("paint.py", &["37", "19"], &input).unwrap();
    assert!(painted == expected.i420(), "paint.py has the pixels of warp and fuse");
}

#[test]
fn both_decoders_refuse_a_damaged_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.iev");
    let sound = std::fs::read(in_repository(SHOWN)).unwrap();
    // A byte of the header, of the table and of every section.
    for at in [0x42, 0x80, 300, 15_000, 40_000, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[at] ^= 4;
        std::fs::write(&path, &damaged).unwrap();
        let said = decode(&path, &[]).unwrap_err();
        assert!(said.contains("matches its checksum"), "byte {at}: {said}");
    }
}

#[test]
fn the_second_decoder_refuses_an_av1_section_that_breaks_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("av1.iev");
    let sound = std::fs::read(in_repository(AV1)).unwrap();
    let whole = sections::sections(&sound);
    let refused = |change: &dyn Fn(&mut Vec<u8>), rule: &str| {
        let mut broken = whole.clone();
        let (entry, body) = &mut broken[0];
        assert_eq!((entry.kind, &body[..4]), (Kind::Av1, &[2, 0, 1, 0][..]), "two views, no keys");
        change(body);
        std::fs::write(&path, sections::rewritten(&sound, &broken)).unwrap();
        let said = decode(&path, &[]).unwrap_err();
        assert!(said.contains(rule), "{rule}: {said}");
    };
    refused(&|body| body[0] = 0, "1 to 32 views");
    refused(&|body| body[2] = 0, "named once");
    refused(&|body| body.truncate(body.len() - 1), "a field is complete");
    // A temporal unit of one empty frame.
    refused(&|body| body.extend([2, 6 << 3 | 2, 0]), "a temporal unit for each picture");
    refused(&|body| body[3] = 1, "a key picture");
}

#[test]
fn the_text_shows_the_first_bits_of_its_example() {
    let text = std::fs::read_to_string(in_repository("runtime/FORMAT.md")).unwrap();
    let rows = decode(&in_repository(SHOWN), &["--trace", SHOWN_BITS]).unwrap();
    assert!(rows.lines().count() > 10, "{rows}");
    assert!(text.contains(&rows), "put this into §7.6 of runtime/FORMAT.md instead:\n{rows}");
}

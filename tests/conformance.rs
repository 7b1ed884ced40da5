//! Conformance: the sample, and a stream of every other version of the format, decode to their recorded output:
//! integers exactly, pictures within a tolerance, and exactly where no network paints.
//!
//! After a new sample or vector without a network: `cargo xtask test --test conformance record -- --ignored`.

mod clip;

use std::collections::BTreeMap;
use std::path::PathBuf;

use iev_runtime::format::CRC;
use iev_runtime::network::opening::{NetworkPath, Precision};
use iev_runtime::picture::reference::Reference;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::Player;
use iev_runtime::sink::Digest;
use iev_runtime::stream::symbols::Symbols;
use serde::{Deserialize, Serialize};

/// What another machine's convolutions, or those in 8 bits, may change: about 1 % of the error, far below what one
/// sees.
const TOLERANCE_DB: f64 = 0.05;

/// Ways to paint.
const WAYS: [(NetworkPath, Precision); 5] = [
    (NetworkPath::Split, Precision::F32),
    (NetworkPath::Split, Precision::Int8),
    (NetworkPath::Full, Precision::F32),
    (NetworkPath::Full, Precision::F16),
    (NetworkPath::Full, Precision::Int8),
];

/// Streams and what is recorded of them: the sample, those without a network, then one of each earlier version, of the
/// sample's clip.
const VECTORS: [(&str, &str); 6] = [
    SAMPLE,
    AV1,
    B_PICTURES,
    ("tests/vectors/version_1_0.iev", "tests/vectors/version_1_0.toml"),
    ("tests/vectors/version_1_1.iev", "tests/vectors/version_1_1.toml"),
    ("tests/vectors/version_1_2.iev", "tests/vectors/version_1_2.toml"),
];
const SAMPLE: (&str, &str) = ("models/sample.iev", "tests/vectors/sample.toml");
/// Without implicit views, and of another clip.
const AV1: (&str, &str) = ("tests/vectors/version_1_4.iev", "tests/vectors/version_1_4.toml");
/// Likewise, in H.264 with B pictures.
const B_PICTURES: (&str, &str) =
    ("tests/vectors/version_1_5.iev", "tests/vectors/version_1_5.toml");

/// What a stream decodes to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// CRC-32C of the file, so that a vector of another sample is told from a broken decoder.
    file_crc32c: u32,
    /// CRC-32C of all steps, weights and biases.
    network_crc32c: u32,
    /// CRC-32C of all steps and levels of grids, sections in file order.
    grids_crc32c: u32,
    /// MD5 of all pictures, where every view is explicit: then they are integers too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pictures_md5: Option<String>,
    /// Luma PSNR of the source crops per view, where a view is implicit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    luma_db: BTreeMap<String, f64>,
}

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> Vec<u8> {
    let path = in_repository(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn measured(stream: &str, path: NetworkPath, precision: Precision) -> Vector {
    let backend = clip::backend();
    let options = Options { path, precision, ..Options::new(backend.opener()) };
    let player = Player::open(&in_repository(stream), options).unwrap();
    let painted = player.header().implicit_views().next().is_some();
    // Without a network the digests are of nothing.
    let nothing = Symbols { network_crc32c: 0, grids_crc32c: 0 };
    let symbols = if painted { Symbols::of(&mut player.reader()).unwrap() } else { nothing };
    let Symbols { network_crc32c, grids_crc32c } = symbols;
    let pictures_md5 = (!painted).then(|| pictures_md5(&player));
    let luma_db = if painted { luma_db(&player) } else { BTreeMap::new() };
    clip::tell_if_not_in_8_bits(&backend);
    let file_crc32c = CRC.checksum(&read(stream));
    Vector { file_crc32c, network_crc32c, grids_crc32c, pictures_md5, luma_db }
}

fn pictures_md5(player: &Player) -> String {
    let mut digest = Digest::default();
    for (_, picture) in clip::pictures(player.play(&clip::everything(player)).unwrap()) {
        digest.put(&picture);
    }
    digest.hex()
}

/// `10·log10(255² / MSE)` over the crops of models/sample.ref, per view.
fn luma_db(player: &Player) -> BTreeMap<String, f64> {
    let reference = Reference::parse(&read("models/sample.ref")).unwrap();
    let mut sums = BTreeMap::<u8, (u64, u64)>::new();
    for (id, picture) in clip::pictures(player.play(&clip::everything(player)).unwrap()) {
        for crop in reference.crops.iter().filter(|crop| crop.picture == id) {
            let sum = sums.entry(id.view.0).or_default();
            sum.0 += crop.squared_error(&picture);
            sum.1 += crop.luma.len() as u64;
        }
    }
    let psnr = |(squares, px): (u64, u64)| {
        let db = 10.0 * (255.0f64.powi(2) * px as f64 / squares.max(1) as f64).log10();
        (db * 1000.0).round() / 1000.0
    };
    sums.into_iter().map(|(view, sum)| (view.to_string(), psnr(sum))).collect()
}

#[test]
fn streams_decode_to_their_recorded_integers_and_quality() {
    for (stream, vector) in VECTORS {
        let text = String::from_utf8(read(vector)).unwrap();
        let recorded: Vector = toml::from_str(&text).unwrap();
        // In 8 bits where the machine and the stream can; as f32 does otherwise.
        for (path, precision) in WAYS {
            let measured = measured(stream, path, precision);
            assert_eq!(measured.file_crc32c, recorded.file_crc32c, "{vector} is of {stream}");
            assert_eq!(measured.network_crc32c, recorded.network_crc32c, "{stream}: network");
            assert_eq!(measured.grids_crc32c, recorded.grids_crc32c, "{stream}: grids");
            assert_eq!(measured.pictures_md5, recorded.pictures_md5, "{stream}: pictures");
            let checked = measured.pictures_md5.is_some() || !recorded.luma_db.is_empty();
            assert!(checked, "{stream} has source crops");
            assert!(measured.luma_db.keys().eq(recorded.luma_db.keys()), "{stream}: views");
            for (view, db) in &measured.luma_db {
                let difference = db - recorded.luma_db[view];
                println!("{stream} view {view}, {path:?} {precision:?}: {db} dB, {difference:+.3}");
                assert!(difference.abs() <= TOLERANCE_DB, "{stream} view {view}: {db} dB");
            }
        }
    }
}

#[test]
#[ignore = "overwrites vectors: only after a stream was replaced on purpose"]
fn record() {
    for (stream, vector) in [SAMPLE, AV1, B_PICTURES] {
        let head =
            format!("# What {stream} decodes to; written by `record` in tests/conformance.rs.");
        let measured =
            toml::to_string(&measured(stream, NetworkPath::Split, Precision::F32)).unwrap();
        std::fs::write(in_repository(vector), format!("{head}\n{measured}")).unwrap();
    }
}

//! Conformance: the sample stream decodes to its recorded output, integers exactly, pictures within a
//! tolerance.
//!
//! After a new sample: `cargo xtask test --test conformance record_sample -- --ignored`.

mod clip;

use std::collections::BTreeMap;
use std::path::PathBuf;

use iev_runtime::format::CRC;
use iev_runtime::player::Player;
use iev_runtime::reference::Reference;
use iev_runtime::symbols::Symbols;
use serde::{Deserialize, Serialize};

/// What another machine's convolutions may change: about 1 % of the error, far below what one sees.
const TOLERANCE_DB: f64 = 0.05;

/// What the sample decodes to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// CRC-32C of the file, so that a vector of another sample is told from a broken decoder.
    file_crc32c: u32,
    /// CRC-32C of all steps, weights and biases.
    network_crc32c: u32,
    /// CRC-32C of all steps and levels of grids, sections in file order.
    grids_crc32c: u32,
    /// Luma PSNR of the source crops per view.
    luma_db: BTreeMap<String, f64>,
}

fn in_repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> Vec<u8> {
    let path = in_repository(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn measured() -> Vector {
    let player = Player::open(&in_repository("models/sample.iev"), clip::options()).unwrap();
    let Symbols { network_crc32c, grids_crc32c } = Symbols::of(&mut player.reader()).unwrap();
    Vector {
        file_crc32c: CRC.checksum(&read("models/sample.iev")),
        network_crc32c,
        grids_crc32c,
        luma_db: luma_db(&player),
    }
}

/// `10·log10(255² / MSE)` over the crops of models/sample.ref, per view.
fn luma_db(player: &Player) -> BTreeMap<String, f64> {
    let reference = Reference::parse(&read("models/sample.ref")).unwrap();
    let mut sums = BTreeMap::<u8, (u64, u64)>::new();
    for (id, picture) in clip::pictures(player.play(&clip::everything(player)).unwrap()) {
        for crop in reference.crops.iter().filter(|crop| crop.frame == id) {
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
fn the_sample_decodes_to_its_recorded_integers_and_quality() {
    let text = String::from_utf8(read("tests/vectors/sample.toml")).unwrap();
    let recorded: Vector = toml::from_str(&text).unwrap();
    let measured = measured();
    assert_eq!(measured.file_crc32c, recorded.file_crc32c, "the vector is of this sample");
    assert_eq!(measured.network_crc32c, recorded.network_crc32c, "network");
    assert_eq!(measured.grids_crc32c, recorded.grids_crc32c, "grids");
    assert!(!recorded.luma_db.is_empty(), "the sample has source crops");
    assert!(measured.luma_db.keys().eq(recorded.luma_db.keys()), "views with source crops");
    for (view, db) in &measured.luma_db {
        let recorded_db = recorded.luma_db[view];
        let difference = (db - recorded_db).abs();
        assert!(difference <= TOLERANCE_DB, "view {view}: {db} dB, recorded {recorded_db} dB");
    }
}

#[test]
#[ignore = "overwrites tests/vectors/sample.toml: only after models/sample.iev was replaced on purpose"]
fn record_sample() {
    let head = "# What models/sample.iev decodes to; written by `record_sample` in tests/conformance.rs.\n";
    let vector = format!("{head}{}", toml::to_string(&measured()).unwrap());
    std::fs::write(in_repository("tests/vectors/sample.toml"), vector).unwrap();
}

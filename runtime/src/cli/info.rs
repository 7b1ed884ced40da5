//! `iev info`: what is in a stream, byte by byte.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use iev_runtime::format::cameras::{Camera, Cameras};
use iev_runtime::format::colour::{Colour, MATRICES, Names, PRIMARIES, Siting, TRANSFERS};
use iev_runtime::format::header::{Header, Role, Second};
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::stream::gop_index::FileReader;
use iev_runtime::stream::ledger::Ledger;
use iev_runtime::stream::source::Source;
use iev_runtime::stream::symbols::Symbols;
use iev_runtime::{Result, ViewId};
use nalgebra::Vector3;
use serde::Serialize;

use super::decode::print_json;
use super::{Failure, claim_standard_output, print};

/// Describe a stream and account for every byte
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The stream
    pub(super) stream: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Decode all integers too and print their checksums: equal on every machine
    #[arg(long)]
    symbols: bool,
}

/// What is said as JSON.
#[derive(Serialize)]
struct InfoReport {
    symbols: Option<Checksums>,
    header: HeaderFacts,
    cameras: Option<Vec<CameraFacts>>,
    /// By purpose and item; together the file.
    bytes: BTreeMap<String, u64>,
    file_bytes: u64,
    sections: u32,
}

/// Of all integers.
#[derive(Serialize)]
struct Checksums {
    network_crc32c: u32,
    grids_crc32c: u32,
}

#[derive(Serialize)]
struct HeaderFacts {
    profile: String,
    template_sha256: String,
    width_px: u16,
    height_px: u16,
    rate: (u32, u32),
    frames: u32,
    colour: Colour,
    matrix_shown: u8,
    pixel_aspect: (u32, u32),
    chroma_siting: Siting,
    /// Roles, in words.
    views: Vec<String>,
}

#[derive(Serialize)]
struct CameraFacts {
    position: [f64; 3],
    rotation_wxyz: [f64; 4],
    focal_px: [f64; 2],
    centre_px: [f64; 2],
}

pub(crate) fn run(command: &Info) -> Result<(), Failure> {
    claim_standard_output([command.stream.as_path()].into_iter())?;
    let source = Source::open(&command.stream)?;
    let mut reader = StreamReader::open(source, &Limits::DEFAULT)?;
    // Every byte, then the integers and cameras where they are asked for or there.
    let ledger = Ledger::of(&mut reader)?;
    let header = reader.header().clone();
    let file_bytes = reader.file_bytes();
    let wanted = command.symbols && header.profile().is_some();
    let symbols = wanted.then(|| Symbols::of(&mut reader)).transpose()?;
    let cameras = cameras(&mut reader)?;
    if command.json {
        print_json(&InfoReport {
            symbols: symbols.map(Checksums::of),
            header: HeaderFacts::of(&header),
            cameras: cameras.map(|c| c.views.iter().map(CameraFacts::of).collect()),
            bytes: ledger.items().collect(),
            file_bytes,
            sections: reader.sections(),
        })
    } else {
        let sections = reader.sections();
        print(&text(&header, cameras.as_ref(), &ledger, file_bytes, sections))?;
        match symbols {
            Some(Symbols { network_crc32c, grids_crc32c }) => print(&format!(
                "integers       CRC-32C {network_crc32c:08x} network, {grids_crc32c:08x} grids"
            )),
            None if command.symbols => print("integers       none: every view is explicit"),
            None => Ok(()),
        }
    }
}

/// The cameras of the stream, if it has any.
fn cameras(reader: &mut FileReader) -> Result<Option<Cameras>> {
    let views = reader.header().views.len();
    for index in 0..reader.sections() {
        let entry = reader.entry(index)?;
        if entry.kind == Kind::Cameras {
            let body = reader.section(&entry)?;
            let cameras = Cameras::decode(&body, views).map_err(|e| e.moved_by(entry.offset))?;
            return Ok(Some(cameras));
        }
    }
    Ok(None)
}

impl Checksums {
    fn of(Symbols { network_crc32c, grids_crc32c }: Symbols) -> Self {
        Self { network_crc32c, grids_crc32c }
    }
}

impl CameraFacts {
    fn of(camera: &Camera) -> Self {
        let (k, turn) = (camera.calibration(), camera.rotation());
        Self {
            position: camera.position().coords.into(),
            rotation_wxyz: [turn.w, turn.i, turn.j, turn.k],
            focal_px: [k[(0, 0)], k[(1, 1)]],
            centre_px: [k[(0, 2)], k[(1, 2)]],
        }
    }
}

fn role(role: &Role) -> String {
    match role {
        Role::Explicit => "explicit".into(),
        Role::Implicit { anchor, second: Second::Key } => {
            format!("implicit, from view {} and its keys", anchor.0)
        }
        Role::Implicit { anchor, second: Second::Anchor(ViewId(other)) } => {
            format!("implicit, from views {} and {other}", anchor.0)
        }
    }
}

impl HeaderFacts {
    fn of(header: &Header) -> Self {
        Self {
            profile: header.profile.as_str().to_owned(),
            template_sha256: hex::encode(header.template_sha256),
            width_px: header.size.width_px,
            height_px: header.size.height_px,
            rate: header.rate,
            frames: header.frames,
            colour: header.colour,
            matrix_shown: header.colour.for_display(header.size.height()).matrix,
            pixel_aspect: header.sampling.pixel_aspect,
            chroma_siting: header.sampling.siting,
            views: header.views.iter().map(role).collect(),
        }
    }
}

/// Colour, range, pixel aspect and place of chroma in one line, and by what matrix an unnamed one is shown.
fn colour(header: &Header) -> String {
    let Header { colour, sampling, size, .. } = header;
    let named =
        |names: &Names, code| names.name(code).map_or(format!("code {code}"), str::to_owned);
    let mut line = format!(
        "colour: matrix {}, primaries {}, transfer {}, {} range",
        named(&MATRICES, colour.matrix),
        named(&PRIMARIES, colour.primaries),
        named(&TRANSFERS, colour.transfer),
        if colour.full_range { "full" } else { "limited" },
    );
    // What nobody said is guessed, and told as a guess.
    let shown = colour.for_display(size.height()).matrix;
    if shown != colour.matrix {
        line += &format!(", shown by {}, a guess by size", named(&MATRICES, shown));
    }
    let (wide, high) = sampling.pixel_aspect;
    if wide > 0 {
        line += &format!(", pixel aspect {wide}:{high}");
    }
    line + match sampling.siting {
        Siting::Unspecified => "",
        Siting::Left => ", chroma at left",
        Siting::Centre => ", chroma at centre",
        Siting::TopLeft => ", chroma at top left",
        Siting::Top => ", chroma at top",
        Siting::BottomLeft => ", chroma at bottom left",
        Siting::Bottom => ", chroma at bottom",
    }
}

fn camera_line((view, camera): (usize, &Camera)) -> String {
    let k = camera.calibration();
    let (at, ahead) = (camera.position().coords, camera.rotation() * Vector3::z());
    format!(
        "  camera {view}: at {}, looks along {}, focal {:.1}×{:.1} px, centre {:.1}, {:.1}",
        thousandths(at),
        thousandths(ahead),
        k[(0, 0)],
        k[(1, 1)],
        k[(0, 2)],
        k[(1, 2)],
    )
}

/// To three places, where nothing is zero with a minus.
fn thousandths(vector: Vector3<f64>) -> String {
    let [x, y, z] = vector.map(|part| (part * 1000.0).round() / 1000.0 + 0.0).into();
    format!("{x:.3}, {y:.3}, {z:.3}")
}

fn text(
    header: &Header,
    cameras: Option<&Cameras>,
    ledger: &Ledger,
    file_bytes: u64,
    sections: u32,
) -> String {
    let seconds = f64::from(header.frames) * f64::from(header.rate.1) / f64::from(header.rate.0);
    let kbps = |bytes: u64| bytes as f64 * 8.0 / 1000.0 / seconds;
    // The clip, its colour, views and cameras.
    let mut lines = vec![
        format!(
            "{}×{}, {} pictures of {} views, {:.3} pictures/s, profile {}",
            header.size.width_px,
            header.size.height_px,
            header.frames,
            header.views.len(),
            f64::from(header.rate.0) / f64::from(header.rate.1),
            if header.profile.is_empty() { "none" } else { &header.profile },
        ),
        format!("{file_bytes} bytes in {sections} sections, {:.1} kbit/s", kbps(file_bytes)),
    ];
    lines.push(colour(header));
    lines.extend(header.views.iter().enumerate().map(|(i, r)| format!("  view {i}: {}", role(r))));
    lines.extend(cameras.iter().flat_map(|c| c.views.iter()).enumerate().map(camera_line));
    lines.push(format!("{:>12} {:>7} {:>9}", "bytes", "share", "kbit/s"));
    // Where the bytes go.
    let line = |name: &str, bytes: u64| {
        let share = 100.0 * bytes as f64 / file_bytes as f64;
        format!("{bytes:>12} {share:>6.2}% {:>9.2}  {name}", kbps(bytes))
    };
    lines.extend(ledger.items().map(|(name, bytes)| line(&name, bytes)));
    lines.push(line("total", ledger.total()));
    lines.join("\n")
}

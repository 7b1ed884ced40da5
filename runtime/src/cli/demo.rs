//! `iev demo`: decodes a sample, states speed, latency and PSNR, and draws its layers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use iev_runtime::format::header::{Header, Sampling};
use iev_runtime::format::views::ViewSet;
use iev_runtime::kernel::fuse::Layers;
use iev_runtime::kernel::pack::unpack;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::outputs::write_whole;
use iev_runtime::picture::Picture;
use iev_runtime::picture::reference::{Crop, Rectangle, Reference};
use iev_runtime::picture::rgb::Rgb;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::shown::{ShownFrame, ShownView};
use iev_runtime::{Error, PictureId, Result, ViewId};
use serde::Serialize;

use super::decode::print_json;
use super::statistics::{Percentiles, StageSpans, Stages, Statistics, Summary, psnr_db};
use super::{BackendArgs, Failure, print};

/// Decode a sample, measure it and draw its layers
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The sample; source crops are looked for beside it, with the extension ref
    #[arg(default_value = "models/sample.iev")]
    pub(super) stream: PathBuf,
    /// Folder for the contact sheet
    #[arg(long, default_value = "target/demo")]
    out: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What `--json` says.
#[derive(Serialize)]
struct DemoReport {
    #[serde(flatten)]
    summary: Summary,
    /// Of each view; null without crops or without error.
    psnr_y_db: Vec<Option<f64>>,
    /// The picture that was drawn.
    sheet: String,
}

pub(crate) fn run(command: &Demo) -> Result<(), Failure> {
    let backend = command.backend.backend(false);
    let player = Player::open(&command.stream, command.backend.options(&backend, false))?;
    let reference = reference_beside(&command.stream)?;
    let sheet = command.out.join("sheet.png");
    let mut outputs = command.backend.inputs(&command.stream);
    outputs.reads(&reference_path(&command.stream));
    outputs.claim(Path::new("-"))?;
    outputs.claim_folder(&command.out)?;
    outputs.claim_in_new_folder(&sheet)?;
    let selection = Selection::new(ViewSet::all(player.header()), player.frames());
    let mut statistics = Statistics::start(player.frames().len());
    let mut errors = Errors::default();
    // Everything is played once, and held against the crops of the source.
    for shown in player.play(&selection)? {
        let shown = shown?;
        let latency_us = shown.timings.age_us();
        statistics.add(&shown, latency_us, 0);
        shown.with_ids().for_each(|(id, picture)| {
            let crops = reference.crops.iter().filter(|c| c.picture == id && c.fits(picture));
            crops.for_each(|crop| errors.add(id.view, crop, picture));
        });
    }
    let summary = statistics.summary(&backend);
    draw(&player, &reference, &sheet)?;
    let sheet = sheet.display().to_string();
    let report = DemoReport { summary, psnr_y_db: errors.psnr(player.header()), sheet };
    if command.json { print_json(&report) } else { print(&text(&report)) }
}

fn reference_path(stream: &Path) -> PathBuf {
    stream.with_extension("ref")
}

/// The crops beside a sample; none when there is no such file.
fn reference_beside(stream: &Path) -> Result<Reference, Failure> {
    let path = reference_path(stream);
    match std::fs::read(&path) {
        Ok(file) => Reference::parse(&file).map_err(|error| Failure::Of(path, error)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Reference::default()),
        Err(source) => Err(Error::File { path, source }.into()),
    }
}

/// Squared errors and pixels per view.
#[derive(Default)]
struct Errors(BTreeMap<ViewId, (u64, u64)>);

impl Errors {
    fn add(&mut self, view: ViewId, crop: &Crop, decoded: &Picture) {
        let sum = self.0.entry(view).or_default();
        sum.0 += crop.squared_error(decoded);
        sum.1 += crop.luma.len() as u64;
    }

    /// `10·log10(255² / MSE)` per view; none without crops or without error.
    fn psnr(&self, header: &Header) -> Vec<Option<f64>> {
        let of = |view: u8| {
            let (squares, pixels) =
                self.0.get(&ViewId(view)).filter(|(squares, _)| *squares > 0)?;
            Some(psnr_db(*squares, *pixels))
        };
        (0..header.views.len() as u8).map(of).collect()
    }
}

fn text(DemoReport { summary, psnr_y_db, sheet }: &DemoReport) -> String {
    let mut lines = vec![format!(
        "{} pictures in {:.2} s: {:.1} pictures/s, {:.1} frames/s of all views, on {}",
        summary.pictures,
        summary.seconds,
        summary.pictures_per_second,
        summary.times_per_second,
        summary.provider.as_ref().map_or("no network", |provider| provider.in_use),
    )];
    let head = Percentiles::NAMES.map(|name| format!("{name:>10}")).concat();
    lines.push(format!("{:<16}{head}", "ms per frame"));
    let Stages { read_us, spans } = &summary.stages;
    // Nothing is written here, so nothing is said of the sink.
    let named = StageSpans::<Percentiles>::NAMES.into_iter().zip(spans.each());
    let named = named.filter(|(name, _)| *name != "sink");
    for (name, span) in [("read", read_us)].into_iter().chain(named) {
        let figures = span.each().map(|us| format!("{:>10.2}", us as f64 / 1000.0));
        lines.push(format!("{name:<16}{}", figures.concat()));
    }
    for (view, db) in psnr_y_db.iter().enumerate() {
        let db = db.map_or("no source to compare".into(), |db| format!("{db:.2} dB"));
        lines.push(format!("view {view}: luma PSNR {db}"));
    }
    lines.push(format!("layers of every view: {sheet}"));
    lines.join("\n")
}

/// Widest cell of the sheet.
const CELL_PX: usize = 480;
/// Grey between cells.
const GAP_PX: usize = 4;

/// Draws rows of views, columns of source, warped anchor, implicit picture and result.
fn draw(player: &Player, reference: &Reference, path: &Path) -> Result<(), Failure> {
    let header = player.header();
    // The frame that there is a crop of.
    let frame = reference.crops.first().map_or(header.frames / 2, |c| c.picture.frame.0);
    let frame = frame.min(header.frames - 1);
    let selection = Selection::new(ViewSet::all(header), frame..frame + 1);
    let (mut below, shown) = layers(player, &selection)?;
    let whole =
        Rectangle { left: 0, top: 0, width: header.size.width(), height: header.size.height() };
    let mut rows = Vec::new();
    // A row per view: source, warped anchor, implicit picture, result.
    for ShownView { view, picture } in shown.pictures {
        let crop =
            reference.crops.iter().find(|c| c.picture.view == view && c.picture.frame.0 == frame);
        let place = crop.map_or(whole, |c| c.place);
        let [warped, implicit] = below.remove(&view).map_or([None, None], |pair| pair.map(Some));
        let cell = |p: &Picture| shrink(&Rgb::of(p, header.colour), place);
        let place_fits =
            place.left + place.width <= whole.width && place.top + place.height <= whole.height;
        if !place_fits {
            continue;
        }
        let (width, height) = shrunk(place);
        let blank = || Rgb::grey(width, height);
        let source = crop.map_or_else(|| cell(&picture), grey);
        let layers = [warped, implicit].map(|layer| layer.as_ref().map_or_else(blank, cell));
        let cells = std::iter::once(source).chain(layers).chain([cell(&picture)]);
        rows.push(cells.collect::<Vec<_>>());
    }
    let sheet = assemble(&rows);
    let error = |source| Error::File { path: path.to_owned(), source };
    let file = sheet
        .to_png(header.colour, Sampling::UNSPECIFIED)
        .map_err(|e| error(std::io::Error::other(e)))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    Ok(write_whole(path, file)?)
}

/// Warped anchor and implicit picture of the implicit views of one frame, and all that is shown then.
fn layers(
    player: &Player,
    selection: &Selection,
) -> Result<(BTreeMap<ViewId, [Picture; 2]>, ShownFrame)> {
    let (header, mut below) = (player.header(), BTreeMap::new());
    let size = PackedSize::of(header.size);
    let unpacked = |packed: &[f32]| {
        let mut picture = Picture::new(header.size);
        unpack(packed, size, &mut picture);
        picture
    };
    let see = |id: PictureId, layers: &Layers<'_>| {
        below.insert(id.view, [layers.warped0, layers.implicit].map(unpacked));
    };
    let shown = player.decode_layers(selection, Box::new(see))?.next();
    let shown = shown.unwrap_or_else(|| panic!("a selected frame is decoded"))?;
    Ok((below, shown))
}

fn grey(crop: &Crop) -> Rgb {
    let Rectangle { width, height, .. } = crop.place;
    let pixels = crop.luma.iter().flat_map(|y| [*y; 3]).collect();
    shrink(&Rgb { width, height, pixels }, Rectangle { left: 0, top: 0, width, height })
}

fn shrunk(place: Rectangle) -> (usize, usize) {
    let step = place.width.div_ceil(CELL_PX);
    ((place.width / step).max(1), (place.height / step).max(1))
}

/// The rectangle of `image`, averaged down to a cell.
fn shrink(image: &Rgb, place: Rectangle) -> Rgb {
    let step = place.width.div_ceil(CELL_PX);
    let (width, height) = shrunk(place);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for at in 0..width * height {
        let (x, y) = (place.left + at % width * step, place.top + at / width * step);
        for channel in 0..3 {
            let block = (0..step * step).map(|i| {
                let row = (y + i / step).min(image.height - 1);
                let column = (x + i % step).min(image.width - 1);
                u32::from(image.pixels[(row * image.width + column) * 3 + channel])
            });
            pixels.push((block.sum::<u32>() / (step * step) as u32) as u8);
        }
    }
    Rgb { width, height, pixels }
}

fn assemble(rows: &[Vec<Rgb>]) -> Rgb {
    let width_of = |row: &Vec<Rgb>| row.iter().map(|c| c.width + GAP_PX).sum::<usize>();
    let height_of = |row: &Vec<Rgb>| row.iter().map(|c| c.height).max().unwrap_or(0) + GAP_PX;
    let width = rows.iter().map(width_of).max().unwrap_or(GAP_PX);
    let height = rows.iter().map(height_of).sum::<usize>().max(1);
    let mut sheet = Rgb::grey(width, height);
    let mut top = 0;
    for row in rows {
        let mut left = 0;
        for cell in row {
            for (y, line) in cell.pixels.chunks_exact(cell.width * 3).enumerate() {
                sheet.pixels[((top + y) * width + left) * 3..][..line.len()].copy_from_slice(line);
            }
            left += cell.width + GAP_PX;
        }
        top += height_of(row);
    }
    sheet
}

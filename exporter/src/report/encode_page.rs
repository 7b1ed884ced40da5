//! The page of one encode: its figures, and what each view is blended from.

use iev_runtime::format::views::ViewSet;
use iev_runtime::{FrameIndex, ViewId};

use super::{figure, page, paragraph, table};
use crate::error::{Context, Result};
use crate::input::{View, warnings};
use crate::verify::{LayerPictures, Verification, each_layer, open};

/// The report on the stream at `path`, with pictures of the middle of the clip.
///
/// # Errors
/// When the stream does not decode.
pub fn encode_page(
    path: &std::path::Path,
    views: &[View],
    verified: &Verification,
) -> Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let figures = &verified.figures;
    let mut body = String::new();
    let summary = format!(
        "{} bytes, {:.1} kbit/s, mean luma PSNR {:.3} dB, YUV 6:1:1 {:.3} dB, MS-SSIM {:.4}.",
        figures.bytes, figures.kbps, figures.psnr_y, figures.psnr_611, figures.ms_ssim
    );
    paragraph(&mut body, "summary", &summary);
    verified.warnings().iter().for_each(|w| paragraph(&mut body, "warning", w));
    warnings(views).for_each(|w| paragraph(&mut body, "warning", &w.to_string()));
    body += "<h2>Views</h2>\n";
    body += &view_table(verified);
    body += "<h2>Bytes</h2>\n";
    body += &part_table(verified);
    body += &pictures(path, views)?;
    Ok(page(&format!("IEV: {name}"), &body))
}

fn view_table(verified: &Verification) -> String {
    // What a view lacks is a dash.
    let row = |v: &crate::verify::measure::ViewFigures| {
        let layers = verified.layers.iter().find(|l| l.view == v.view);
        let trainer = verified.trainer.iter().find(|d| d.view == v.view);
        let db = |db: Option<f64>| db.map_or("–".into(), |db| format!("{db:.2}"));
        vec![
            format!("view {}, {}", v.view, if v.explicit { "explicit" } else { "implicit" }),
            db(Some(v.psnr_y)),
            db(Some(v.psnr_u)),
            db(Some(v.psnr_v)),
            db(Some(v.psnr_611)),
            format!("{:.4}", v.ms_ssim),
            db(layers.map(|l| l.warped_db)),
            db(layers.map(|l| l.implicit_db)),
            db(layers.map(|l| l.fused_db)),
            trainer.map_or("–".into(), |d| format!("{:.3}", d.difference_db)),
        ]
    };
    let columns = [
        "PSNR in dB",
        "Y",
        "U",
        "V",
        "6:1:1",
        "MS-SSIM",
        "warped anchor Y",
        "implicit Y",
        "fused Y",
        "off the trainer",
    ];
    table(&columns, &verified.figures.views.iter().map(row).collect::<Vec<_>>())
}

fn part_table(verified: &Verification) -> String {
    let total = verified.parts.total();
    let row = |(name, bytes): &(&str, u64)| {
        let share = 100.0 * *bytes as f64 / total as f64;
        vec![(*name).to_owned(), bytes.to_string(), format!("{share:.1} %")]
    };
    let mut rows: Vec<Vec<String>> = verified.parts.named().iter().map(row).collect();
    rows.push(vec!["total".into(), total.to_string(), "100 %".into()]);
    table(&["part", "bytes", "share"], &rows)
}

/// A row per view: source, then warped anchor, implicit and fused, or the decoded explicit picture.
fn pictures(path: &std::path::Path, views: &[View]) -> Result<String> {
    let player = open(path)?;
    let header = player.header();
    // The frame in the middle, with what implicit pictures are blended from.
    let frame = header.frames / 2;
    let mut layers: Vec<LayerPictures> = Vec::new();
    each_layer(&player, frame..frame + 1, |_, one| layers.push(one))?;
    let shown = player.at(ViewSet::all(header), FrameIndex(frame)).context("decoding one frame")?;
    let mut html = format!("<h2>Picture {frame} of every view</h2>\n");
    // A row per view: the source beside what becomes of it.
    for (view, source) in views.iter().enumerate() {
        let source = source.frames[frame as usize].clone();
        let decoded = shown.with_ids().find(|(id, _)| id.view == ViewId(view as u8));
        let mut cells = vec![(source, "source")];
        match (layers.iter().find(|l| l.view == view), decoded) {
            (Some(l), _) => cells.extend([
                (l.warped.clone(), "warped anchor"),
                (l.implicit.clone(), "implicit"),
                (l.fused.clone(), "fused"),
            ]),
            (None, Some((_, decoded))) => cells.push((decoded.clone(), "explicit")),
            (None, None) => {}
        }
        html += "<div class=\"row\">";
        for (picture, what) in &cells {
            html += &figure(picture, header.colour, &format!("view {view}, {what}"))?;
        }
        html += "</div>\n";
    }
    Ok(html)
}

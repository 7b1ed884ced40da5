//! The page of one rate–distortion run: plot, BD-rates, points.

use super::config::Config;
use super::curve::Curve;
use super::report::Report;
use super::result::PointResult;
use super::svg::{Series, plot};
use super::table::{BdRow, RateDifference};
use crate::report::{escape, page, paragraph, table};

/// The whole page.
pub fn rd_page(config: &Config, report: &Report) -> String {
    let mut body = String::new();
    let about = "Bytes of files on disk; PSNR and MS-SSIM of what the player shows, averaged over \
                 all views, explicit ones included.";
    paragraph(&mut body, "note", about);
    report.missing.iter().for_each(|m| paragraph(&mut body, "warning", m));
    // A plot for each measure of quality.
    for (of, label) in [
        (Curve::luma as fn(&Curve) -> _, "luma PSNR in dB, mean over views"),
        (Curve::yuv, "YUV 6:1:1 PSNR in dB, mean over views"),
    ] {
        let series = |curve: &Curve, ours: bool| Series {
            name: curve.codec.clone(),
            points: of(curve),
            ours,
        };
        let mut all = vec![series(&report.ours, true)];
        all.extend(report.peers.iter().map(|peer| series(peer, false)));
        body += &plot(&all, "kbit/s of all views, logarithmic", label);
    }
    // The same in numbers.
    body += "<h2>BD-rate</h2>\n";
    paragraph(&mut body, "note", "Bytes over the peer's at equal quality; negative is a saving.");
    body += &bd_table(&report.bd_rate, config.interval_db);
    body += "<h2>Points</h2>\n";
    body += &point_table(&report.points);
    report.points.iter().for_each(|point| point_details(&mut body, point));
    page(&format!("Rate and distortion: {}", config.name), &body)
}

/// A BD-rate as text.
pub(crate) fn percent(taken: Option<RateDifference>) -> String {
    let text = |t: RateDifference| {
        let (low, high) = t.over_db;
        format!("{:+.1} % ({low:.2} to {high:.2} dB)", t.percent)
    };
    taken.map_or("–".into(), text)
}

/// The BD-rate table as text cells, for pages and terminals.
pub fn bd_cells(rows: &[BdRow]) -> Vec<Vec<String>> {
    let cells = |row: &BdRow| {
        let taken = [row.luma, row.luma_interval, row.yuv, row.worst].map(percent);
        [vec![row.peer.clone()], taken.into(), vec![row.note.clone()]].concat()
    };
    rows.iter().map(cells).collect()
}

fn bd_table(rows: &[BdRow], (low, high): (f64, f64)) -> String {
    let interval = format!("luma, {low} to {high} dB");
    let columns = ["against", "luma, whole overlap", &interval, "YUV 6:1:1", "worst view", ""];
    table(&columns, &bd_cells(rows))
}

fn point_table(points: &[PointResult]) -> String {
    let row = |point: &PointResult| {
        let figures = &point.verified.figures;
        // Of a resumed training only the last run's seconds are known.
        let least = if point.resumed { "≥ " } else { "" };
        vec![
            point.label.clone(),
            figures.bytes.to_string(),
            format!("{:.1}", figures.kbps),
            format!("{:.3}", figures.psnr_y),
            format!("{:.3}", figures.worst_y()),
            format!("{:.3}", figures.psnr_u),
            format!("{:.3}", figures.psnr_v),
            format!("{:.3}", figures.psnr_611),
            format!("{:.4}", figures.ms_ssim),
            format!("{least}{:.1} min", point.encode_seconds / 60.0),
            format!("{}, {} cores", point.machine.cpu, point.machine.cores),
        ]
    };
    let columns = [
        "point", "bytes", "kbit/s", "Y", "worst Y", "U", "V", "6:1:1", "MS-SSIM", "encoding",
        "machine",
    ];
    table(&columns, &points.iter().map(row).collect::<Vec<_>>())
}

fn point_details(body: &mut String, point: &PointResult) {
    let title = escape(&point.label);
    body.push_str(&format!("<details><summary>point {title}, per view</summary>\n"));
    let row = |v: &crate::verify::measure::ViewFigures| {
        let role = if v.explicit { "explicit" } else { "implicit" };
        let mut cells = vec![format!("view {}, {role}", v.view)];
        cells.extend([v.psnr_y, v.psnr_u, v.psnr_v, v.psnr_611].map(|db| format!("{db:.3}")));
        cells.push(format!("{:.4}", v.ms_ssim));
        cells
    };
    let rows: Vec<Vec<String>> = point.verified.figures.views.iter().map(row).collect();
    body.push_str(&table(&["PSNR in dB", "Y", "U", "V", "6:1:1", "MS-SSIM"], &rows));
    let parts = point.verified.parts.named().map(|(name, bytes)| format!("{name} {bytes}"));
    paragraph(body, "note", &format!("Bytes: {}.", parts.join(", ")));
    let settings = toml::to_string(&point.request).unwrap_or_default();
    body.push_str(&format!("<pre>{}</pre></details>\n", escape(&settings)));
}

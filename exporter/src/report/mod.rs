//! Reports as single HTML pages: style, pictures and plots are inside, so a page can be mailed.

pub mod encode_page;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iev_runtime::format::header::{Colour, Sampling};
use iev_runtime::picture::Picture;
use iev_runtime::picture::rgb::Rgb;

use crate::error::{Context, Result};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:76em;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:1em 0}\
th,td{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:right}\
th:first-child,td:first-child{text-align:left}\
figure{margin:0}figcaption{color:#666}.row{display:flex;gap:6px;overflow-x:auto;margin:.5em 0}\
.row img{max-width:100%}.note{color:#666}.warning{color:#a00;font-weight:600}";

/// Text as HTML shows it literally.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A whole page.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// A table; every cell is text.
pub fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: String = cells.map(|cell| format!("<{tag}>{}</{tag}>", escape(&cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let mut html = String::from("<table>\n");
    html += &cells("th", &mut columns.iter().map(|c| (*c).to_owned()));
    rows.iter().for_each(|row| html += &cells("td", &mut row.iter().cloned()));
    html + "</table>\n"
}

/// A picture with a caption, its pixels inside the page.
///
/// # Errors
/// When the PNG encoder refuses its size.
pub fn figure(picture: &Picture, colour: Colour, caption: &str) -> Result<String> {
    let image = Rgb::of(picture, colour).to_png(colour, Sampling::UNSPECIFIED);
    let file = image.context("drawing a picture of the report")?;
    let (caption, file) = (escape(caption), STANDARD.encode(file));
    Ok(format!(
        "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{file}\">\
         <figcaption>{caption}</figcaption></figure>"
    ))
}

/// A paragraph of the given class.
pub(crate) fn paragraph(html: &mut String, class: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(html, "<p class=\"{class}\">{}</p>", escape(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use iev_runtime::Size;

    #[test]
    fn text_cannot_become_markup() {
        assert!(page("A & B", "").contains("<h1>A &amp; B</h1>"));
        let html = table(&["<a>"], &[vec!["1 < 2 & \"3\"".into()]]);
        assert!(html.contains("<th>&lt;a&gt;</th>"), "{html}");
        assert!(html.contains("<td>1 &lt; 2 &amp; &quot;3&quot;</td>"), "{html}");
    }

    #[test]
    fn a_figure_holds_a_png() {
        let picture = Picture::new(Size { width_px: 3, height_px: 2 });
        let html = figure(&picture, Colour::BT709, "grey").unwrap();
        let start = html.find("base64,").unwrap() + "base64,".len();
        let coded = &html[start..start + html[start..].find('"').unwrap()];
        assert!(STANDARD.decode(coded).unwrap().starts_with(b"\x89PNG"));
    }
}

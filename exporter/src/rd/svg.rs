//! Rate–distortion plots as inline SVG.

use std::fmt::Write as _;

use super::bd_rate::RatePoint;
use crate::report::escape;

/// A named line of the plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Its points, in any order; rates are positive.
    pub points: Vec<RatePoint>,
    /// Drawn thicker: the curve the plot is about.
    pub ours: bool,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
/// Left, top, right and bottom margins in SVG pixels.
const MARGIN: [f64; 4] = [62.0, 20.0, 180.0, 52.0];
/// Colours that differ for colour-blind readers too (Okabe and Ito, 2008).
const COLOURS: [&str; 7] =
    ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"];

/// Data to SVG coordinates: the rate axis is logarithmic.
struct PlotAxes {
    log_rate: (f64, f64),
    quality: (f64, f64),
}

impl PlotAxes {
    fn around(series: &[Series]) -> Option<Self> {
        let points = || series.iter().flat_map(|s| &s.points);
        let span = |of: fn(&RatePoint) -> f64, least: f64| {
            let low = points().map(of).reduce(f64::min)?;
            let high = points().map(of).reduce(f64::max)?;
            let margin = (0.05 * (high - low)).max(least);
            Some((low - margin, high + margin))
        };
        let log_rate = span(|p| p.rate.log10(), 0.02)?;
        let quality = span(|p| p.quality, 0.2)?;
        Some(Self { log_rate, quality })
    }

    fn x(&self, rate: f64) -> f64 {
        let share = (rate.log10() - self.log_rate.0) / (self.log_rate.1 - self.log_rate.0);
        MARGIN[0] + share * (WIDTH - MARGIN[0] - MARGIN[2])
    }

    fn y(&self, quality: f64) -> f64 {
        let share = (quality - self.quality.0) / (self.quality.1 - self.quality.0);
        HEIGHT - MARGIN[3] - share * (HEIGHT - MARGIN[1] - MARGIN[3])
    }

    /// 1, 2 and 5 of every decade inside the axis.
    fn rate_ticks(&self) -> Vec<f64> {
        let decades = self.log_rate.0.floor() as i32..=self.log_rate.1.ceil() as i32;
        let ticks = decades.flat_map(|d| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(d)));
        ticks.filter(|t| (self.log_rate.0..=self.log_rate.1).contains(&t.log10())).collect()
    }

    /// The roundest step with at most ten lines.
    fn quality_ticks(&self) -> Vec<f64> {
        let (low, high) = self.quality;
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
        let step = steps.into_iter().find(|s| (high - low) / s <= 10.0).unwrap_or(20.0);
        let ticks = (low / step).ceil() as i64..=(high / step).floor() as i64;
        ticks.map(|k| k as f64 * step).collect()
    }
}

/// Draws `series` with a logarithmic rate axis; empty when there is no point at all.
pub fn plot(series: &[Series], rate_label: &str, quality_label: &str) -> String {
    let Some(axes) = PlotAxes::around(series) else { return String::new() };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"system-ui,sans-serif\" font-size=\"13\">\n"
    );
    draw_grid(&mut svg, &axes);
    draw_labels(&mut svg, rate_label, quality_label);
    for (place, one) in series.iter().enumerate() {
        draw_series(&mut svg, &axes, one, COLOURS[place % COLOURS.len()]);
        draw_legend(&mut svg, one, place);
    }
    svg + "</svg>\n"
}

// Writing to a string cannot fail, so the results below are dropped.

fn draw_grid(svg: &mut String, axes: &PlotAxes) {
    let (left, right) = (MARGIN[0], WIDTH - MARGIN[2]);
    let (top, bottom) = (MARGIN[1], HEIGHT - MARGIN[3]);
    let mut line = |x1: f64, y1: f64, x2: f64, y2: f64| {
        let _ = writeln!(
            svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"
        );
    };
    // Lines, then what they stand for.
    axes.rate_ticks().into_iter().for_each(|t| line(axes.x(t), top, axes.x(t), bottom));
    axes.quality_ticks().into_iter().for_each(|t| line(left, axes.y(t), right, axes.y(t)));
    for tick in axes.rate_ticks() {
        let (x, y) = (axes.x(tick), bottom + 18.0);
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{tick}</text>");
    }
    for tick in axes.quality_ticks() {
        let (x, y, tick) = (left - 6.0, axes.y(tick) + 4.0, (tick * 10.0).round() / 10.0);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{tick}</text>");
    }
    // The frame on top.
    let (width, height) = (right - left, bottom - top);
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" \
         stroke=\"#666\"/>"
    );
}

fn draw_labels(svg: &mut String, rate_label: &str, quality_label: &str) {
    let middle_x = (MARGIN[0] + WIDTH - MARGIN[2]) / 2.0;
    let middle_y = (MARGIN[1] + HEIGHT - MARGIN[3]) / 2.0;
    let (rate, quality, foot) = (escape(rate_label), escape(quality_label), HEIGHT - 10.0);
    let _ = writeln!(
        svg,
        "<text x=\"{middle_x}\" y=\"{foot}\" text-anchor=\"middle\">{rate}</text>\n\
         <text transform=\"translate(16 {middle_y}) rotate(-90)\" text-anchor=\"middle\">{quality}\
         </text>"
    );
}

fn draw_series(svg: &mut String, axes: &PlotAxes, series: &Series, colour: &str) {
    let mut points = series.points.clone();
    points.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let place = |p: &RatePoint| format!("{:.1},{:.1}", axes.x(p.rate), axes.y(p.quality));
    let line: Vec<String> = points.iter().map(place).collect();
    let (stroke, radius) = if series.ours { (3.0, 5.0) } else { (1.5, 3.5) };
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{stroke}\"/>",
        line.join(" ")
    );
    for point in &points {
        let (x, y) = (axes.x(point.rate), axes.y(point.quality));
        let name = escape(&series.name);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"><title>{name}: \
             {:.1} kbit/s, {:.3}</title></circle>",
            point.rate, point.quality
        );
    }
}

fn draw_legend(svg: &mut String, series: &Series, place: usize) {
    let (x, y) = (WIDTH - MARGIN[2] + 16.0, MARGIN[1] + 16.0 + 22.0 * place as f64);
    let colour = COLOURS[place % COLOURS.len()];
    let weight = if series.ours { "bold" } else { "normal" };
    let (end, middle, text) = (x + 22.0, y - 4.0, x + 30.0);
    let name = escape(&series.name);
    let _ = writeln!(
        svg,
        "<line x1=\"{x}\" y1=\"{middle}\" x2=\"{end}\" y2=\"{middle}\" stroke=\"{colour}\" \
         stroke-width=\"3\"/>\n<text class=\"legend\" x=\"{text}\" y=\"{y}\" \
         font-weight=\"{weight}\">{name}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        let points = points.iter().map(|&(rate, quality)| RatePoint { rate, quality }).collect();
        Series { name: name.into(), points, ours: name == "iev" }
    }

    #[test]
    fn every_point_is_a_mark_and_every_curve_a_line_and_a_legend() {
        let all = [
            series("iev", &[(200.0, 31.0), (400.0, 33.5), (900.0, 36.0)]),
            series("x<264", &[(5480.3, 40.5), (501.3, 31.2)]),
        ];
        let svg = plot(&all, "kbit/s", "dB");
        let count = |text: &str| svg.matches(text).count();
        assert_eq!((count("<circle"), count("<polyline"), count("class=\"legend\"")), (5, 2, 2));
        assert!(svg.contains("x&lt;264") && svg.ends_with("</svg>\n"));
        for tick in [">200<", ">500<", ">1000<", ">5000<", ">32<"] {
            assert!(svg.contains(tick), "no tick {tick} in {svg}");
        }
    }

    #[test]
    fn marks_stay_inside_the_frame_and_better_is_higher() {
        let all = [series("iev", &[(200.0, 31.0), (900.0, 36.0)])];
        let axes = PlotAxes::around(&all).unwrap();
        assert!(axes.x(200.0) > MARGIN[0] && axes.x(900.0) < WIDTH - MARGIN[2]);
        assert!(axes.y(36.0) < axes.y(31.0));
        let equal_steps = (axes.x(400.0) - axes.x(200.0)) - (axes.x(800.0) - axes.x(400.0));
        assert!(equal_steps.abs() < 1e-9);
    }

    #[test]
    fn one_point_and_no_point_are_plots_too() {
        assert_eq!(plot(&[series("iev", &[])], "kbit/s", "dB"), "");
        assert!(!plot(&[series("iev", &[(100.0, 30.0)])], "kbit/s", "dB").contains("NaN"));
    }
}

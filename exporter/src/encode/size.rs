//! Encoding to an asked file size: a search over the anchor's quantiser and λ, which move together.
//!
//! The scale of the search is the quantiser as a real number q. H.264 takes the nearest whole one, AV1 the nearest
//! quarter of a rate factor, λ the exact one by the default rule. Where every view is explicit there is no λ: the
//! fraction moves the first picture's quantiser of H.264 instead.
//!
//! Short trainings find q, one full training follows, and warm-started ones land.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::figures::Costs;
use super::floor::chosen_by_drafts;
use super::flow::{EncodeResult, encode};
use super::settings::EncodeSettings;
use crate::anchor::coder;
use crate::anchor::gop::code_gop;
use crate::error::{Context, Error, Result, bail, ensure};
use crate::input::View;
use crate::picture::Picture;
use crate::rules::lambda_at;
use iev_runtime::outputs::write_whole;

/// Largest distance of the file from the asked size, as a share of it.
pub const TOLERANCE: f64 = 0.05;
/// Quantisers of the search.
const RANGE: (f64, f64) = (1.0, 51.0);
/// Most short trainings that estimate q.
const ESTIMATES: usize = 4;
/// Most warm-started trainings that land.
const LANDINGS: usize = 6;
/// Steps of an estimate and of a landing, as parts of the full training's.
const SHORT: usize = 8;
/// Fewest steps of both where the full training has more: grids of shorter ones are far too large still.
const LEAST: usize = 300;
/// An estimate is believed this far away, in quantisers.
const TRUST_QP: f64 = 3.0;
/// Quantisers per e-fold of the file's bytes: anchors and grids both shrink by about 12 % per quantiser.
const QP_PER_EFOLD: f64 = 8.0;
/// Bytes of a file over those of its anchor, as a first guess (EXPERIMENTS.md §8).
const OVER_ANCHOR: f64 = 1.6;

/// A file of the asked size.
#[derive(Debug)]
pub struct SizedFile {
    /// What came out.
    pub encoded: EncodeResult,
    /// What it was encoded with: quantiser and λ are those found.
    pub settings: EncodeSettings,
}

/// Encodes `views` into a file of `bytes`, within [`TOLERANCE`]; quantiser and λ of `settings` are ignored.
///
/// Streams and checkpoints of every try go into folders of `work`, from which the same call goes on.
///
/// # Errors
/// When a step fails; when no such size can be reached, with the sizes that can; when no try came near enough,
/// with the nearest as the file.
pub fn encode_to_size(
    views: &[View],
    settings: &EncodeSettings,
    bytes: u64,
    work: &Path,
) -> Result<SizedFile> {
    let trains = settings.plan.implicit().next().is_some();
    let settings = &EncodeSettings { simulcast_offset: None, ..settings.clone() };
    let settings = &chosen_by_drafts(&Costs::open(views, settings), settings)?;
    let search = SizeSearch { views, settings, bytes: bytes as f64, work, trains };
    search.run()
}

/// One try: its quantiser and the bytes it came to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    q: f64,
    bytes: f64,
}

struct SizeSearch<'a> {
    views: &'a [View],
    settings: &'a EncodeSettings,
    bytes: f64,
    work: &'a Path,
    trains: bool,
}

impl SizeSearch<'_> {
    fn run(&self) -> Result<SizedFile> {
        let steps = self.settings.training.steps;
        let short = steps.div_ceil(SHORT).max(LEAST.min(steps));
        if self.trains {
            self.settings.tell(&format!(
                "to {} bytes: up to {ESTIMATES} x {short} steps to estimate, {steps} to train, up to \
                 {LANDINGS} x {short} to land",
                self.bytes
            ));
        }
        // Short trainings find the quantiser, a full one and short ones from its parameters meet the size.
        let q = self.estimate(short)?;
        let mut seen = Vec::new();
        let mut next = q;
        let mut nearest = (f64::INFINITY, PathBuf::new());
        for landing in 0..=LANDINGS {
            let (name, steps, start) = match landing {
                0 => ("full".to_owned(), steps, None),
                n => (format!("landing-{n}"), short, Some(self.work.join("full"))),
            };
            let landed = self.encode(&name, next, steps, start)?;
            let bytes = landed.encoded.bytes as f64;
            let off = self.off(bytes) * 100.0;
            self.settings.tell(&format!("{name}: {bytes} bytes, {off:+.1} % of those asked"));
            if self.off(bytes).abs() <= TOLERANCE {
                self.deliver(&self.stream(&name))?;
                return Ok(landed);
            }
            if self.off(bytes).abs() < self.off(nearest.0).abs() {
                nearest = (bytes, self.stream(&name));
            }
            seen.push(Seen { q: next, bytes });
            next = next_q(&seen, self.bytes);
        }
        // Not met: the nearest is delivered, and said to be no more than that.
        let (bytes, stream) = nearest;
        self.deliver(&stream)?;
        bail!(
            "{} bytes were not met within {:.0} %: the nearest of {} tries, which {} holds now, has {bytes} \
             bytes, {:+.1} % of those asked",
            self.bytes,
            TOLERANCE * 100.0,
            seen.len(),
            self.settings.output.display(),
            self.off(bytes) * 100.0
        )
    }

    /// Copies a try's stream to where it was asked for.
    fn deliver(&self, stream: &Path) -> Result<()> {
        let stream = std::fs::read(stream).context("reading the stream")?;
        Ok(write_whole(&self.settings.output, stream)?)
    }

    /// The quantiser that a full training is likely to land with.
    fn estimate(&self, short: usize) -> Result<f64> {
        let mut q = self.anchor_guess()?;
        let mut seen = Vec::new();
        for number in 1..=ESTIMATES {
            let started = Instant::now();
            let tried = self.encode(&format!("estimate-{number}"), q, short, None)?;
            if number == 1 && self.trains {
                self.tell_time(started.elapsed(), short);
            }
            seen.push(Seen { q, bytes: tried.encoded.bytes as f64 });
            let next = next_q(&seen, self.bytes);
            let end = RANGE.0 == q || RANGE.1 == q;
            if end && next == q {
                return Err(self.unreachable(short)?);
            }
            if (next - q).abs() <= TRUST_QP && next != RANGE.0 && next != RANGE.1 {
                return Ok(next);
            }
            q = next;
        }
        Ok(q)
    }

    fn tell_time(&self, spent: Duration, short: usize) {
        // An estimate also learns the flow, as the full training does; a landing does not.
        let flow = self.settings.training.flow_steps;
        let minutes =
            |steps: usize| spent.as_secs_f64() / 60.0 * steps as f64 / (short + flow) as f64;
        let full = minutes(self.settings.training.steps + flow);
        let more = minutes((ESTIMATES - 1) * (short + flow) + LANDINGS * short);
        let most = full + more;
        self.settings.tell(&format!("expected: {full:.0} min from here, {most:.0} min at most"));
    }

    /// The quantiser at which the anchor alone leaves room for the rest.
    fn anchor_guess(&self) -> Result<f64> {
        let share = if self.trains { OVER_ANCHOR } else { 1.0 };
        let (mut fine, mut coarse) = (RANGE.0 as i32, RANGE.1 as i32);
        // Both ends, then halving between them.
        let least = self.anchor_bytes(coarse)?;
        let codec = coder(self.settings.plan.codec).name();
        let too_small = self.bytes * (1.0 + TOLERANCE) < least;
        ensure!(
            !too_small,
            "{} bytes cannot be reached: {codec} alone takes {least} bytes at the coarsest quantiser and \
             {} at the finest",
            self.bytes,
            self.anchor_bytes(fine)?
        );
        while coarse - fine > 1 {
            let middle = (fine + coarse) / 2;
            if self.anchor_bytes(middle)? * share > self.bytes {
                fine = middle;
            } else {
                coarse = middle;
            }
        }
        Ok(f64::from(coarse))
    }

    fn anchor_bytes(&self, qp: i32) -> Result<f64> {
        let frames: Vec<&[Picture]> = self.views.iter().map(|v| v.frames.as_slice()).collect();
        let (plan, rate) = (&self.settings.plan, self.views[0].rate);
        let anchor =
            crate::anchor::AnchorSettings { qp: qp.into(), ..self.settings.anchor.clone() };
        let mut bytes = 0;
        for span in &plan.gops {
            let coded = code_gop(&frames, plan, *span, rate, &anchor)?;
            bytes += coded.iter().map(|c| c.body.len()).sum::<usize>();
        }
        Ok(bytes as f64)
    }

    /// What to say when the asked size lies outside: both ends, after short trainings.
    fn unreachable(&self, short: usize) -> Result<Error> {
        let end = |name: &str, q| Ok::<_, Error>(self.encode(name, q, short, None)?.encoded.bytes);
        let (most, least) = (end("finest", RANGE.0)?, end("coarsest", RANGE.1)?);
        let asked = self.bytes;
        Ok(Error::usage(format_args!(
            "{asked} bytes cannot be reached: this clip and profile reach about {least} to {most} bytes"
        )))
    }

    fn encode(
        &self,
        name: &str,
        q: f64,
        steps: usize,
        warm_start: Option<PathBuf>,
    ) -> Result<SizedFile> {
        let folder = self.work.join(name);
        let within = || format!("making {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(within)?;
        let mut settings = self.settings.clone();
        // Sizes are found step by step from one try to the next: none may be of another kind.
        settings.arrange = false;
        settings.output = self.stream(name);
        settings.anchor.qp = q;
        if !self.trains {
            // H.264 has whole quantisers only; the first pictures are a sixth of such a file or more.
            let finer = (6.0 * (q - q.round())).round() as i32;
            settings.anchor.intra_offset += finer;
            settings.anchor.shown_offset += finer;
        }
        settings.training.lambda = lambda_at(q);
        settings.training.steps = steps;
        settings.training.warm_start = warm_start;
        settings.training.checkpoint = Some(folder);
        Ok(SizedFile { encoded: encode(self.views, &settings)?, settings })
    }

    fn stream(&self, name: &str) -> PathBuf {
        self.work.join(name).join("stream.iev")
    }

    /// How far `bytes` are from the asked ones, as a share of them.
    fn off(&self, bytes: f64) -> f64 {
        bytes / self.bytes - 1.0
    }
}

/// The quantiser to try next for `asked` bytes: between the nearest larger and smaller file, by regula
/// falsi on the logarithm, else away from the last one by the usual slope.
fn next_q(seen: &[Seen], asked: f64) -> f64 {
    let excess = |s: &Seen| (s.bytes / asked).ln();
    let larger = seen.iter().filter(|s| excess(s) > 0.0).max_by(|a, b| a.q.total_cmp(&b.q));
    let smaller = seen.iter().filter(|s| excess(s) <= 0.0).min_by(|a, b| a.q.total_cmp(&b.q));
    let next = match (larger, smaller) {
        (Some(above), Some(below)) if above.q < below.q => {
            let share = excess(above) / (excess(above) - excess(below));
            // Away from the ends, so that a step in the curve is closed in on from both sides.
            above.q + (below.q - above.q) * share.clamp(0.15, 0.85)
        }
        _ => seen.last().map_or(RANGE.1, |last| {
            // Twice the usual slope's way from the second try on one side on: it was not enough.
            let longer = if seen.len() > 1 { 2.0 } else { 1.0 };
            last.q + QP_PER_EFOLD * longer * excess(last)
        }),
    };
    next.clamp(RANGE.0, RANGE.1)
}

/// A number of bytes or bits with an optional k, M or G for thousands.
///
/// # Errors
/// What such a number looks like.
pub fn parse_amount(text: &str) -> Result<u64, String> {
    let (digits, scale) = match text.char_indices().next_back() {
        Some((end, 'k' | 'K')) => (&text[..end], 1e3),
        Some((end, 'M')) => (&text[..end], 1e6),
        Some((end, 'G')) => (&text[..end], 1e9),
        _ => (text, 1.0),
    };
    let amount = digits.parse::<f64>().ok().map(|number| (number * scale).round());
    let whole = amount.filter(|a| (1.0..1e15).contains(a));
    whole.map(|a| a as u64).ok_or_else(|| "not an amount such as 80000, 80k or 1.5M".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::PictureExt;
    use crate::progress::Progress;

    #[test]
    fn amounts_have_thousands() {
        let all = ["80000", "80k", "1.5M", "2G"].map(|text| parse_amount(text).unwrap());
        assert_eq!(all, [80_000, 80_000, 1_500_000, 2_000_000_000]);
        for wrong in ["", "k", "-5k", "80 k", "0", "nan", "1e99", "8é"] {
            assert!(parse_amount(wrong).is_err(), "{wrong}");
        }
    }

    /// Bytes of a clip with a step of a tenth at every half quantiser, as rounding the anchor's makes.
    fn stepped(q: f64) -> f64 {
        1e6 * (-(0.08 * q.round() + 0.04 * q)).exp()
    }

    #[test]
    fn the_search_lands_on_a_curve_with_steps() {
        for asked in [4e3, 2e4, 5e4, 77_777.0, 3e5, 8e5] {
            let mut seen: Vec<Seen> = vec![Seen { q: 30.0, bytes: stepped(30.0) }];
            while (seen[seen.len() - 1].bytes / asked - 1.0).abs() > TOLERANCE {
                let q = next_q(&seen, asked);
                seen.push(Seen { q, bytes: stepped(q) });
                assert!(seen.len() <= LANDINGS + 1, "{asked}: {seen:?}");
            }
        }
    }

    #[test]
    fn the_search_stays_in_its_range() {
        let seen = [Seen { q: 50.0, bytes: 9e9 }];
        assert_eq!(next_q(&seen, 1.0), RANGE.1);
        let seen = [Seen { q: 2.0, bytes: 1.0 }];
        assert_eq!(next_q(&seen, 9e9), RANGE.0);
    }

    #[test]
    fn the_nearest_try_is_kept_where_none_lands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.iev");
        // All blocks are alike: what is left of them vanishes from one quantiser to the next.
        let mut board = Picture::zeros(96, 64);
        board.planes_mut()[0]
            .iter_mut()
            .enumerate()
            .for_each(|(i, y)| *y = 120 + 8 * ((i + i / 96) % 2) as u8);
        let view = View::new(PathBuf::new(), vec![board], (24, 1));
        let views = [view];
        let codec = crate::encode::request::CodecChoice::H264;
        let request = crate::encode::request::EncodeRequest { codec, ..Default::default() };
        let plan = crate::encode::plan(&views, &request, Progress::Quiet).unwrap();
        let mut settings = request.settings(plan, path.clone(), None, Progress::Quiet).unwrap();
        // Which has no quantiser of its own for the first picture.
        settings.anchor.encoder = crate::anchor::AnchorEncoder::OpenH264;
        let size = |qp: i32| {
            let mut settings = settings.clone();
            settings.anchor.qp = qp.into();
            encode(&views, &settings).unwrap().bytes as f64
        };
        let sizes: Vec<f64> = (12..=40).map(size).collect();
        let apart = |pair: &&[f64]| pair[0] / pair[1];
        let widest = sizes.windows(2).max_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap();
        let asked = (widest[0] * widest[1]).sqrt();
        std::fs::remove_file(&path).unwrap();
        let error = encode_to_size(&views, &settings, asked as u64, folder.path()).unwrap_err();
        let bytes = std::fs::metadata(&path).unwrap().len();
        let said = error.to_string();
        assert!(said.contains(&format!("clip.iev holds now, has {bytes} bytes")), "{said}");
        assert!(widest.contains(&(bytes as f64)), "{bytes}");
    }
}

//! How views are to be read: what is typed over what they say.

use std::path::Path;

use iev_runtime::format::colour::{MATRICES, PRIMARIES, TRANSFERS};

use super::notice::Notice;
use super::times::lowest;
use super::{InputError, SourceFacts};

/// How to read views, and what to believe over what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Reading {
    /// Most frames of a view.
    #[arg(skip)]
    pub limit: Option<usize>,
    /// Memory for the views' pictures, half of what is free unless given; the others go to a file in TMPDIR or
    /// /var/tmp.
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u64>,
    /// Rate of sources that say none, before 25 a second is assumed.
    #[arg(skip)]
    pub rate_of_unknown: Option<(u32, u32)>,
    /// Frames per second, such as 24 or 30000/1001: frames are repeated and dropped to keep their times. PNG folders
    /// have no times and get this rate, else 25.
    #[arg(long, value_parser = parse_rate)]
    pub rate: Option<(u32, u32)>,
    /// Cut all views to the length of the shortest.
    #[arg(long)]
    pub shortest: bool,
    /// Take frames for whole pictures although they are flagged as interlaced.
    #[arg(long)]
    pub progressive: bool,
    /// Matrix, or matrix/primaries/transfer, over what the views say, in the names of ffmpeg: bt709, or
    /// bt2020nc/bt2020/smpte2084. What is converted from RGB keeps its matrix, bt709.
    #[arg(long, value_name = "MATRIX", value_parser = parse_colour)]
    pub colour: Option<ColourOverride>,
    /// Range of samples over what the views say: limited (16 to 235) or full (0 to 255). What is converted from RGB
    /// keeps its range, limited.
    #[arg(long = "range", value_name = "RANGE", value_parser = parse_range)]
    pub full_range: Option<bool>,
    /// Width of a pixel to its height, such as 64:45, over what the views say.
    #[arg(long, value_name = "W:H", value_parser = parse_aspect)]
    pub aspect: Option<(u32, u32)>,
}

/// Code points to believe; those that are not given stay as the source has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourOverride {
    matrix: u8,
    primaries_and_transfer: Option<(u8, u8)>,
}

impl Reading {
    /// Most frames to read of a source: all where frames will be dropped, whose number is not known before.
    pub(super) fn limit_before_resampling(&self) -> Option<usize> {
        self.limit.filter(|_| self.rate.is_none())
    }

    /// Notes that interlaced frames are taken as progressive where that is asked for.
    pub(super) fn take_interlaced(
        &self,
        path: &Path,
        notices: &mut Vec<Notice>,
    ) -> Result<(), InputError> {
        if !self.progressive {
            return Err(InputError::Interlaced { path: path.to_owned() });
        }
        notices.push(Notice::TakenAsProgressive);
        Ok(())
    }

    /// Puts what was asked for over what a source tells; matrix and range of samples `made_here` are known.
    pub(super) fn override_told(&self, told: &mut SourceFacts, made_here: bool) {
        if let Some(colour) = self.colour {
            if !made_here {
                told.matrix = colour.matrix;
            }
            if let Some(rest) = colour.primaries_and_transfer {
                (told.primaries, told.transfer) = rest;
            }
        }
        if !made_here {
            told.full_range = self.full_range.or(told.full_range);
        }
        told.sampling.pixel_aspect = self.aspect.unwrap_or(told.sampling.pixel_aspect);
    }
}

/// Frames per second, such as 24 or 30000/1001.
///
/// # Errors
/// What such a rate looks like.
pub fn parse_rate(text: &str) -> Result<(u32, u32), String> {
    let (frames, seconds) = text.split_once('/').unwrap_or((text, "1"));
    match (frames.parse(), seconds.parse()) {
        (Ok(frames @ 1..), Ok(seconds @ 1..)) => Ok((frames, seconds)),
        _ => Err("not a rate such as 24 or 30000/1001".into()),
    }
}

/// Whether samples use 0‥255.
fn parse_range(text: &str) -> Result<bool, String> {
    match text {
        "limited" => Ok(false),
        "full" => Ok(true),
        _ => Err("not limited or full".into()),
    }
}

fn parse_aspect(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once(':').map(|(w, h)| (w.parse(), h.parse()));
    match parts {
        Some((Ok(width @ 1..), Ok(height @ 1..))) => Ok(lowest((width, height))),
        _ => Err("not a pixel aspect such as 64:45".into()),
    }
}

pub(super) fn parse_colour(text: &str) -> Result<ColourOverride, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let unknown = |what: &str, name: &str| format!("no {what} is called {name:?}");
    let matrix = |name| MATRICES.code(name).ok_or_else(|| unknown("matrix", name));
    match parts[..] {
        [name] => Ok(ColourOverride { matrix: matrix(name)?, primaries_and_transfer: None }),
        [name, primaries, transfer] => {
            let primaries =
                PRIMARIES.code(primaries).ok_or_else(|| unknown("set of primaries", primaries))?;
            let transfer = TRANSFERS.code(transfer).ok_or_else(|| unknown("transfer", transfer))?;
            let primaries_and_transfer = Some((primaries, transfer));
            Ok(ColourOverride { matrix: matrix(name)?, primaries_and_transfer })
        }
        _ => Err("not a matrix such as bt709, or matrix/primaries/transfer".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_aspects_are_above_zero() {
        let all = ["24", "30000/1001"].map(|text| parse_rate(text).unwrap());
        assert_eq!(all, [(24, 1), (30_000, 1001)]);
        for wrong in ["", "0", "24/0", "24/", "23.98", "-1", "24:1"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_aspect("128:90"), Ok((64, 45)));
        for wrong in ["", "1", "0:1", "1:0", "4/3", "-1:1"] {
            assert!(parse_aspect(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn colours_have_the_names_of_ffmpeg() {
        let matrix = parse_colour("bt709").unwrap();
        assert_eq!(matrix, ColourOverride { matrix: 1, primaries_and_transfer: None });
        let all = parse_colour("bt2020nc/bt2020/smpte2084").unwrap();
        assert_eq!(all, ColourOverride { matrix: 9, primaries_and_transfer: Some((9, 16)) });
        for wrong in ["", "709", "bt709/bt709", "bt709/bt709/pq", "bt709/x/bt709"] {
            assert!(parse_colour(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_asked_for_goes_over_what_is_told_but_not_over_what_was_made_here() {
        let colour = Some(parse_colour("bt470bg").unwrap());
        let (aspect, full_range) = (Some((2, 1)), Some(parse_range("full").unwrap()));
        let reading = Reading { colour, aspect, full_range, ..Reading::default() };
        let told = |made_here| {
            let mut told = SourceFacts {
                matrix: 1,
                transfer: 16,
                full_range: Some(false),
                ..SourceFacts::NOTHING
            };
            reading.override_told(&mut told, made_here);
            (told.matrix, told.full_range, told.transfer, told.sampling.pixel_aspect)
        };
        assert_eq!(told(false), (5, Some(true), 16, (2, 1)));
        assert_eq!(told(true), (1, Some(false), 16, (2, 1)));
        assert!(parse_range("tv").is_err());
    }
}

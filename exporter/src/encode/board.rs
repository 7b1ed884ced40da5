//! Whether the board that a stream is for will play it, known before anything is trained.
//!
//! Every figure is the player's: its limits, and its own estimate of the memory that playing takes.

use std::fmt::Display;

use iev_runtime::board::Board;
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::header::Header;
use iev_runtime::network::backend::Backend;
use iev_runtime::play::memory::fit;
use iev_runtime::play::options::Options;
use iev_runtime::profile::{PROFILES, Profile};
use iev_runtime::stream::gop_index::LargestGop;
use iev_runtime::stream::scene::check_grids;

use super::settings::EncodeSettings;
use crate::anchor::coder;
use crate::error::{Error, Result};
use crate::plan::Plan;

/// Makes sure that the board of `settings`, if there is one, will play a stream of this header and of their plan, in
/// which the sections of every GOP have these bytes, as far as they are coded yet.
///
/// # Errors
/// A sentence with the limit and what to do about it.
pub(super) fn check_board(
    settings: &EncodeSettings,
    header: &Header,
    sections: &[Vec<usize>],
) -> Result<()> {
    let Some(board) = &settings.board else { return Ok(()) };
    let refused = |limit: &dyn Display, remedy: &str| {
        let name = &board.name;
        Error::usage(format_args!("board {name} will not play this: {limit}: {remedy}"))
    };
    // What is known before a picture is coded.
    let codec = settings.plan.codec;
    if !board.player.codecs.contains(&codec) {
        let lacking = format!("it does not decode {}", coder(codec).name());
        return Err(refused(&lacking, "give another --codec or --board"));
    }
    let limits = board.limits();
    let gop = largest_gop(&settings.plan, header, sections);
    let fewer = match limits.views {
        1 => "give one view".to_owned(),
        views => format!("give {views} views"),
    };
    let shorter = format!("give --gop {}", limits.gop_frames);
    limits.check_size(header.size).map_err(|e| refused(&e, "scale the views down"))?;
    limits.check_rate(header.rate).map_err(|e| refused(&e, "give views of a lower rate"))?;
    limits.check_views(header.views.len()).map_err(|e| refused(&e, &fewer))?;
    limits.check_header(header).map_err(|e| refused(&e, "give a --limit"))?;
    limits.check_gop(gop.frames.into()).map_err(|e| refused(&e, &shorter))?;
    if let Some(profile) = header.profile() {
        let (frames, implicit) = (gop.frames as usize, header.implicit_views().count());
        check_grids(profile, header.size, frames, implicit, &limits)
            .map_err(|e| refused(&e, "give a shorter --gop"))?;
    }
    // What the coded sections add.
    for bytes in sections.iter().flatten() {
        let coarser = "give a shorter --gop or a higher --qp";
        limits.check_section(*bytes as u64).map_err(|e| refused(&e, coarser))?;
    }
    memory(board, header, gop).map_err(|e| refused(&e, &slimmer(board, header, gop)))
}

/// As the player's index will have it.
fn largest_gop(plan: &Plan, header: &Header, sections: &[Vec<usize>]) -> LargestGop {
    let frames = plan.gops.iter().map(|(_, frames)| *frames).max().unwrap_or(0);
    let keys = plan.key_spans(frames).len() * header.implicit_views().count();
    let bytes = sections.iter().map(|gop| gop.iter().sum::<usize>()).max().unwrap_or(0);
    LargestGop {
        frames: frames as u32,
        key_pictures: keys as u32,
        section_bytes: bytes as u64,
        has_av1: plan.codec == Codec::Av1,
    }
}

/// Fails where the player would hold more memory than the board lets it.
fn memory(board: &Board, header: &Header, gop: LargestGop) -> iev_runtime::Result<()> {
    let mut options = Options::new(Backend::new(None, board.session()).opener());
    board.apply(&mut options);
    fit(header, gop, &mut options).map(drop)
}

/// What takes less memory: another profile, where there is one that fits, or fewer pictures at once.
fn slimmer(board: &Board, header: &Header, gop: LargestGop) -> String {
    let with = |profile: &Profile| -> Option<Header> {
        Some(Header { profile: profile.name.try_into().ok()?, ..header.clone() })
    };
    let fits = |profile: &&Profile| {
        with(profile).is_some_and(|header| memory(board, &header, gop).is_ok())
    };
    match PROFILES.iter().rfind(fits).filter(|_| header.profile().is_some()) {
        Some(profile) => format!("give --profile {}", profile.name),
        None => "give fewer or smaller views".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use iev_runtime::Size;
    use iev_runtime::board::BUILT_IN;

    use super::*;
    use crate::encode::flow::header;
    use crate::encode::request::{EncodeRequest, MOST_GOP_FRAMES};
    use crate::input::View;
    use crate::picture::{Picture, PictureExt};
    use crate::progress::Progress;

    /// A default encode for `board` of a large clip, as long as the longest default GOP.
    fn large(board: &str, profile: &Profile) -> (EncodeSettings, Header) {
        let request = EncodeRequest {
            board: Some(board.into()),
            profile: profile.name.into(),
            ..EncodeRequest::default()
        };
        let frames = vec![Picture::zeros(16, 16); MOST_GOP_FRAMES];
        let views = vec![View::new(PathBuf::new(), frames, (30, 1)); 5];
        let plan =
            Plan::new(&[2; 5], &[(MOST_GOP_FRAMES, MOST_GOP_FRAMES)], request.keys_per_gop());
        let settings = request.settings(plan, PathBuf::new(), None, Progress::Quiet).unwrap();
        let size = Size { width_px: 1920, height_px: 1088 };
        let header = Header { size, ..header(&views, &settings).unwrap() };
        (settings, header)
    }

    /// A profile of a board in which `key` is `value`.
    fn board_with(key: &str, value: &str) -> Board {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("small.toml");
        let line = |line: &str| match line.split_once(" = ") {
            Some((name, _)) if name == key => format!("{key} = {value}\n"),
            _ => format!("{line}\n"),
        };
        std::fs::write(&file, BUILT_IN[0].1.lines().map(line).collect::<String>()).unwrap();
        Board::find(file.to_str().unwrap()).unwrap()
    }

    #[test]
    fn default_encodes_of_every_profile_are_for_every_board() {
        for (name, _) in BUILT_IN {
            for profile in &PROFILES {
                let (settings, header) = large(name, profile);
                check_board(&settings, &header, &[vec![1 << 20]]).unwrap();
            }
        }
    }

    #[test]
    fn every_limit_is_told_with_its_remedy() {
        let (mut settings, header) = large(BUILT_IN[0].0, &PROFILES[0]);
        let rows = [
            ("codecs", "[\"av1\"]", "does not decode H.264: give another --codec or --board"),
            ("side_px", "1900", "width in pixels needs 1920, limit is 1900: scale the views"),
            ("picture_px", "90000", "limit is 90000: scale the views down"),
            ("display_hz", "25", "pictures per second needs 30, limit is 25: give views of a"),
            ("views", "4", "number of views needs 5, limit is 4: give 4 views"),
            ("views", "1", "number of views needs 5, limit is 1: give one view"),
            ("gop_pictures", "48", "limit is 48: give --gop 48"),
            ("section_mib", "1", "limit is 1048576: give a shorter --gop or a higher --qp"),
            ("memory_mib", "9", "limit is 9437184: give fewer or smaller views"),
        ];
        for (key, value, expected) in rows {
            settings.board = Some(board_with(key, value));
            let said = check_board(&settings, &header, &[vec![2 << 20]]).unwrap_err().to_string();
            assert!(said.starts_with("board small will not play this: "), "{said}");
            assert!(said.contains(expected), "{key}: {said}");
        }
    }

    #[test]
    fn a_profile_that_is_too_wide_for_the_memory_is_told_which_is_not() {
        let (mut settings, lean) = large(BUILT_IN[0].0, &PROFILES[0]);
        let (_, rich) = large(BUILT_IN[0].0, &PROFILES[PROFILES.len() - 1]);
        let least = (64..4096).find(|mib: &usize| {
            settings.board = Some(board_with("memory_mib", &mib.to_string()));
            check_board(&settings, &lean, &[]).is_ok()
        });
        let said = check_board(&settings, &rich, &[]).unwrap_err().to_string();
        assert!(least.is_some() && said.ends_with(": give --profile lean"), "{said}");
    }
}

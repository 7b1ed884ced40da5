//! How failures end the program: with the exit codes of `iev`.

use std::error::Error as StdError;

use iev_exporter::Unfit;
use iev_exporter::anchor::AnchorError;
use iev_exporter::ffmpeg::FfmpegMissing;
use iev_exporter::input::InputError;
use iev_exporter::input::cameras::CamerasError;

/// A stream, a view or another file that was read is at fault.
const INPUT: u8 = 1;
/// What was typed, or is written in a config, does not make sense or does not fit this machine.
const USAGE: u8 = 2;
/// ONNX Runtime, libtorch or ffmpeg is missing or failed.
const BACKEND: u8 = 3;

/// The exit code of `error`: that of its first cause that has one.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(of_cause).unwrap_or(USAGE)
}

fn of_cause(cause: &(dyn StdError + 'static)) -> Option<u8> {
    if let Some(error) = cause.downcast_ref::<iev_runtime::Error>() {
        return Some(error.exit_code());
    }
    if let Some(error) = cause.downcast_ref::<InputError>() {
        return Some(match error {
            InputError::NoViews | InputError::Read { .. } => USAGE,
            InputError::NeedsFfmpeg { .. } => BACKEND,
            _ => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<CamerasError>() {
        return Some(match error {
            CamerasError::Read { .. } => USAGE,
            _ => INPUT,
        });
    }
    let backend = cause.is::<FfmpegMissing>() || cause.is::<AnchorError>() || is_of_torch(cause);
    let input = cause.is::<Unfit>();
    if backend { Some(BACKEND) } else { input.then_some(INPUT) }
}

#[cfg(feature = "train")]
fn is_of_torch(cause: &(dyn StdError + 'static)) -> bool {
    cause.is::<tch::TchError>()
}

#[cfg(not(feature = "train"))]
fn is_of_torch(_: &(dyn StdError + 'static)) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn the_first_cause_that_knows_who_must_act_decides() {
        let stream = iev_runtime::Error::malformed(3, "broken");
        let rows = [
            (anyhow!("a rule"), USAGE),
            (anyhow!(stream).context("clip.iev"), INPUT),
            (anyhow!(Unfit("graphs".into())), INPUT),
            (anyhow!(InputError::NoViews), USAGE),
            (
                Err::<(), _>(InputError::Empty { path: "v0.y4m".into() }).context("x").unwrap_err(),
                INPUT,
            ),
            (anyhow!(AnchorError::X264("no".into())).context("coding"), BACKEND),
            (anyhow!(iev_runtime::Error::Backend { what: "none".into() }).context("y"), BACKEND),
        ];
        for (error, expected) in rows {
            assert_eq!(code(&error), expected, "{error:#}");
        }
    }
}

//! How failures end the program: with the exit codes of `iev`.

use std::error::Error as StdError;

use iev_exporter::Error;
use iev_exporter::input::InputError;
use iev_exporter::input::cameras::CamerasError;
use iev_exporter::progress::one_line;

/// What was typed does not make sense; also where nothing else is known.
const USAGE: u8 = 2;

/// The exit code of `error`: that of its first cause that has one.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(of_cause).unwrap_or(USAGE)
}

/// The error and its causes in one line; causes that repeat their effect are left out.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    one_line(&text)
}

/// Of what the library says, or one of its rooms by itself.
fn of_cause(cause: &(dyn StdError + 'static)) -> Option<u8> {
    let whole = cause.downcast_ref().map(Error::exit_code);
    let view = || cause.downcast_ref().map(InputError::exit_code);
    let cameras = || cause.downcast_ref().map(CamerasError::exit_code);
    let player = || cause.downcast_ref().map(iev_runtime::Error::exit_code);
    whole.or_else(view).or_else(cameras).or_else(player)
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};
    use iev_exporter::anchor::AnchorError;

    use super::*;

    const INPUT: u8 = 1;
    const BACKEND: u8 = 3;

    #[test]
    fn a_sentence_says_everything_once() {
        let full = std::io::Error::other("no space");
        let file = iev_runtime::Error::File { path: "a.iev".into(), source: full };
        let error = anyhow!(file).context("writing\nit");
        assert_eq!(sentence(&error), "writing\\nit: a.iev: no space");
    }

    #[test]
    fn the_first_cause_that_knows_who_must_act_decides() {
        let stream = iev_runtime::Error::malformed(3, "broken");
        let rows = [
            (anyhow!("a rule"), USAGE),
            (anyhow!(stream).context("clip.iev"), INPUT),
            (anyhow!(Error::Unfit { what: "graphs".into() }), INPUT),
            (anyhow!(InputError::NoViews), USAGE),
            (
                Err::<(), _>(InputError::Empty { path: "v0.y4m".into() }).context("x").unwrap_err(),
                INPUT,
            ),
            (anyhow!(Error::from(AnchorError::X264("no".into())).during("coding")), BACKEND),
            (anyhow!(Error::usage("qp is 1 to 51").during("point \"a\"")).context("x"), USAGE),
            (anyhow!(iev_runtime::Error::Backend { what: "none".into() }).context("y"), BACKEND),
        ];
        for (error, expected) in rows {
            assert_eq!(code(&error), expected, "{error:#}");
        }
    }
}

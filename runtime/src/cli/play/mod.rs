//! `iev play`: a stream in a window, by the display's clock.
//!
//! Only with the feature `window`, so that boards and programs over the library build and carry nothing of it. X11 alone,
//! which Wayland desktops offer too; its libraries are loaded when the window opens.
//!
//! * [`clock`]: a clock that stops and changes its speed
//! * [`screening`]: what plays by it
//! * [`keys`]: what keys do
//! * [`head`]: a drag of the mouse as the place of a head
//! * [`posed`]: what it sees from there
//! * [`canvas`], [`text`]: pictures and words as pixels
//! * [`window`]: the window, which moves all that

mod canvas;
mod clock;
mod head;
mod keys;
mod posed;
mod screening;
mod text;
mod window;

use clap::Args;
use iev_runtime::Result;
use iev_runtime::play::deadline::Late;

use super::decode::parse_views;
use super::stream::StreamArgs;
use super::{BackendArgs, Failure, warn};
use keys::HELP;
use screening::{Program, Screening};

/// Show a stream in a window
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Play {
    #[command(flatten)]
    pub(super) stream: StreamArgs,
    /// Views to start with: all, or numbers such as 0,2,4, side by side in this order
    #[arg(short, long, value_name = "VIEWS", default_value = "0")]
    views: String,
    /// Close the window after the last frame, instead of going on with the first
    #[arg(long)]
    once: bool,
    /// What becomes of frames that come late
    #[arg(long, value_name = "POLICY", default_value = "drop")]
    late: Late,
    #[command(flatten)]
    backend: BackendArgs,
}

pub(crate) fn run(command: &Play) -> Result<(), Failure> {
    let backend = command.backend.backend(false);
    command.backend.limit_renderer();
    let player = command.stream.open(command.backend.options(&backend, false))?;
    let views = parse_views(&command.views, player.header())?;
    let program = Program { late: command.late, once: command.once, views };
    let screening = Screening::start(&player, program)?;
    let name = command.stream.path.file_name().unwrap_or(command.stream.path.as_os_str());
    let deadlines = window::show(screening, &name.to_string_lossy())?;
    warn(format_args!("{}", deadlines.in_words()));
    Ok(())
}

//! The stream that a command plays.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::Player;
use iev_runtime::{Result, Source};

#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    /// The stream
    #[arg(id = "stream", value_name = "STREAM")]
    pub(super) path: PathBuf,
    /// The file is still growing, such as a download: wait for what is missing until nothing has come for so many seconds
    /// [default: 10]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10"
    )]
    follow: Option<u32>,
}

impl StreamArgs {
    pub(super) fn open(&self, options: Options) -> Result<Player> {
        let source = match self.follow {
            Some(seconds) => Source::growing(&self.path, Duration::from_secs(seconds.into()))?,
            None => Source::open(&self.path)?,
        };
        Player::over(source, options)
    }
}

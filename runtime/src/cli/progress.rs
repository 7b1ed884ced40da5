//! How far a command is, on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// `bar` as `template` draws it, plainly where indicatif does not know the template.
pub(super) fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

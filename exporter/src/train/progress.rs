//! The progress line of a training.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` steps; hidden when `quiet`.
pub fn bar(total: usize, quiet: bool) -> ProgressBar {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total as u64) };
    let template = "{elapsed_precise} [{bar:30}] {pos}/{len} {msg}, {eta} left";
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar
}

/// Running means for the progress line.
#[derive(Debug, Default)]
pub struct Smooth {
    mse: Option<f64>,
    bits: f64,
}

impl Smooth {
    /// Counts a step.
    pub fn add(&mut self, mse: f64, bits: f64) {
        let old = self.mse.unwrap_or(mse);
        self.bits = if self.mse.is_none() { bits } else { self.bits + (bits - self.bits) * 0.02 };
        self.mse = Some(old + (mse - old) * 0.02);
    }

    /// Luma PSNR and size, as far as the steps so far tell.
    pub fn message(&self) -> String {
        self.mse.map_or("matching flow".into(), |mse| {
            format!(
                "luma {:.2} dB, network and grids about {:.1} kB",
                -10.0 * mse.log10(),
                self.bits / 8e3
            )
        })
    }
}

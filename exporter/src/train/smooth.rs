//! What the line of a training says beside its steps.

/// Running means for the progress line.
#[derive(Debug, Default)]
pub struct Smooth {
    mse: Option<f64>,
    bits: f64,
}

impl Smooth {
    /// Counts a step, if it has figures.
    pub fn add(&mut self, told: Option<(f64, f64)>) {
        let Some((mse, bits)) = told else { return };
        let old = self.mse.unwrap_or(mse);
        self.bits = if self.mse.is_none() { bits } else { self.bits + (bits - self.bits) * 0.02 };
        self.mse = Some(old + (mse - old) * 0.02);
    }

    /// Luma PSNR and size, as far as the steps so far tell.
    pub fn message(&self) -> String {
        self.mse.map_or(String::new(), |mse| {
            format!(
                "luma {:.2} dB, network and grids about {:.1} kB",
                -10.0 * mse.log10(),
                self.bits / 8e3
            )
        })
    }
}

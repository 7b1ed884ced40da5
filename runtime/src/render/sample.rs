//! Samples of a plane between its pixels.

/// A plane of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples<'a> {
    pub samples: &'a [u8],
    pub columns: usize,
    pub rows: usize,
}

impl Samples<'_> {
    /// Bicubic (Catmull–Rom); `x` and `y` count from the middle of the first sample. Beyond an edge its samples go on.
    #[inline]
    pub(super) fn cubic(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (taps(x - left), taps(y - top));
        let (left, top) = (left as i32 - 1, top as i32 - 1);
        let inside =
            left >= 0 && top >= 0 && left + 4 <= self.columns as i32 && top + 4 <= self.rows as i32;
        let mut sum = 0.0;
        for (line, weight) in (0..).zip(down) {
            let row: f32 = if inside {
                let start = (top + line) as usize * self.columns + left as usize;
                let samples = &self.samples[start..][..4];
                samples.iter().zip(across).map(|(sample, tap)| f32::from(*sample) * tap).sum()
            } else {
                let row = self.row(top + line);
                let tap = |(tap, weight)| f32::from(row[self.column(left + tap)]) * weight;
                (0..).zip(across).map(tap).sum()
            };
            sum += row * weight;
        }
        sum
    }

    /// Bilinear, otherwise as [`Samples::cubic`].
    #[inline]
    pub(super) fn linear(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let (left, top) = (left as i32, top as i32);
        let columns = [self.column(left), self.column(left + 1)];
        let [upper, lower] = [top, top + 1].map(|line| {
            let row = self.row(line);
            let [left, right] = columns.map(|column| f32::from(row[column]));
            left + (right - left) * across
        });
        upper + (lower - upper) * down
    }

    fn row(&self, row: i32) -> &[u8] {
        let row = row.clamp(0, self.rows as i32 - 1) as usize;
        &self.samples[row * self.columns..][..self.columns]
    }

    fn column(&self, column: i32) -> usize {
        column.clamp(0, self.columns as i32 - 1) as usize
    }
}

/// Weights of the four samples around, `t` behind the second.
fn taps(t: f32) -> [f32; 4] {
    let (square, cube) = (t * t, t * t * t);
    [
        -0.5 * t + square - 0.5 * cube,
        1.0 - 2.5 * square + 1.5 * cube,
        0.5 * t + 2.0 * square - 1.5 * cube,
        -0.5 * square + 0.5 * cube,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_exact_on_pixels_and_ramps_are_kept() {
        let ramp: Vec<u8> =
            (0..8 * 6).map(|at| (10 + 5 * (at % 8) + 20 * (at / 8)) as u8).collect();
        let plane = Samples { samples: &ramp, columns: 8, rows: 6 };
        for (x, y) in [(3.0, 2.0), (2.25, 2.5), (4.9, 2.1)] {
            let value = 10.0 + 5.0 * x + 20.0 * y;
            assert!((plane.cubic(x, y) - value).abs() < 1e-3, "{x} {y}");
            assert!((plane.linear(x, y) - value).abs() < 1e-3, "{x} {y}");
        }
        for (x, y, value) in [(-9.0, -9.0, 10.0), (99.0, 99.0, 145.0), (0.0, 5.0, 110.0)] {
            assert!((plane.cubic(x, y) - value).abs() < 1e-3, "{x} {y}");
            assert!((plane.linear(x, y) - value).abs() < 1e-3, "{x} {y}");
        }
    }
}

//! Rules of thumb that settle what nobody asked for: λ and the quantisers of first pictures.

use crate::anchor::INTRA_OFFSET;

/// Change of the quantiser for the first picture of a GOP that no other view is predicted from
/// (EXPERIMENTS.md §6).
pub const SIMULCAST_INTRA_OFFSET: i32 = -6;

/// The λ that matches the slope of H.264 at quantiser `qp`.
///
/// Squared error per bit doubles every 3 QP; EXPERIMENTS.md §3 has the sweep behind the constant.
pub fn lambda_at(qp: f64) -> f64 {
    8e-3 * ((qp - 37.0) / 3.0).exp2()
}

/// Change of the quantiser for the first picture of a GOP that other views are predicted from.
///
/// The more pictures live by it, the finer it pays to be (EXPERIMENTS.md §25, §27).
pub fn first_offset(frames: usize) -> i32 {
    let doublings = (frames as f64 / 48.0).log2().clamp(0.0, 2.0);
    INTRA_OFFSET - (2.0 * doublings).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_pictures_are_finer_where_more_live_by_them() {
        assert_eq!([1, 48, 68, 96, 192, 256].map(first_offset), [-13, -13, -14, -15, -17, -17]);
    }

    #[test]
    fn lambda_doubles_every_three_quantisers() {
        assert_eq!([37.0, 40.0, 34.0].map(lambda_at), [8e-3, 1.6e-2, 4e-3]);
    }
}

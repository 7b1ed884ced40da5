//! Rules of thumb that settle what nobody asked for, λ and the quantisers of first pictures, and the rule of lists that
//! somebody did ask for.

use crate::anchor::INTRA_OFFSET;
use crate::error::{Result, bail};

/// Fails where the list `what` has a value twice: the second would cost what the first did and tell nothing, and another
/// was meant.
///
/// # Errors
/// The value, by its `name`.
pub fn each_once<T: PartialEq>(
    what: &str,
    values: &[T],
    name: impl Fn(&T) -> String,
) -> Result<()> {
    let twice = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value));
    match twice {
        Some((_, value)) => bail!("{what} names {} twice", name(value)),
        None => Ok(()),
    }
}

/// Change of the quantiser for the first picture of a GOP that no other view is predicted from
/// (EXPERIMENTS.md §6).
pub const SIMULCAST_INTRA_OFFSET: i32 = -6;

/// The λ that matches the slope of H.264 at quantiser `qp`.
///
/// Squared error per bit doubles every 3 QP; EXPERIMENTS.md §3 has the sweep behind the constant.
pub fn lambda_at(qp: f64) -> f64 {
    8e-3 * ((qp - 37.0) / 3.0).exp2()
}

/// The quantiser that [`lambda_at`] has this λ for.
pub fn qp_of_lambda(lambda: f64) -> f64 {
    37.0 + 3.0 * (lambda / 8e-3).log2()
}

/// Most pixels of a picture that a step of training paints at once: all of 480×272.
pub const WINDOW_PX: usize = 512 * 16 * 16;
/// Fewer would leave nothing between the halos of some profile.
pub const LEAST_WINDOW_PX: usize = 32 * 16 * 16;

/// Quantiser, bytes of the network and bytes of grids per implicit view of finished streams of four such views and 48
/// pictures of 480×272 (EXPERIMENTS.md §28).
const FINISHED: [(f64, f64, f64); 7] = [
    (28.0, 19_078.0, 5_886.0),
    (30.0, 17_862.0, 4_904.0),
    (34.0, 15_183.0, 3_412.0),
    (37.0, 11_394.0, 2_303.0),
    (40.0, 9_608.0, 1_602.0),
    (43.0, 7_643.0, 1_053.0),
    (46.0, 3_484.0, 484.0),
];

/// Bytes that a network and its grids for so many `views` cost at the least at the λ of quantiser `qp`: four fifths of
/// what finished streams show.
pub fn least_network_bytes(qp: f64, views: usize) -> f64 {
    let at = FINISHED.partition_point(|row| row.0 < qp).clamp(1, FINISHED.len() - 1);
    let [below, above] = [FINISHED[at - 1], FINISHED[at]];
    let share = ((qp - below.0) / (above.0 - below.0)).clamp(0.0, 1.0);
    let between = |a: f64, b: f64| a + (b - a) * share;
    0.8 * (between(below.1, above.1) + views as f64 * between(below.2, above.2))
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
    fn a_network_costs_less_where_bits_are_dear() {
        assert_eq!(least_network_bytes(37.0, 1), 0.8 * (11_394.0 + 2_303.0));
        assert_eq!(least_network_bytes(60.0, 2), least_network_bytes(46.0, 2));
        assert_eq!(
            least_network_bytes(qp_of_lambda(lambda_at(20.0)), 1),
            least_network_bytes(28.0, 1)
        );
        assert!(least_network_bytes(41.0, 1) < least_network_bytes(40.0, 1));
    }

    #[test]
    fn lambda_doubles_every_three_quantisers() {
        assert_eq!([37.0, 40.0, 34.0].map(lambda_at), [8e-3, 1.6e-2, 4e-3]);
    }
}

//! BD-rates of our curve against each peer.

use serde::Serialize;

use crate::rd::bd_rate::bd_rate_percent;
use crate::rd::curve::Curve;

/// A mean rate difference and where it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RateDifference {
    /// Mean rate over the peer's at equal quality; negative is a saving.
    pub percent: f64,
    /// Lowest and highest quality in dB.
    pub over_db: (f64, f64),
}

/// Our curve against one peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BdRow {
    /// The peer.
    pub peer: String,
    /// Luma, over everything both curves cover.
    pub luma: Option<RateDifference>,
    /// Luma, over the asked interval or the part of it that both curves cover.
    pub luma_interval: Option<RateDifference>,
    /// 6:1:1 PSNR, over everything both curves cover.
    pub yuv: Option<RateDifference>,
    /// Luma of the worst view, over everything both curves cover; none where one does not say it.
    pub worst: Option<RateDifference>,
    /// What the numbers do not say by themselves.
    pub note: String,
}

/// Compares `ours` with every peer.
pub fn bd_rows(ours: &Curve, peers: &[Curve], interval_db: (f64, f64)) -> Vec<BdRow> {
    peers.iter().map(|peer| bd_row(ours, peer, interval_db)).collect()
}

fn bd_row(ours: &Curve, peer: &Curve, asked: (f64, f64)) -> BdRow {
    let mut notes = Vec::new();
    let (luma, luma_interval) = match take(&ours.luma(), &peer.luma(), None) {
        Err(reason) => {
            notes.push(reason);
            (None, None)
        }
        Ok(whole) => {
            let (interval, note) = take_interval(ours, peer, whole.over_db, asked);
            notes.extend(note);
            (Some(whole), interval)
        }
    };
    let yuv = take(&ours.yuv(), &peer.yuv(), None).ok();
    let worst = ours.worst().zip(peer.worst());
    let worst = worst.and_then(|(ours, peer)| take(&ours, &peer, None).ok());
    BdRow { peer: peer.codec.clone(), luma, luma_interval, yuv, worst, note: notes.join("; ") }
}

fn take_interval(
    ours: &Curve,
    peer: &Curve,
    shared: (f64, f64),
    asked: (f64, f64),
) -> (Option<RateDifference>, Option<String>) {
    let part = (asked.0.max(shared.0), asked.1.min(shared.1));
    let asked_text = format!("{} to {} dB", asked.0, asked.1);
    if part.0 >= part.1 {
        return (None, Some(format!("no part of {asked_text} is covered by both")));
    }
    let note = (part != asked)
        .then(|| format!("{asked_text} is covered from {:.2} to {:.2} dB only", part.0, part.1));
    match take(&ours.luma(), &peer.luma(), Some(part)) {
        Ok(taken) => (Some(taken), note),
        Err(reason) => (None, Some(reason)),
    }
}

type Points = [crate::rd::bd_rate::RatePoint];

fn take(ours: &Points, peer: &Points, over: Option<(f64, f64)>) -> Result<RateDifference, String> {
    let interval = over.map(|(low, high)| low..=high);
    let percent = bd_rate_percent(peer, ours, interval).map_err(|e| e.to_string())?;
    let low = |p: &Points| p.iter().map(|p| p.quality).fold(f64::INFINITY, f64::min);
    let high = |p: &Points| p.iter().map(|p| p.quality).fold(f64::NEG_INFINITY, f64::max);
    let shared = (low(ours).max(low(peer)), high(ours).min(high(peer)));
    Ok(RateDifference { percent, over_db: over.unwrap_or(shared) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rd::curve::tests::curve;

    const PEER: [(f64, f64); 5] =
        [(5480.3, 40.502), (2865.3, 38.265), (1568.3, 35.964), (878.4, 33.604), (501.3, 30.5)];

    fn scaled(share: f64, points: &[(f64, f64)]) -> Curve {
        let points: Vec<(f64, f64)> = points.iter().map(|(r, q)| (r * share, *q)).collect();
        curve("iev", &points)
    }

    fn row(ours: &Curve) -> BdRow {
        bd_rows(ours, &[curve("x264", &PEER)], (31.0, 36.0)).remove(0)
    }

    #[test]
    fn a_curve_at_half_the_rate_saves_half_everywhere() {
        let row = row(&scaled(0.5, &PEER));
        for taken in [row.luma, row.luma_interval, row.yuv] {
            assert!((taken.unwrap().percent + 50.0).abs() < 1e-9, "{taken:?}");
        }
        assert_eq!(row.luma.unwrap().over_db, (30.5, 40.502));
        assert_eq!(row.luma_interval.unwrap().over_db, (31.0, 36.0));
        assert_eq!((row.peer.as_str(), row.note.as_str()), ("x264", ""));
    }

    #[test]
    fn the_worst_view_is_compared_where_both_curves_say_it() {
        let worst = |mut curve: Curve, below_db: f64| {
            curve.rows.iter_mut().for_each(|row| row.worst_y = Some(row.psnr_y - below_db));
            curve
        };
        let (ours, peer) = (worst(scaled(0.5, &PEER), 1.0), worst(curve("x264", &PEER), 0.0));
        let taken = bd_rows(&ours, std::slice::from_ref(&peer), (31.0, 36.0))[0].worst.unwrap();
        // Half the rate, but a dB lower.
        assert!((-50.0..-20.0).contains(&taken.percent), "{taken:?}");
        assert_eq!(taken.over_db, (30.5, 39.502));
        let mut unsaid = peer;
        unsaid.rows[2].worst_y = None;
        assert!(bd_rows(&ours, &[unsaid], (31.0, 36.0))[0].worst.is_none());
    }

    #[test]
    fn an_interval_that_is_not_covered_shrinks_and_says_so() {
        let row = row(&scaled(0.8, &PEER[2..4]));
        assert_eq!(row.luma_interval.unwrap().over_db, (33.604, 35.964));
        assert_eq!(row.note, "31 to 36 dB is covered from 33.60 to 35.96 dB only");
    }

    #[test]
    fn curves_apart_have_a_reason_instead_of_a_number() {
        let below = row(&curve("iev", &[(100.0, 20.0), (200.0, 25.0)]));
        assert_eq!((below.luma, below.luma_interval), (None, None));
        assert!(below.note.contains("do not overlap"), "{}", below.note);
        let above = row(&scaled(0.5, &PEER[..2]));
        assert!(above.luma.is_some() && above.luma_interval.is_none());
        assert_eq!(above.note, "no part of 31 to 36 dB is covered by both");
        let single = row(&curve("iev", &[(100.0, 33.0)]));
        assert!(single.note.contains("at least 2 points"), "{}", single.note);
    }
}

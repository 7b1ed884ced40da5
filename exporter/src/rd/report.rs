//! What a run of the harness reports.

use serde::Serialize;

use super::curve::Curve;
use super::result::PointResult;
use super::table::BdRow;

/// Everything a report says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Finished points, in the order of the config.
    pub points: Vec<PointResult>,
    /// Points that are left out, and why.
    pub missing: Vec<String>,
    /// Our curve.
    #[serde(rename = "curve")]
    pub ours: Curve,
    /// The others'.
    pub peers: Vec<Curve>,
    /// BD-rate against each peer.
    pub bd_rate: Vec<BdRow>,
}

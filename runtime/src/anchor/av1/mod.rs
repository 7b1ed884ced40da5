//! AV1 as a codec of explicit views: a look at each temporal unit, then rav1d.
//!
//! Why look first: a stranger's stream must not choose how large the decoder's pictures are, how many
//! frames hide behind one that is shown, or which of the format's rarely used tools run. What is let
//! through is what encoders write for a camera: Main profile, one layer, frames of one size and one tile, one key
//! frame in front. Names of syntax elements are those of the AV1 specification, section 5.

mod bits;
mod checker;
mod decoder;
mod frame;
mod lent;
pub mod obu;
mod sequence;
#[cfg(test)]
mod tests;

pub use checker::{Checker, MAX_HIDDEN};
pub use decoder::Rav1d;
pub use frame::fits_one_tile;
pub use lent::address_bytes;

use crate::error::{Error, Result};

fn require(holds: bool, what: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::unsupported(0, what)) }
}

//! Trace points of the `no_std` core: `defmt` frames with the feature, nothing without.
//!
//! On a host `defmt` writes nowhere unless a logger is linked; the player reports through its own
//! statistics instead, so the core has no second logging path.

/// Says what the core is about to do.
#[cfg(feature = "defmt")]
macro_rules! trace {
    ($($argument:tt)*) => { defmt::trace!($($argument)*) };
}

/// Says what the core is about to do.
#[cfg(not(feature = "defmt"))]
macro_rules! trace {
    ($format:literal $(, $argument:expr)* $(,)?) => {{ $(let _ = &$argument;)* }};
}

pub(crate) use trace;

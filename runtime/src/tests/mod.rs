//! Streams, a network and round trips for the tests of several rooms.

pub mod reference_network;
mod round_trips;
pub mod streams;

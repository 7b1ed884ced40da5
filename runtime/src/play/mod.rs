//! Playing: a player opens a stream, chains the stages over threads and gives what is shown, in order.

pub mod anchor_stage;
pub mod deadline;
pub(crate) mod demand;
pub mod keep_going;
pub mod lanes;
pub mod memory;
pub mod options;
pub mod paced;
pub mod paint_stage;
pub mod painted;
pub mod pipeline;
pub mod player;
pub mod posed;
pub mod section;
pub(crate) mod shares;
pub mod shown;
pub(crate) mod stages;
pub(crate) mod sync;
#[cfg(test)]
mod tests;

pub use shares::Arrival;

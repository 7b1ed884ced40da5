//! The rate–distortion harness: config → points → results → tables, plots and pages.

pub mod ablate;
pub mod bd_rate;
pub mod config;
pub mod curve;
pub mod farm;
pub mod floor;
pub mod harness;
pub mod machine;
pub mod order0;
pub mod page;
pub mod peers;
pub mod report;
pub mod result;
pub mod svg;
pub mod table;

pub use config::{Config, Point};
pub use farm::Farm;
pub use harness::Harness;
pub use result::PointResult;
pub use table::{BdRow, bd_rows};

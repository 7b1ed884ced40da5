//! The player for programs in C: `include/iev.h`, of which every declaration is here, in the order of a program.
//!
//! * [`abi`]: structs and numbers that both sides know
//! * [`edge`]: arguments that come in, and errors and panics that stay in
//! * [`opening`]: `iev_open_…`, `iev_close`
//! * [`source`]: a stream behind the caller's functions
//! * [`stream`]: `iev_get_header`, `iev_get_camera`
//! * [`playing`]: `iev_play`, `iev_seek`, `iev_show`, `iev_set_poses`, `iev_next`, `iev_next_within`
//! * [`pictures`]: `iev_get_picture`, `iev_copy`
//! * [`rendering`]: `iev_look`, `iev_render`
//!
//! What a declaration means is written in the header, once. `tests/header.rs` holds the two equal: functions, their
//! arguments, layouts and numbers.

mod abi;
mod edge;
mod opening;
mod pictures;
mod playing;
mod rendering;
mod source;
mod stream;

#[cfg(panic = "abort")]
compile_error!("a panic is to be an error of iev.h: build with panic = \"unwind\"");

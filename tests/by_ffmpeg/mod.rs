//! ffmpeg as the oracle of decoders.

use std::process::{Command, Stdio};

use iev_exporter::ffmpeg;

/// What ffmpeg writes to its standard output.
pub fn output(args: &[&str]) -> Vec<u8> {
    let program = ffmpeg::find().expect("the test is skipped without it");
    let mut command = Command::new(program);
    command.args(["-nostdin", "-v", "error"]).args(args).arg("-").stdin(Stdio::null());
    let output = command.output().expect("it starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {words}", args.join(" "));
    output.stdout
}

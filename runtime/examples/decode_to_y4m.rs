//! Decodes one view into a YUV4MPEG2 file, which other players and encoders open.
//!
//! `cargo run --example decode_to_y4m -- models/sample.iev 2 view2.y4m`

use std::path::Path;

use iev_runtime::sink::{Output, PictureSink, Y4mSink};
use iev_runtime::{Backend, Error, Options, Player, Result, Selection, ViewId};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stream, view, file] = &arguments[..] else { return Err(usage()) };
    let view = ViewId(view.parse().map_err(|_| usage())?);
    let pictures = decode(Path::new(stream), view, Path::new(file))?;
    println!("{pictures} pictures of view {} are in {file}", view.0);
    Ok(())
}

fn usage() -> Error {
    Error::Usage { what: "usage: decode_to_y4m STREAM VIEW FILE".into() }
}

/// Writes every picture of `view` to `file`, and returns how many there are.
///
/// # Errors
/// The stream's, or the file's.
pub fn decode(stream: &Path, view: ViewId, file: &Path) -> Result<usize> {
    // ONNX Runtime is looked for when an implicit view is asked for, not before.
    let player = Player::open(stream, Options::new(Backend::default().opener()))?;
    let header = player.header();
    let mut sink = Box::new(Y4mSink::new(Output::create(file)?, header.size, header)?);
    let mut pictures = 0;
    for shown in player.play(&Selection::new([view].into_iter().collect(), player.frames()))? {
        for (id, picture) in shown?.with_ids() {
            sink.put(id.frame, picture)?;
            pictures += 1;
        }
    }
    // Only now the file has its name: one that failed on the way is not there.
    sink.finish()?;
    Ok(pictures)
}

//! The child's end: decodes what it is asked to, as the player's own process would.

use std::io::{self, Read, Write};

use super::messages::{Answer, Head, Request};
use super::rights;
use crate::anchor::decoder::{AnchorDecoder, InProcess, Ready};
use crate::error::Error;
use crate::picture::pool::Pool;
use crate::units::{FrameIndex, PictureId, Size};

/// Exit code of a Rust program that panics.
const PANICKED: i32 = 101;

/// Gives up all rights but standard input and output and `memory_bytes`, then answers requests for
/// pictures of `size` until standard input ends.
///
/// Where the kernel refuses, it says so on standard error and decodes all the same: a process of its
/// own still keeps a crash from the player.
///
/// # Errors
/// When the parent leaves in the middle of a message.
pub fn serve(size: Size, memory_bytes: u64) -> io::Result<()> {
    if let Err(refusal) = rights::give_up(memory_bytes) {
        let words = format!("iev: warning: the sandbox keeps rights it should not have: {refusal}");
        // A closed stderr leaves nothing to tell.
        let _ = writeln!(io::stderr(), "{words}");
    }
    // Nobody could read a backtrace, and a panic inside rav1d cannot be caught: the parent tells how this ended.
    std::panic::set_hook(Box::new(|_| std::process::exit(PANICKED)));
    let (mut requests, mut answers) = (io::stdin().lock(), io::stdout().lock());
    let mut decoder = InProcess::default();
    let pool = Pool::new(1);
    let mut unit = Vec::new();
    let mut head = [0; Request::BYTES];
    loop {
        match requests.read_exact(&mut head) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let request = Request::from_bytes(&head)?;
        unit.clear();
        requests.by_ref().take(request.unit_bytes.into()).read_to_end(&mut unit)?;
        let Some(input) = request.input(&unit) else {
            decoder.forget(request.view);
            continue;
        };
        let place = PictureId { view: request.view, frame: FrameIndex(0) };
        let mut ready = Ready::new(size, pool.clone());
        let answer = match decoder.decode(place, input, &mut ready) {
            Ok(()) => Answer::Pictures(ready.pictures().len() as u8),
            Err(error) => Answer::refused(&words(&error)),
        };
        answers.write_all(&answer.to_bytes())?;
        if let Answer::Pictures(_) = answer {
            ready.pictures().try_for_each(|picture| answers.write_all(picture.i420()))?;
        }
        answers.flush()?;
    }
}

/// What the decoder says; the parent knows the frame.
fn words(error: &Error) -> String {
    match error {
        Error::Anchor { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

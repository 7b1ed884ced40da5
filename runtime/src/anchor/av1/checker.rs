//! Which temporal units of a section the decoder may see.

use super::frame::{Frame, frame, shown_again};
use super::obu::{Obu, ObuKind, split};
use super::require;
use super::sequence::{Sequence, sequence};
use crate::error::{Error, Result};
use crate::units::Size;

/// Most frames of a temporal unit that are coded and not shown yet. SVT-AV1 writes up to five.
pub const MAX_HIDDEN: u32 = 7;

/// Looks at the temporal units of one section in order.
#[derive(Debug)]
pub struct Checker {
    size: Size,
    sequence: Option<Sequence>,
    /// Frames that were shown, one per temporal unit.
    shown: u32,
    /// Frames that were not.
    hidden: u32,
}

impl Checker {
    /// Checks units of pictures of `size`.
    pub fn new(size: Size) -> Self {
        Self { size, sequence: None, shown: 0, hidden: 0 }
    }

    /// Checks the next temporal unit.
    ///
    /// # Errors
    /// At a byte of the unit: [`Error::Malformed`] where it is not one sequence header in front of the first
    /// frame of the section, which alone is a key frame, and then hidden frames and one that is shown; where sizes differ
    /// from the header's or a part is cut off; [`Error::Unsupported`] for everything that this codec has and the player does not
    /// play.
    pub fn check(&mut self, unit: &[u8]) -> Result<()> {
        let mut is_over = false;
        for obu in split(unit) {
            let obu = obu?;
            if is_over {
                return Err(Error::malformed(
                    obu.at as u64,
                    "a temporal unit ends with its picture",
                ));
            }
            let checked = self.obu(&obu).map_err(|e| e.moved_by(obu.at as u64));
            is_over = matches!(checked?, Some(Frame::Key | Frame::Shown));
        }
        if !is_over {
            return Err(Error::malformed(unit.len() as u64, "a temporal unit shows one picture"));
        }
        self.shown += 1;
        Ok(())
    }

    /// Checks one unit and says which frame it has.
    fn obu(&mut self, obu: &Obu<'_>) -> Result<Option<Frame>> {
        let found = match obu.kind {
            ObuKind::Sequence => return self.begin(obu.payload).map(|()| None),
            ObuKind::Frame => frame(obu.payload, self.sequence()?, self.size)?,
            ObuKind::FrameHeader => {
                self.sequence()?;
                shown_again(obu.payload)?
            }
            ObuKind::Delimiter | ObuKind::Other => {
                return Err(Error::unsupported(0, "this type of OBU in an AV1 section"));
            }
        };
        let is_first = self.shown + self.hidden == 0;
        if is_first != (found == Frame::Key) {
            let rule = "the first frame of an AV1 section, and no other, is a key frame";
            return Err(Error::malformed(0, rule));
        }
        if found == Frame::Hidden {
            self.hidden += 1;
            // Frames are hidden to be predicted from and then shown, so over a section they are no more
            // than the pictures, but for those of a few units in advance.
            let rule = "AV1 frames that hide more than 7 others";
            require(self.hidden <= self.shown + MAX_HIDDEN, rule)?;
        }
        Ok(Some(found))
    }

    fn begin(&mut self, payload: &[u8]) -> Result<()> {
        let sequence = sequence(payload, self.size)?;
        match self.sequence.replace(sequence) {
            None => Ok(()),
            Some(_) => Err(Error::malformed(0, "an AV1 section has one sequence header")),
        }
    }

    fn sequence(&self) -> Result<&Sequence> {
        let lacking = Error::malformed(0, "an AV1 section starts with its sequence header");
        self.sequence.as_ref().ok_or(lacking)
    }
}

//! A look at H.264 NAL units before the decoder sees them.
//!
//! Why: openh264 decodes B pictures wrongly without saying so, and a sequence header that declares
//! another picture size would make it allocate by the stream's word. ITU-T H.264 §7.3 has the syntax.

use crate::error::{Error, Result};
use crate::units::Size;

/// Profiles whose sequence header has the chroma format and scaling lists (§7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// What a NAL unit is to the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Parameter sets, delimiters and messages.
    Other,
    /// Parameter set that declares the picture size.
    Sequence,
    /// Slice of an IDR picture.
    Idr,
    /// Slice of another picture.
    Slice,
}

/// Checks `nal`, which has no start code, and says what it is; pictures have `size`.
///
/// # Errors
/// [`Error::Malformed`] when the size differs, a picture has several slices or the unit is cut off;
/// [`Error::Unsupported`] for B pictures, fields, and anything but 8-bit 4:2:0.
pub fn check(nal: &[u8], size: Size) -> Result<Unit> {
    let kind = nal.first().map(|b| b & 0x1f);
    let mut bits = Bits::new(nal.get(1..).unwrap_or_default());
    match kind {
        Some(1) => slice(&mut bits).map(|()| Unit::Slice),
        Some(5) => slice(&mut bits).map(|()| Unit::Idr),
        Some(7) => sequence(&mut bits, size).map(|()| Unit::Sequence),
        Some(8) => picture_parameters(&mut bits).map(|()| Unit::Other),
        Some(6 | 9..=12) => Ok(Unit::Other),
        _ => Err(Error::Unsupported("this type of NAL unit in an anchor section")),
    }
}

fn require(holds: bool, what: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Unsupported(what)) }
}

fn slice(bits: &mut Bits<'_>) -> Result<()> {
    if bits.ue()? != 0 {
        return Err(Error::malformed(0, "every picture of an anchor section is one slice"));
    }
    match bits.ue()? {
        0 | 2 | 5 | 7 => Ok(()),
        1 | 6 => Err(Error::Unsupported("B pictures in an anchor section")),
        _ => Err(Error::Unsupported("switching pictures in an anchor section")),
    }
}

fn picture_parameters(bits: &mut Bits<'_>) -> Result<()> {
    bits.ue()?;
    bits.ue()?;
    bits.take(2)?;
    require(bits.ue()? == 0, "slice groups in an anchor section")
}

fn sequence(bits: &mut Bits<'_>, size: Size) -> Result<()> {
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.ue()?;
    if HIGH_PROFILES.contains(&profile) {
        require(bits.ue()? == 1, "chroma formats other than 4:2:0")?;
        let depths = (bits.ue()?, bits.ue()?);
        require(depths == (0, 0), "samples of more than 8 bits")?;
        bits.take(1)?;
        if bits.take(1)? == 1 {
            scaling_lists(bits)?;
        }
    }
    bits.ue()?;
    picture_order(bits)?;
    bits.ue()?;
    bits.take(1)?;
    let (columns, rows) = (u64::from(bits.ue()?) + 1, u64::from(bits.ue()?) + 1);
    require(bits.take(1)? == 1, "interlaced pictures")?;
    bits.take(1)?;
    let mut crop = [0u64; 4];
    if bits.take(1)? == 1 {
        for side in &mut crop {
            *side = u64::from(bits.ue()?);
        }
    }
    let even = |px: usize| px.next_multiple_of(2) as u64;
    let shown = |blocks: u64, cut: u64| (blocks * 16).checked_sub(2 * cut);
    let matches = shown(columns, crop[0] + crop[1]) == Some(even(size.width()))
        && shown(rows, crop[2] + crop[3]) == Some(even(size.height()));
    // Cropping may hide at most the padding to whole blocks, so memory follows the header's size.
    let tight =
        columns == even(size.width()).div_ceil(16) && rows == even(size.height()).div_ceil(16);
    if matches && tight {
        Ok(())
    } else {
        Err(Error::malformed(0, "H.264 pictures have the header's size rounded up to even"))
    }
}

fn picture_order(bits: &mut Bits<'_>) -> Result<()> {
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.take(1)?;
            bits.ue()?;
            bits.ue()?;
            let cycle = bits.ue()?;
            require(cycle <= 255, "picture order cycles above 255")?;
            for _ in 0..cycle {
                bits.ue()?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn scaling_lists(bits: &mut Bits<'_>) -> Result<()> {
    for list in 0..8 {
        if bits.take(1)? == 0 {
            continue;
        }
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.se()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Ok(())
}

/// Bits of a NAL unit, most significant first, without emulation prevention bytes (§7.4.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    zeros: u32,
    current: u32,
    left: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, zeros: 0, current: 0, left: 0 }
    }

    fn byte(&mut self) -> Result<u8> {
        if self.zeros >= 2 && self.bytes.get(self.at) == Some(&3) {
            self.at += 1;
            self.zeros = 0;
        }
        let cut_off = Error::malformed(0, "an H.264 header is complete");
        let byte = *self.bytes.get(self.at).ok_or(cut_off)?;
        self.at += 1;
        self.zeros = if byte == 0 { (self.zeros + 1).min(2) } else { 0 };
        Ok(byte)
    }

    fn take(&mut self, count: u32) -> Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            if self.left == 0 {
                self.current = u32::from(self.byte()?);
                self.left = 8;
            }
            self.left -= 1;
            value = value << 1 | (self.current >> self.left & 1);
        }
        Ok(value)
    }

    /// Unsigned Exp-Golomb code (§9.1).
    fn ue(&mut self) -> Result<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return Err(Error::malformed(0, "an H.264 number has at most 32 bits"));
            }
        }
        Ok(((1u64 << zeros) - 1) as u32 + self.take(zeros)?)
    }

    /// Signed Exp-Golomb code (§9.1.1).
    fn se(&mut self) -> Result<i64> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width_px: 63, height_px: 48 };

    /// Bits of a string of 0, 1 and spaces, with a stop bit.
    fn nal(header: u8, text: &str) -> Vec<u8> {
        let mut bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        bits.push(1);
        bits.resize(bits.len().next_multiple_of(8), 0);
        let bytes = bits.chunks(8).map(|c| c.iter().fold(0, |byte, bit| byte << 1 | bit));
        std::iter::once(header).chain(bytes).collect()
    }

    #[test]
    fn b_pictures_are_refused_and_p_pictures_pass() {
        assert_eq!(check(&nal(0x41, "1 1"), SIZE).unwrap(), Unit::Slice);
        assert_eq!(check(&nal(0x65, "1 0001000"), SIZE).unwrap(), Unit::Idr);
        for b in ["1 010", "1 00111"] {
            let error = check(&nal(0x41, b), SIZE).unwrap_err();
            assert_eq!(error.to_string(), "unsupported: B pictures in an anchor section");
        }
        assert!(check(&nal(0x41, "010 1"), SIZE).is_err(), "second slice of a picture");
        assert!(check(&[0x41], SIZE).is_err(), "no header");
        assert!(check(&[0x41, 0, 0, 0, 0, 0, 0], SIZE).is_err(), "endless zeros");
    }

    #[test]
    fn the_sequence_header_has_the_size_of_the_stream() {
        // Baseline, 4 × 3 blocks, progressive, no crop: 64 × 48.
        let head = "01000010 00000000 00011110 1 1 1 1 1 0 00100 011 1 1 0 0";
        assert_eq!(check(&nal(0x67, head), SIZE).unwrap(), Unit::Sequence);
        let other = Size { width_px: 62, height_px: 48 };
        assert!(check(&nal(0x67, head), other).is_err());
        let fields = "01000010 00000000 00011110 1 1 1 1 1 0 00100 011 0 1 0 0";
        assert!(matches!(check(&nal(0x67, fields), SIZE), Err(Error::Unsupported(_))));
    }

    #[test]
    fn any_bytes_are_an_answer() {
        let mut seed = 1u32;
        let mut bytes = [0u8; 24];
        for _ in 0..20_000 {
            for byte in &mut bytes {
                seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
                *byte = (seed >> 24) as u8 & (seed >> 16) as u8;
            }
            bytes[0] = [0x67, 0x68, 0x41, 0x65][seed as usize % 4];
            let _ = check(&bytes, SIZE);
        }
    }
}

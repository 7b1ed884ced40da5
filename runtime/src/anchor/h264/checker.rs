//! A look at H.264 NAL units before the decoder sees them.
//!
//! Why: openh264 decodes B pictures with direct prediction wrongly without saying so, gives pictures out in another order
//! than it should where their order counts are unusual, and would allocate by the word of a sequence header that
//! declares another picture size. ITU-T H.264 §7.3 has the syntax.

use heapless::Vec as FixedVec;

use crate::error::{Error, Result};
use crate::format::h264::NalType;
use crate::units::Size;

/// Baseline, Main and High (annex A.2).
const PROFILES: [u32; 3] = [66, 77, HIGH];
/// The profile whose sequence header has the chroma format and scaling lists (§7.3.2.1.1).
const HIGH: u32 = 100;
/// Level numbers of table A-1.
const LEVELS: [u32; 20] =
    [9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62];
/// Most pictures a decoder keeps for reference (§A.3.1).
const MAX_REFERENCES: u32 = 16;
/// From one picture that is shown to the next in order counts, where there are B pictures: one for each of two fields.
const ORDER_STEP: i64 = 2;
/// Most pictures that wait for B pictures that are shown before them.
const MOST_WAITING: usize = 4;
/// What is asked of them.
const B_RULE: &str =
    "B pictures come before one that is shown behind them, no more than 4 wait, and counts go by 2";

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

/// Looks at the NAL units of one anchor section in order.
#[derive(Debug)]
pub struct Checker {
    size: Size,
    sequence: Option<Sequence>,
    has_picture_parameters: bool,
    /// Whether the first picture has been there.
    has_picture: bool,
    order: Order,
}

/// The numbers of a sequence header that slices are read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sequence {
    frame_number_bits: u32,
    /// Bits of the order count in a slice; without it pictures are shown as they are coded.
    order_bits: Option<u32>,
}

impl Checker {
    /// Checks units of pictures of `size`, rounded up to even; `reorders` tells whether there may be B pictures.
    pub fn new(size: Size, reorders: bool) -> Self {
        Self {
            size,
            sequence: None,
            has_picture_parameters: false,
            has_picture: false,
            order: Order { reorders, ..Order::default() },
        }
    }

    /// Checks the next unit, which has no start code, and says what it is.
    ///
    /// # Errors
    /// At byte 0 of the unit: [`Error::Malformed`] when the size differs, a picture has several slices, comes in
    /// another order than it may or has no parameter sets, another than the first is an IDR, or the unit is cut off;
    /// [`Error::Unsupported`] for B pictures where there may be none, fields, and anything but 8-bit 4:2:0 up to High.
    pub fn check(&mut self, nal: &[u8]) -> Result<Unit> {
        let (head, body) = nal.split_first().unwrap_or((&0, &[]));
        require(head & 0x80 == 0, "a NAL unit with its forbidden bit set")?;
        let mut bits = Bits::new(body);
        match NalType::of(nal) {
            NalType::Slice => self.slice(&mut bits, false, head).map(|()| Unit::Slice),
            NalType::IdrSlice => self.slice(&mut bits, true, head).map(|()| Unit::Idr),
            NalType::SequenceParameters => self.sequence(&mut bits).map(|()| Unit::Sequence),
            NalType::PictureParameters => self.picture_parameters(&mut bits).map(|()| Unit::Other),
            NalType::Ignored => Ok(Unit::Other),
            NalType::Other => {
                Err(Error::unsupported(0, "this type of NAL unit in an anchor section"))
            }
        }
    }

    /// Checks that no picture is missing where the section ends.
    ///
    /// # Errors
    /// [`Error::Malformed`] when one does not come that another waits for.
    pub fn end(&self) -> Result<()> {
        if self.order.is_whole() { Ok(()) } else { Err(Error::malformed(0, B_RULE)) }
    }

    /// The start of a slice header (§7.3.3), as far as the picture's order.
    fn slice(&mut self, bits: &mut Bits<'_>, is_idr: bool, head: &u8) -> Result<()> {
        // first_mb_in_slice
        if bits.ue()? != 0 {
            return Err(Error::malformed(0, "every picture of an anchor section is one slice"));
        }
        // slice_type
        let is_b = match (bits.ue()?, is_idr) {
            (2 | 7, _) | (0 | 5, false) => false,
            (0 | 1 | 5 | 6, true) => {
                return Err(Error::malformed(0, "an IDR picture is intra coded"));
            }
            (1 | 6, false) if self.order.reorders => true,
            (1 | 6, false) => {
                return Err(Error::unsupported(0, "B pictures beside key pictures"));
            }
            _ => return Err(Error::unsupported(0, "switching pictures in an anchor section")),
        };
        let sequence = self.sequence.filter(|_| self.has_picture_parameters);
        let lacking = Error::malformed(0, "an anchor section has its own parameter sets");
        let Sequence { frame_number_bits, order_bits } = sequence.ok_or(lacking)?;
        if is_idr == core::mem::replace(&mut self.has_picture, true) {
            let rule = "the first picture of an anchor section, and no other, is an IDR";
            return Err(Error::malformed(0, rule));
        }
        bits.ue()?; // pic_parameter_set_id
        bits.take(frame_number_bits)?; // frame_num
        if is_idr {
            bits.ue()?; // idr_pic_id
        }
        let Some(order_bits) = order_bits else {
            let rule = "B pictures have order counts";
            return if is_b { Err(Error::malformed(0, rule)) } else { Ok(()) };
        };
        let count = bits.take(order_bits)?; // pic_order_cnt_lsb
        if is_idr {
            self.order.first(count);
            return Ok(());
        }
        let is_reference = head >> 5 & 3 != 0; // nal_ref_idc
        self.order.next(count, order_bits, is_b, is_reference)
    }

    /// The start of a picture parameter set (§7.3.2.2).
    fn picture_parameters(&mut self, bits: &mut Bits<'_>) -> Result<()> {
        bits.ue()?; // pic_parameter_set_id
        bits.ue()?; // seq_parameter_set_id
        bits.take(2)?; // entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
        // num_slice_groups_minus1
        require(bits.ue()? == 0, "slice groups in an anchor section")?;
        self.has_picture_parameters = true;
        Ok(())
    }

    fn sequence(&mut self, bits: &mut Bits<'_>) -> Result<()> {
        let sequence = sequence(bits, self.size)?;
        if self.sequence.is_some_and(|earlier| earlier != sequence) {
            return Err(Error::malformed(0, "sequence headers of an anchor section agree"));
        }
        self.sequence = Some(sequence);
        Ok(())
    }
}

/// When pictures are shown, by the order counts of their slices (§8.2.1).
///
/// Without B pictures they are shown as they are coded. With them a picture waits until one is coded that is shown behind
/// it; by then all that are shown before it have been coded, so that a decoder knows when to give it out.
#[derive(Debug, Default)]
struct Order {
    /// Whether there may be B pictures.
    reorders: bool,
    /// Whether there has been one.
    has_b: bool,
    /// Whether all counts so far are those of a section that has B pictures.
    is_even: bool,
    /// Whole count of the last picture, and of the last one that others are predicted from.
    last: i64,
    last_reference: i64,
    /// Count of the next picture that is shown.
    next_shown: i64,
    /// Counts of the pictures that wait, least first.
    waiting: FixedVec<i64, MOST_WAITING>,
}

impl Order {
    /// The IDR picture, whose slice says this count.
    fn first(&mut self, count: u32) {
        let count = i64::from(count);
        (self.last, self.last_reference) = (count, count);
        self.is_even = count == 0 && self.waits(count);
    }

    /// The next picture in coding order, whose slice says the low `bits` of its count.
    fn next(&mut self, count: u32, bits: u32, is_b: bool, is_reference: bool) -> Result<()> {
        // Counts wrap: of those with these low bits the nearest to the last reference's is meant (§8.2.1.1).
        let range = 1i64 << bits;
        let ahead = (i64::from(count) - self.last_reference).rem_euclid(range);
        let ahead = if ahead > range / 2 { ahead - range } else { ahead };
        let full = self.last_reference + ahead;
        if is_reference {
            self.last_reference = full;
        }
        self.has_b |= is_b;
        let is_behind = core::mem::replace(&mut self.last, full) < full;
        self.is_even = self.is_even && self.waits(full);
        match (self.has_b, self.is_even, is_behind) {
            (true, false, _) => Err(Error::malformed(0, B_RULE)),
            (false, _, false) => {
                Err(Error::malformed(0, "pictures of an anchor section are shown as coded"))
            }
            _ => Ok(()),
        }
    }

    /// Shows what waits before the picture of this count, which waits from now on; false where one is missing.
    fn waits(&mut self, count: i64) -> bool {
        while let Some(least) = self.waiting.first().copied().filter(|least| *least < count) {
            if least != self.next_shown {
                return false;
            }
            self.next_shown += ORDER_STEP;
            self.waiting.remove(0);
        }
        let place = self.waiting.iter().position(|other| count <= *other);
        let place = place.unwrap_or(self.waiting.len());
        let is_new = count >= self.next_shown && self.waiting.get(place) != Some(&count);
        is_new && self.waiting.insert(place, count).is_ok()
    }

    /// Whether nothing is missing when no picture follows.
    fn is_whole(&self) -> bool {
        let wanted = (0..).map(|place| self.next_shown + place * ORDER_STEP);
        !self.has_b || wanted.zip(&self.waiting).all(|(wanted, count)| wanted == *count)
    }
}

fn require(holds: bool, what: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::unsupported(0, what)) }
}

/// A sequence parameter set (§7.3.2.1.1), up to its VUI parameters.
fn sequence(bits: &mut Bits<'_>, size: Size) -> Result<Sequence> {
    let profile = bits.take(8)?; // profile_idc
    require(PROFILES.contains(&profile), "H.264 profiles other than Baseline, Main and High")?;
    bits.take(8)?; // constraint_set0_flag to constraint_set5_flag, reserved_zero_2bits
    // level_idc
    require(LEVELS.contains(&bits.take(8)?), "an unknown H.264 level")?;
    bits.ue()?; // seq_parameter_set_id
    if profile == HIGH {
        // chroma_format_idc
        require(bits.ue()? == 1, "chroma formats other than 4:2:0")?;
        let depths = (bits.ue()?, bits.ue()?); // bit_depth_luma_minus8, bit_depth_chroma_minus8
        require(depths == (0, 0), "samples of more than 8 bits")?;
        bits.take(1)?; // qpprime_y_zero_transform_bypass_flag
        // seq_scaling_matrix_present_flag
        if bits.take(1)? == 1 {
            scaling_lists(bits)?;
        }
    }
    let frame_number_bits = count_bits(bits)?;
    let order_bits = picture_order(bits)?;
    // max_num_ref_frames, gaps_in_frame_num_value_allowed_flag
    require(bits.ue()? <= MAX_REFERENCES, "more than 16 reference pictures")?;
    require(bits.take(1)? == 0, "gaps in the numbers of pictures")?;
    // pic_width_in_mbs_minus1, pic_height_in_map_units_minus1, frame_mbs_only_flag
    let (columns, rows) = (u64::from(bits.ue()?) + 1, u64::from(bits.ue()?) + 1);
    require(bits.take(1)? == 1, "interlaced pictures")?;
    bits.take(1)?; // direct_8x8_inference_flag
    // frame_cropping_flag; frame_crop_left_offset, right, top and bottom
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
        Ok(Sequence { frame_number_bits, order_bits })
    } else {
        Err(Error::malformed(0, "H.264 pictures have the header's size rounded up to even"))
    }
}

/// Bits of a counter, coded as four less (§7.4.2.1.1).
fn count_bits(bits: &mut Bits<'_>) -> Result<u32> {
    let more = bits.ue()?; // log2_max_frame_num_minus4 or log2_max_pic_order_cnt_lsb_minus4
    require(more <= 12, "H.264 counters of more than 16 bits")?;
    Ok(more + 4)
}

/// Bits of the order count that slices carry, if they do (§8.2.1).
fn picture_order(bits: &mut Bits<'_>) -> Result<Option<u32>> {
    // pic_order_cnt_type
    match bits.ue()? {
        0 => count_bits(bits).map(Some),
        2 => Ok(None),
        _ => Err(Error::unsupported(0, "picture order by cycles")),
    }
}

/// Skips `scaling_list()` (§7.3.2.1.1.1) of every size that has one.
fn scaling_lists(bits: &mut Bits<'_>) -> Result<()> {
    for list in 0..8 {
        // seq_scaling_list_present_flag
        if bits.take(1)? == 0 {
            continue;
        }
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.se()?).rem_euclid(256); // delta_scale
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

    /// Baseline of level 3.0, counters of 4 bits, order in slices, 4 × 3 blocks: 64 × 48.
    const SEQUENCE: &str = "01000010 00000000 00011110 1 1 1 1 010 0 00100 011 1 1 0 0";
    const PICTURE: &str = "1 1 0 0 1";
    const IDR: &str = "1 011 1 0000 1 0000";

    /// A checker that has seen parameter sets.
    fn ready() -> Checker {
        ready_for(false)
    }

    fn ready_for(reorders: bool) -> Checker {
        let mut checker = Checker::new(SIZE, reorders);
        assert_eq!(checker.check(&nal(0x67, SEQUENCE)).unwrap(), Unit::Sequence);
        assert_eq!(checker.check(&nal(0x68, PICTURE)).unwrap(), Unit::Other);
        checker
    }

    #[test]
    fn pictures_in_order_pass() {
        let mut checker = ready();
        assert_eq!(checker.check(&nal(0x65, IDR)).unwrap(), Unit::Idr);
        for order in ["0010", "1000", "1111", "0011"] {
            let slice = nal(0x41, &format!("1 1 1 0001 {order}"));
            assert_eq!(checker.check(&slice).unwrap(), Unit::Slice, "{order}");
        }
    }

    /// Slices of these types (`P`, `B` that is referred to, `b` that is not) and counts behind an IDR picture.
    fn reordered(slices: &[(char, u32)]) -> Result<()> {
        let mut checker = ready_for(true);
        checker.check(&nal(0x65, IDR))?;
        for (kind, count) in slices {
            let head = if *kind == 'b' { 0x01 } else { 0x41 };
            let kind = if *kind == 'P' { "1" } else { "010" };
            checker.check(&nal(head, &format!("1 {kind} 1 0001 {:04b}", count % 16)))?;
        }
        checker.end()
    }

    #[test]
    fn b_pictures_come_before_one_that_is_shown_behind_them() {
        let fine: [&[(char, u32)]; 6] = [
            &[('P', 2), ('P', 4)],
            &[('P', 8), ('b', 2), ('b', 4), ('b', 6)],
            &[('P', 8), ('B', 4), ('b', 2), ('b', 6), ('P', 12), ('b', 10)],
            // Counts of four bits wrap at the end of the second group.
            &[
                ('P', 4),
                ('b', 2),
                ('P', 10),
                ('b', 6),
                ('b', 8),
                ('P', 16),
                ('B', 14),
                ('b', 12),
                ('P', 18),
            ],
            // Without a B picture counts may be any.
            &[('P', 1), ('P', 4)],
            &[('P', 2), ('P', 6), ('b', 4)],
        ];
        for slices in fine {
            reordered(slices).unwrap_or_else(|e| panic!("{slices:?}: {e}"));
        }
        let wrong: [&[(char, u32)]; 6] = [
            // One is missing: between two, at the end, and before one that is shown already.
            &[('P', 6), ('b', 2), ('P', 8)],
            &[('P', 6), ('b', 2)],
            &[('P', 6), ('B', 4), ('P', 8), ('b', 2)],
            // Twice the same, and odd counts.
            &[('P', 4), ('b', 2), ('b', 2)],
            &[('P', 3), ('b', 1), ('b', 2)],
            &[('P', 4), ('b', 2), ('b', 4)],
        ];
        for slices in wrong {
            let error = reordered(slices).unwrap_err().to_string();
            assert!(error.contains("B pictures come before one"), "{slices:?}: {error}");
        }
        let sideways = reordered(&[('P', 4), ('P', 2)]).unwrap_err().to_string();
        assert!(sideways.contains("are shown as coded"), "{sideways}");
    }

    #[test]
    fn every_planted_offence_of_a_picture_is_named() {
        let rows = [
            (0x41, "1 010", "B pictures"),
            (0x41, "1 00111", "B pictures"),
            (0x41, "1 00100", "switching pictures"),
            (0x65, "1 1 1 0000 1 0000", "an IDR picture is intra coded"),
            (0x65, "1 010 1 0000 1 0000", "an IDR picture is intra coded"),
            (0x41, "010 1", "is one slice"),
            (0x41, "1 1 1 0001 0100", "are shown as coded"),
            (0x41, "1 1 1 0001 0010", "are shown as coded"),
            (0xc1, "1 1 1 0001 0110", "forbidden bit"),
            (0x42, "1 1", "this type of NAL unit"),
            (0x68, "1 1 0 0 010", "slice groups"),
            (0x41, "", "is complete"),
        ];
        for (head, text, rule) in rows {
            let mut checker = ready();
            checker.check(&nal(0x65, IDR)).unwrap();
            checker.check(&nal(0x41, "1 1 1 0001 0100")).unwrap();
            let said = checker.check(&nal(head, text)).unwrap_err().to_string();
            assert!(said.contains(rule), "{text}: {said}");
        }
        assert!(ready().check(&[0x41, 0, 0, 0, 0, 0, 0]).is_err(), "endless zeros");
        assert!(ready().check(&[]).is_err(), "nothing");
        let early = Checker::new(SIZE, false).check(&nal(0x65, IDR)).unwrap_err().to_string();
        assert!(early.contains("its own parameter sets"), "{early}");
    }

    #[test]
    fn every_planted_offence_of_a_sequence_is_named() {
        let rows = [
            ("01000010 0", "01011000 0", "H.264 profiles other"),
            ("01000010 0", "01101110 0", "H.264 profiles other"),
            ("00011110", "01111110", "unknown H.264 level"),
            ("1 1 1 1 010", "1 0001110 1 1 010", "counters of more than 16 bits"),
            ("1 1 1 1 010", "1 1 010 1 010", "picture order by cycles"),
            ("010 0 00100", "000010010 0 00100", "more than 16 reference"),
            ("010 0 00100", "010 1 00100", "gaps"),
            ("011 1 1 0 0", "011 0 1 0 0", "interlaced"),
            ("011 1 1 0 0", "010 1 1 0 0", "the header's size"),
            ("00100 011 1", "00101 011 1", "the header's size"),
            ("1 1 1 1 010", "1 1 1 010 010", "agree"),
        ];
        for (from, to, rule) in rows {
            assert!(SEQUENCE.contains(from), "{from}");
            let said = ready().check(&nal(0x67, &SEQUENCE.replacen(from, to, 1)));
            let said = said.unwrap_err().to_string();
            assert!(said.contains(rule), "{to}: {said}");
        }
        let other = Size { width_px: 62, height_px: 48 };
        assert!(Checker::new(other, false).check(&nal(0x67, SEQUENCE)).is_err());
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
            let _ = ready().check(&bytes);
        }
    }
}

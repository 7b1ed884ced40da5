//! Displacements of patches, row after row, for AArch64.
//!
//! They have 32 bits and are *raised*: shifted so that what is left of one after the cut is its upper
//! half. They wrap, which does not matter: one that counts from its window's corner is small again.

use core::arch::aarch64::*;

use super::patches::{CUT, Course, LUMA_BITS, PATCHES};

/// What displacements are shifted by.
const RAISED: i32 = (16 - CUT) as i32;
/// Bits below a pixel in a raised displacement.
const LUMA_RAISED: i32 = LUMA_BITS as i32 + RAISED;
const CHROMA_RAISED: i32 = LUMA_RAISED + 1;

/// Four places of a row and what the next row adds.
struct Walk {
    places: int32x4_t,
    step: int32x4_t,
}

/// Places in a row of luma of a patch, counted from its window's corner.
pub(super) struct LumaWalk {
    even: Walk,
    odd: Walk,
}

/// The same of chroma, four pixels of both patches.
pub(super) struct ChromaWalk {
    patches: [Walk; PATCHES],
}

impl Walk {
    /// Displacements `right` sixteenths from the upper left centre, `DOWN` sixteenths below it in the first row and
    /// twice as much more in every other, from `origins` on.
    #[target_feature(enable = "neon")]
    #[inline]
    fn new<const DOWN: i32>(course: Course, right: int32x4_t, origins: int32x4_t) -> Self {
        let raised = |value: i32| vshlq_n_s32::<RAISED>(vdupq_n_s32(value));
        let left = vmlaq_s32(raised(course.left), raised(course.right), right);
        let growth = vmlaq_s32(raised(course.left_growth), raised(course.right_growth), right);
        let places = vmlaq_n_s32(vaddq_s32(left, origins), growth, DOWN);
        Self { places, step: vmulq_n_s32(growth, 2 * DOWN) }
    }

    /// Places of this row, in the upper halves.
    #[target_feature(enable = "neon")]
    #[inline]
    fn next(&mut self) -> uint16x8_t {
        let row = self.places;
        self.places = vaddq_s32(row, self.step);
        vreinterpretq_u16_s32(row)
    }
}

/// `first + 0, 1, 2, 3` times `by`.
#[target_feature(enable = "neon")]
#[inline]
fn ramp(first: i32, by: i32) -> int32x4_t {
    let steps = [0, 1, 2, 3];
    // SAFETY: the array has the size of the vector.
    #[allow(unsafe_code, reason = "vectors have no safe load")]
    let steps = unsafe { vld1q_s32(steps.as_ptr()) };
    vmlaq_n_s32(vdupq_n_s32(first), steps, by)
}

impl LumaWalk {
    /// From the window's `corner`, pixels `PIXEL` apart: 1 across, 0 down.
    #[target_feature(enable = "neon")]
    #[inline]
    pub fn new<const PIXEL: i32>(course: Course, corner: i32) -> Self {
        // Centres are 1, 3, 5, … 15 sixteenths from the first one in both directions.
        let pixel = PIXEL << LUMA_RAISED;
        let origin = (corner << LUMA_RAISED).wrapping_neg();
        Self {
            even: Walk::new::<1>(course, ramp(1, 4), ramp(origin, 2 * pixel)),
            odd: Walk::new::<1>(course, ramp(3, 4), ramp(origin.wrapping_add(pixel), 2 * pixel)),
        }
    }

    /// Places of a row in 16 bits.
    #[target_feature(enable = "neon")]
    #[inline]
    pub fn step(&mut self) -> uint16x8_t {
        vtrn2q_u16(self.even.next(), self.odd.next())
    }
}

impl ChromaWalk {
    /// From the windows' `corner`, pixels `PIXEL` apart: 1 across, 0 down.
    #[target_feature(enable = "neon")]
    #[inline]
    pub fn new<const PIXEL: i32>(courses: [Course; PATCHES], corner: i32) -> Self {
        // Centres are 2, 6, 10 and 14 sixteenths from the first one in both directions.
        let pixel = PIXEL << CHROMA_RAISED;
        let origin = (corner << CHROMA_RAISED).wrapping_neg();
        let [left, right] = courses;
        let next = origin.wrapping_add(pixel.wrapping_mul(4));
        Self {
            patches: [
                Walk::new::<2>(left, ramp(2, 4), ramp(origin, pixel)),
                Walk::new::<2>(right, ramp(2, 4), ramp(next, pixel)),
            ],
        }
    }

    /// Places of a row in 16 bits.
    #[target_feature(enable = "neon")]
    #[inline]
    pub fn step(&mut self) -> uint16x8_t {
        let [left, right] = &mut self.patches;
        vuzp2q_u16(left.next(), right.next())
    }
}

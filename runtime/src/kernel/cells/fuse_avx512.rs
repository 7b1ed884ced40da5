//! The fuse of cells for x86-64 with AVX-512 (BW and VBMI): the portable code to the byte, eight cells at a time.
//!
//! Vectors of luma have a cell to a lane of 128 bits. Vectors of chroma and of masks have cells `j` and `j + 4` in
//! lane `j`, since that is how two permutations bring them out of the heads; [`place`] says where.
#![allow(unsafe_code, reason = "loads from computed places have no safe form")]

use core::arch::x86_64::*;

use super::super::warp::PackedSize;
use super::Cells;
use super::fuse::LUMA;
use super::sigmoid::SIGMOID;
use crate::picture::{Picture, Plane};
use crate::profile::HEAD;

/// Cells blended at once.
const CELLS: usize = 8;

/// Whether the processor has what [`fuse_rows`] takes, and rows are long enough for it.
pub(super) fn can_fuse(size: PackedSize) -> bool {
    size.columns >= CELLS
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
}

/// Which 8 bytes of a vector of chroma or of masks are those of a cell.
const fn place(cell: usize) -> usize {
    cell % 4 * 2 + cell / 4
}

/// Which bytes of the two vectors of [`spread`] make masks for 32 pixels; `of` has the mask of each pixel of a cell.
const fn places_of_masks(source: usize, first_cell: usize, of: [usize; 8]) -> [u8; 64] {
    let mut places = [0; 64];
    let mut pixel = 0;
    while pixel < 32 {
        let byte = 8 * place(first_cell + pixel / 8) + 4 * source + of[pixel % 8];
        places[2 * pixel] = byte as u8;
        places[2 * pixel + 1] = 64 + byte as u8;
        pixel += 1;
    }
    places
}

const fn places_of_both(first_cell: usize, of: [usize; 8]) -> [[u8; 64]; 2] {
    [places_of_masks(0, first_cell, of), places_of_masks(1, first_cell, of)]
}

/// Of the upper and the lower two lines of luma, for each half of the cells.
const LUMA_MASKS: [[[[u8; 64]; 2]; 2]; 2] = {
    let (upper, lower) = ([0, 0, 1, 1, 0, 0, 1, 1], [2, 2, 3, 3, 2, 2, 3, 3]);
    [
        [places_of_both(0, upper), places_of_both(0, lower)],
        [places_of_both(4, upper), places_of_both(4, lower)],
    ]
};

/// Of both chroma planes, for each half of the cells.
const CHROMA_MASKS: [[[u8; 64]; 2]; 2] = {
    let planes = [0, 1, 2, 3, 0, 1, 2, 3];
    [places_of_both(0, planes), places_of_both(4, planes)]
};

/// Where the chroma pixels of a line lie among those of the cells: U, then V, two lines each.
const CHROMA_LINES: [u8; 64] = {
    let mut places = [0; 64];
    let mut at = 0;
    while at < 64 {
        let (line, cell, pixel) = (at / 16, at % 16 / 2, at % 2);
        places[at] = (8 * place(cell) + 2 * line + pixel) as u8;
        at += 1;
    }
    places
};

/// Lower and upper bytes of [`SIGMOID`].
const TABLE: [[u8; 256]; 2] = {
    let mut table = [[0; 256]; 2];
    let mut at = 0;
    while at < 256 {
        [table[0][at], table[1][at]] = SIGMOID[at].to_le_bytes();
        at += 1;
    }
    table
};

/// [`fuse_cells`](super::fuse::fuse_cells) where it [can](can_fuse).
#[target_feature(enable = "avx512bw,avx512vbmi")]
pub(super) fn fuse_rows(layout: Cells, cells: &[u8], head: &[u8], picture: &mut Picture) {
    let (columns, stride) = (layout.size.columns, layout.stride());
    let table = [load_table(&TABLE[0]), load_table(&TABLE[1])];
    let widths = Plane::ALL.map(|plane| picture.plane_size(plane).0);
    let rows = cells.chunks_exact(layout.row_bytes()).zip(head.chunks_exact(columns * HEAD));
    for (row, (cells, heads)) in rows.enumerate() {
        let [y, u, v] = picture.planes_mut();
        let mut y = lines::<4>(y, widths[0], row);
        let (mut u, mut v) = (lines::<2>(u, widths[1], row), lines::<2>(v, widths[2], row));
        for column in (0..columns).step_by(CELLS) {
            // The last ones reach back over some that are blended already.
            let column = column.min(columns - CELLS);
            let warped = WarpedCells::of(&cells[column * stride..][..CELLS * stride], layout);
            let (heads, _) = heads[column * HEAD..][..CELLS * HEAD].as_chunks();
            let heads = [load(&heads[0]), load(&heads[1]), load(&heads[2]), load(&heads[3])];
            let blended = blend_cells(&warped, heads, &table);
            write(blended.luma.as_flattened(), column * 4, &mut y);
            write(&blended.chroma[..2], column * 2, &mut u);
            write(&blended.chroma[2..], column * 2, &mut v);
        }
    }
}

/// The lines of a plane that a row of cells covers, those outside empty.
fn lines<const SIDE: usize>(plane: &mut [u8], columns: usize, row: usize) -> [&mut [u8]; SIDE] {
    let mut lines = plane.chunks_exact_mut(columns).skip(row * SIDE);
    core::array::from_fn(|_| lines.next().unwrap_or_default())
}

/// Writes pixels from `column` on, cropped.
#[inline(always)]
fn write<const COLUMNS: usize>(pixels: &[[u8; COLUMNS]], column: usize, lines: &mut [&mut [u8]]) {
    for (pixels, line) in pixels.iter().zip(lines) {
        let line = line.get_mut(column..).unwrap_or_default();
        // A copy of known length is one instruction, any other one a call.
        match line.first_chunk_mut() {
            Some(line) => *line = *pixels,
            None => line.copy_from_slice(&pixels[..line.len()]),
        }
    }
}

/// Pixels of eight cells by lines: four of luma, then two of each chroma plane.
struct Blended {
    luma: [[[u8; 4 * CELLS]; 2]; 2],
    chroma: [[u8; 2 * CELLS]; 4],
}

/// Blends cells with their heads, two to a vector.
#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn blend_cells(
    warped: &WarpedCells<'_>,
    heads: [__m512i; 4],
    table: &[[__m512i; 4]; 2],
) -> Blended {
    // The masks of eight cells.
    let chroma_and_masks = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
    let first = _mm512_permutex2var_epi64(heads[0], chroma_and_masks, heads[1]);
    let second = _mm512_permutex2var_epi64(heads[2], chroma_and_masks, heads[3]);
    let logits = _mm512_unpackhi_epi64(first, second);
    let masks = [look_up(&table[0], logits), look_up(&table[1], logits)];

    // Their chroma, in the order of lines.
    let implicit = _mm512_unpacklo_epi64(first, second);
    let chroma = blend([warped.chroma(0), warped.chroma(1)], implicit, masks, &CHROMA_MASKS);
    let chroma = _mm512_permutexvar_epi8(load(&CHROMA_LINES), chroma);

    // Their luma, four cells at a time, then in the order of lines.
    let implicit = _mm512_shuffle_i64x2::<0b10_00_10_00>(heads[0], heads[1]);
    let first = blend([warped.luma(0, 0), warped.luma(1, 0)], implicit, masks, &LUMA_MASKS[0]);
    let implicit = _mm512_shuffle_i64x2::<0b10_00_10_00>(heads[2], heads[3]);
    let second = blend([warped.luma(0, 4), warped.luma(1, 4)], implicit, masks, &LUMA_MASKS[1]);
    let upper = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    let lower = _mm512_add_epi32(upper, _mm512_set1_epi32(2));
    let upper = _mm512_permutex2var_epi32(first, upper, second);
    let lower = _mm512_permutex2var_epi32(first, lower, second);
    Blended { luma: [store(upper), store(lower)], chroma: store(chroma) }
}

#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn load_table(bytes: &[u8; 256]) -> [__m512i; 4] {
    let (quarters, _) = bytes.as_chunks();
    [load(&quarters[0]), load(&quarters[1]), load(&quarters[2]), load(&quarters[3])]
}

/// A table's bytes at the places of `index`.
#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn look_up(table: &[__m512i; 4], index: __m512i) -> __m512i {
    let below = _mm512_permutex2var_epi8(table[0], index, table[1]);
    let above = _mm512_permutex2var_epi8(table[2], index, table[3]);
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), below, above)
}

/// Blends 64 pixels: of each lane the first 8 with masks from the first places and the last 8 with masks from the
/// second, places of both sources each.
#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn blend(
    warped: [__m512i; 2],
    implicit: __m512i,
    masks: [__m512i; 2],
    places: &[[[u8; 64]; 2]; 2],
) -> __m512i {
    let zero = _mm512_setzero_si512();
    let first = blend_words(
        [_mm512_unpacklo_epi8(warped[0], zero), _mm512_unpacklo_epi8(warped[1], zero)],
        _mm512_unpacklo_epi8(implicit, zero),
        [spread(masks, &places[0][0]), spread(masks, &places[0][1])],
    );
    let second = blend_words(
        [_mm512_unpackhi_epi8(warped[0], zero), _mm512_unpackhi_epi8(warped[1], zero)],
        _mm512_unpackhi_epi8(implicit, zero),
        [spread(masks, &places[1][0]), spread(masks, &places[1][1])],
    );
    _mm512_packus_epi16(first, second)
}

/// The 32 masks whose lower and upper bytes are at `places` of both vectors, one behind the other.
#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn spread([lower, upper]: [__m512i; 2], places: &[u8; 64]) -> __m512i {
    _mm512_permutex2var_epi8(lower, load(places), upper)
}

/// What `fuse.rs` defines as the blend.
#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn blend_words(warped: [__m512i; 2], implicit: __m512i, masks: [__m512i; 2]) -> __m512i {
    let gap = _mm512_slli_epi16::<7>(_mm512_sub_epi16(warped[1], implicit));
    let over = _mm512_mulhi_epi16(gap, masks[1]);
    let behind = _mm512_add_epi16(_mm512_slli_epi16::<6>(implicit), over);
    let gap = _mm512_sub_epi16(_mm512_slli_epi16::<6>(warped[0]), behind);
    let over = _mm512_mulhi_epi16(_mm512_slli_epi16::<1>(gap), masks[0]);
    let blended = _mm512_add_epi16(behind, over);
    _mm512_srai_epi16::<6>(_mm512_add_epi16(blended, _mm512_set1_epi16(33)))
}

/// What eight cells were warped from both sources.
struct WarpedCells<'a> {
    /// Of eight cells, as [`Self::at`] takes for granted.
    cells: &'a [u8],
    layout: Cells,
}

impl<'a> WarpedCells<'a> {
    #[inline(always)]
    fn of(cells: &'a [u8], layout: Cells) -> Self {
        assert_eq!(cells.len(), CELLS * layout.stride(), "there are eight cells");
        Self { cells, layout }
    }

    /// Luma of four cells from `first` on, 0 or 4.
    #[target_feature(enable = "avx512bw,avx512vbmi")]
    #[inline]
    fn luma(&self, source: usize, first: usize) -> __m512i {
        // SAFETY: luma is the first 16 bytes of a source.
        let load = |cell| unsafe { _mm_loadu_si128(self.at(source, first + cell).cast()) };
        lanes([load(0), load(1), load(2), load(3)])
    }

    /// Chroma of all.
    #[target_feature(enable = "avx512bw,avx512vbmi")]
    #[inline]
    fn chroma(&self, source: usize) -> __m512i {
        // SAFETY: chroma is the last 8 bytes of a source.
        let load = |cell| unsafe { _mm_loadl_epi64(self.at(source, cell).add(LUMA).cast()) };
        let two = |cell| _mm_unpacklo_epi64(load(cell), load(cell + 4));
        lanes([two(0), two(1), two(2), two(3)])
    }

    /// The 24 bytes of a source of a cell.
    ///
    /// # Safety
    /// `cell` is below eight.
    #[inline(always)]
    unsafe fn at(&self, source: usize, cell: usize) -> *const u8 {
        let at = cell * self.layout.stride() + self.layout.warped(source);
        // SAFETY: the cell is one of the eight, and has 24 bytes from there on.
        unsafe { self.cells.as_ptr().add(at) }
    }
}

#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn lanes([a, b, c, d]: [__m128i; 4]) -> __m512i {
    let lower = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(a), b);
    let upper = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(c), d);
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(lower), upper)
}

#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the array has the size of the vector.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// A vector as lines of pixels.
#[target_feature(enable = "avx512bw,avx512vbmi")]
#[inline]
fn store<const COLUMNS: usize, const LINES: usize>(vector: __m512i) -> [[u8; COLUMNS]; LINES] {
    const { assert!(COLUMNS * LINES == 64, "lines fill the vector") };
    let mut lines = [[0; COLUMNS]; LINES];
    // SAFETY: the array has the size of the vector.
    unsafe { _mm512_storeu_si512(lines.as_mut_ptr().cast(), vector) };
    lines
}

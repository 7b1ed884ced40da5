//! Pictures as they are sampled: planes whose edges go on beyond them, so that no tap has to ask where it is.

use super::ahead::bring;
use crate::picture::{Picture, Plane};
use crate::units::Size;

/// Samples beyond every edge.
const MARGIN: usize = 2;
/// Bytes of one load: four samples of luma, or two of both chromas.
const LOAD: usize = 4;

/// A plane of `BYTES` per pixel with margins.
#[derive(Debug)]
pub(super) struct Padded<const BYTES: usize> {
    samples: Vec<u8>,
    columns: usize,
    rows: usize,
}

/// Luma, and both chromas side by side.
#[derive(Debug)]
pub(super) struct PaddedPicture {
    pub luma: Padded<1>,
    pub chroma: Padded<2>,
}

impl PaddedPicture {
    pub(super) fn new(size: Size) -> Self {
        let (columns, rows) = size.chroma();
        Self { luma: Padded::new(size.width(), size.height()), chroma: Padded::new(columns, rows) }
    }

    /// Takes the samples of a picture.
    pub(super) fn fill(&mut self, picture: &Picture) {
        self.luma.fill([picture.plane(Plane::Y)]);
        self.chroma.fill([picture.plane(Plane::U), picture.plane(Plane::V)]);
    }
}

impl<const BYTES: usize> Padded<BYTES> {
    fn new(columns: usize, rows: usize) -> Self {
        let pixels = (columns + 2 * MARGIN) * (rows + 2 * MARGIN);
        Self { samples: vec![0; pixels * BYTES + LOAD], columns, rows }
    }

    /// Bytes from one row to the next.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        (self.columns + 2 * MARGIN) * BYTES
    }

    fn fill(&mut self, planes: [&[u8]; BYTES]) {
        let (stride, columns) = (self.stride(), self.columns);
        for (row, line) in
            self.samples.chunks_exact_mut(stride).enumerate().take(self.rows + 2 * MARGIN)
        {
            let from = row.saturating_sub(MARGIN).min(self.rows - 1);
            for (byte, plane) in planes.iter().enumerate() {
                let samples = &plane[from * columns..][..columns];
                let inner = line[MARGIN * BYTES..].chunks_exact_mut(BYTES);
                inner.zip(samples).for_each(|(pixel, sample)| pixel[byte] = *sample);
            }
            let (first, last) = (MARGIN * BYTES, (MARGIN + columns - 1) * BYTES);
            for beyond in 0..MARGIN {
                line.copy_within(first..first + BYTES, beyond * BYTES);
                line.copy_within(last..last + BYTES, last + (1 + beyond) * BYTES);
            }
        }
    }

    /// Place of a pixel that may be up to [`MARGIN`] beyond an edge.
    #[inline(always)]
    pub(super) fn place(&self, column: i32, row: i32) -> u32 {
        let (column, row) = (column + MARGIN as i32, row + MARGIN as i32);
        (row * (self.columns + 2 * MARGIN) as i32 + column) as u32 * BYTES as u32
    }

    /// Four bytes at each of some places and in as many lines below it; behind the last one as many others may be loaded
    /// next. The lines above are those of the row before.
    ///
    /// # Panics
    /// If a place is not one of [`Self::place`].
    #[inline(always)]
    pub(super) fn load<const N: usize, const LINES: usize>(
        &self,
        places: &[u32; N],
    ) -> [[u32; N]; LINES] {
        let last = places.iter().fold(0, |last, place| last.max(*place)) as usize;
        let stride = self.stride();
        // Why one for all: a check for each of them takes longer than what is loaded is worth.
        assert!(
            last + (LINES - 1) * stride + LOAD <= self.samples.len(),
            "a place is in the plane"
        );
        bring(&self.samples, places[N - 1] as usize + (LINES - 1) * stride + LOAD, N * BYTES);
        let mut loads = [[0; N]; LINES];
        for at in 0..N {
            for (line, loads) in loads.iter_mut().enumerate() {
                let place = places[at] as usize + line * stride;
                // SAFETY: no place is above `last`, no line above the last one, and those are within.
                #[allow(unsafe_code, reason = "a check for each load")]
                let four = unsafe { self.samples.as_ptr().add(place).cast::<[u8; LOAD]>().read() };
                loads[at] = u32::from_le_bytes(four);
            }
        }
        loads
    }
}

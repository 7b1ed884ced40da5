//! Windows: the part of a picture that a step looks at.
//!
//! A step trains windows of one size, so that it costs the same at 480×272 and at 4K, and a batch comes from many frames
//! and views. Around what a window compares lies a halo, as wide as the network's convolutions reach, so that what is
//! inside is what training on the whole picture computes, forwards and backwards:
//!
//! ```text
//! ┌ read: latents at 1/16 ─────────────────────┐
//! │ ┌ read: latents at 1/8 ──────────────────┐ │
//! │ │ ┌ painted: features, sources, picture ┐│ │
//! │ │ │ ┌ compared ───────────────────────┐ ││ │
//! ```
//! The halo ends at the picture's border, where the convolutions of the whole picture see zeros too. All windows of a
//! picture have equal sizes; those at the border have more halo on their other side.

use std::ops::Range;

use iev_runtime::kernel::pack::LAYOUT;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::profile::topology::{Activation, Cut, LayerId};
use iev_runtime::profile::{PACKED, Profile};
use iev_runtime::{BLOCK_PX, Size};
use tch::Tensor;

use super::sources::PLANE_WEIGHTS;
use crate::rules::LEAST_WINDOW_PX;

/// A rectangle of blocks of [`BLOCK_PX`] pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// From the top.
    pub rows: Range<usize>,
    /// From the left.
    pub columns: Range<usize>,
}

impl Blocks {
    fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// First row and column, rows and columns at 1/`scale`.
    pub fn cells(&self, scale: usize) -> [i64; 4] {
        let Self { rows, columns } = self;
        let sides = [rows.start, columns.start, rows.len(), columns.len()];
        sides.map(|blocks| (blocks * (BLOCK_PX / scale)) as i64)
    }

    /// Left and upper edge in pixels.
    pub fn corner_px(&self) -> (usize, usize) {
        (self.columns.start * BLOCK_PX, self.rows.start * BLOCK_PX)
    }

    /// Size at 1/4.
    pub fn packed(&self) -> PackedSize {
        let [_, _, rows, columns] = self.cells(4);
        PackedSize { columns: columns as usize, rows: rows as usize }
    }
}

/// What one item of a step looks at.
#[derive(Debug)]
pub struct Window {
    /// Where sources are warped to and the picture is painted.
    pub painted: Blocks,
    /// Where latents at 1/16 are read, and where those at 1/8 are.
    read: [Blocks; 2],
    /// `[24, y, x]` over what is painted: weight of every packed sample in the distortion. The mean of all windows'
    /// weights is that of the whole picture, whose sum is one; zero in halo and padding.
    pub weights: Vec<f32>,
    /// `[row, column]` over what is read at 1/16: what a block counts for a sum over all blocks.
    counts: Vec<f32>,
    /// Blocks of the whole picture.
    whole: usize,
}

impl Window {
    /// All of a picture of this size.
    pub fn whole(size: Size) -> Self {
        let all = blocks_of(size);
        Self::new(size, all.clone(), [all.clone(), all], |_, _| 1.0)
    }

    /// A window in which the block at `(row, column)` counts `count`.
    fn new(
        size: Size,
        painted: Blocks,
        read: [Blocks; 2],
        count: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let Blocks { rows, columns } = read[0].clone();
        let of_row = |row| columns.clone().map(move |column| (row, column));
        let counts = rows.flat_map(of_row).map(|(row, column)| count(row, column) as f32);
        Self {
            weights: sample_weights(size, &painted, &count),
            counts: counts.collect(),
            whole: blocks_of(size).count(),
            painted,
            read,
        }
    }

    /// Where latents at 1/`scale` are read.
    pub fn read(&self, scale: usize) -> &Blocks {
        &self.read[usize::from(scale < BLOCK_PX)]
    }

    /// `[1, 1, y, x]` at 1/`scale` where those latents are read: what every value counts for the sum over the whole picture.
    pub fn counts(&self, scale: usize) -> Tensor {
        let [_, _, rows, columns] = self.read[0].cells(BLOCK_PX);
        let side = (BLOCK_PX / scale) as i64;
        let counts = Tensor::from_slice(&self.counts).view([1, 1, rows, columns]);
        let counts = part([&self.read[0], self.read(scale)], &counts, BLOCK_PX);
        counts.repeat_interleave_self_int(side, 2, None).repeat_interleave_self_int(side, 3, None)
    }

    /// Whether it is all of a picture.
    pub fn is_whole(&self) -> bool {
        self.painted.count() == self.whole
    }

    /// Cells of what is painted for every cell of the whole picture.
    pub fn share(&self) -> f64 {
        self.painted.count() as f64 / self.whole as f64
    }

    /// What is painted of `read`, `[1, channel, y, x]` at 1/`scale` where latents at 1/8 are read.
    pub fn painted_of(&self, read: &Tensor, scale: usize) -> Tensor {
        part([&self.read[1], &self.painted], read, scale)
    }

    /// What latents at 1/8 are joined with, of what was made of those at 1/16: `[1, channel, y, x]` at 1/8.
    pub fn carried_of(&self, made: &Tensor) -> Tensor {
        part([&self.read[0], &self.read[1]], made, 8)
    }
}

/// The part `to` of what is `from`, `[1, channel, y, x]` at 1/`scale`.
fn part([from, to]: [&Blocks; 2], of: &Tensor, scale: usize) -> Tensor {
    let [top, left, rows, columns] = to.cells(scale);
    let [from_top, from_left, ..] = from.cells(scale);
    of.narrow(2, top - from_top, rows).narrow(3, left - from_left, columns)
}

/// All blocks of a picture, padded to whole ones.
fn blocks_of(size: Size) -> Blocks {
    let (columns, rows) = size.cells(BLOCK_PX);
    Blocks { rows: 0..rows, columns: 0..columns }
}

/// The windows of a picture, which cover it as evenly as their size allows.
///
/// As few as there can be without painting more than `most_px` pixels in one of them; one, if the picture has no more.
pub fn windows(size: Size, profile: &Profile, most_px: usize) -> Vec<Window> {
    let halos = halos(profile);
    let Blocks { rows, columns } = blocks_of(size);
    let most = most_px.max(LEAST_WINDOW_PX) / (BLOCK_PX * BLOCK_PX);
    let [down, across] = cut(rows.len(), columns.len(), halos[0], most);
    if down * across == 1 {
        return vec![Window::whole(size)];
    }
    let (down, across) = (Axis::new(rows.len(), down), Axis::new(columns.len(), across));
    let pairs =
        down.starts.iter().flat_map(|top| across.starts.iter().map(move |left| (top, left)));
    let window = |(top, left): (&usize, &usize)| {
        let grown =
            |halo| Blocks { rows: down.grown(*top, halo), columns: across.grown(*left, halo) };
        let [painted, read16, read8] = [0, halos[1], halos[2]].map(|wider| grown(halos[0] + wider));
        Window::new(size, painted, [read16, read8], |row, column| {
            down.count(*top, row) * across.count(*left, column)
        })
    };
    pairs.map(window).collect()
}

/// Into how many windows rows and columns are cut.
fn cut(rows: usize, columns: usize, halo: usize, most: usize) -> [usize; 2] {
    let painted = |blocks: usize, parts: usize| {
        let halo = if parts == 1 { 0 } else { 2 * halo };
        (blocks.div_ceil(parts) + halo).min(blocks)
    };
    let cost = |[down, across]: [usize; 2]| painted(rows, down) * painted(columns, across);
    let least_across = |down| (1..=columns).map(|across| [down, across]).find(|c| cost(*c) <= most);
    let fits = (1..=rows).filter_map(least_across);
    let best = fits.min_by_key(|c| (c[0] * c[1], cost(*c)));
    best.unwrap_or([rows, columns])
}

/// Windows along one side of a picture.
struct Axis {
    blocks: usize,
    /// Blocks that a window compares.
    inner: usize,
    starts: Vec<usize>,
}

impl Axis {
    fn new(blocks: usize, parts: usize) -> Self {
        let inner = blocks.div_ceil(parts);
        let room = blocks - inner;
        let start = |part: usize| (part * room + (parts - 1) / 2) / (parts - 1).max(1);
        Self { blocks, inner, starts: (0..parts).map(start).collect() }
    }

    /// The window at `start` with `halo` on both sides, moved into the picture.
    fn grown(&self, start: usize, halo: usize) -> Range<usize> {
        let length = (self.inner + 2 * halo).min(self.blocks);
        let first = start.saturating_sub(halo).min(self.blocks - length);
        first..first + length
    }

    /// How much `block` counts in the window at `start`, so that all windows' mean counts every block once.
    fn count(&self, start: usize, block: usize) -> f64 {
        let compares = |start: usize| (start..start + self.inner).contains(&block);
        let windows = self.starts.iter().filter(|s| compares(**s)).count();
        if compares(start) { self.starts.len() as f64 / windows as f64 } else { 0.0 }
    }
}

/// Blocks by which what is painted is wider than what is compared, and latents at 1/16 and at 1/8 are read wider than
/// that, on each side.
fn halos(profile: &Profile) -> [usize; 3] {
    let layers = |cut| {
        LayerId::all(profile.refine_blocks).filter(move |layer| profile.layer(*layer).cut() == cut)
    };
    // Refinements stand in a row. A warped pixel lies between flow cells whose centres are 4 pixels from their edges.
    let refined: usize = layers(Cut::Refine).map(|layer| profile.layer(layer).scale).sum();
    let mut reach: Vec<(Activation, usize)> = Vec::new();
    let reach_of = |reach: &[(Activation, usize)], of: Activation| {
        reach.iter().filter(|(a, _)| *a == of).map(|(_, px)| *px).max().unwrap_or(0)
    };
    // From outputs to inputs: a convolution reaches one cell further.
    let motion: Vec<LayerId> = layers(Cut::Motion).collect();
    for layer in motion.iter().rev() {
        let px = reach_of(&reach, layer.writes()) + profile.layer(*layer).scale;
        reach.extend(layer.reads().iter().map(|read| (*read, px)));
    }
    let read = [Activation::Latent16, Activation::Latent8].map(|latent| reach_of(&reach, latent));
    [refined + 4, read[0], read[1]].map(|px| px.div_ceil(BLOCK_PX))
}

/// Distortion weight of every packed sample of `painted`: planes by [`PLANE_WEIGHTS`], padding zero, times what its
/// block counts.
fn sample_weights(
    picture: Size,
    painted: &Blocks,
    count: impl Fn(usize, usize) -> f64,
) -> Vec<f32> {
    let size = painted.packed();
    let (left, top) = painted.corner_px();
    let mut weights = vec![0f32; PACKED * size.plane()];
    let (width, height) = (picture.width(), picture.height());
    let (chroma_width, chroma_height) = picture.chroma();
    let in_block = BLOCK_PX / 4;
    for (at, weight) in weights.iter_mut().enumerate() {
        // Where the sample lies in its plane.
        let (channel, cell) = (at / size.plane(), at % size.plane());
        let (row, column) = (cell / size.columns, cell % size.columns);
        let plane = LAYOUT.iter().rposition(|(_, first, _)| channel >= *first).unwrap_or(0);
        let (_, first, side) = LAYOUT[plane];
        let (columns, rows) =
            if plane == 0 { (width, height) } else { (chroma_width, chroma_height) };
        let place = |edge_px: usize, cell: usize, phase: usize| (edge_px / 4 + cell) * side + phase;
        let channel = channel - first;
        let (x, y) = (place(left, column, channel % side), place(top, row, channel / side));
        // What lies in the padding weighs nothing.
        if x < columns && y < rows {
            let counts = count(
                painted.rows.start + row / in_block,
                painted.columns.start + column / in_block,
            );
            *weight = (PLANE_WEIGHTS[plane] / (columns * rows) as f64 * counts) as f32;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use iev_runtime::profile::PROFILES;

    use super::*;
    use crate::rules::WINDOW_PX;

    const HD: Size = Size { width_px: 1920, height_px: 1080 };

    #[test]
    fn halos_reach_as_far_as_the_convolutions() {
        // Two or four convolutions at 1/4; three at 1/8 and two at 1/16.
        assert_eq!(PROFILES.each_ref().map(halos), [[1, 4, 2], [2, 4, 2], [2, 4, 2]]);
    }

    #[test]
    fn what_fits_is_one_window_and_what_does_not_is_cut_into_few_of_one_size() {
        let count = |width_px, height_px| {
            let size = Size { width_px, height_px };
            windows(size, &PROFILES[0], WINDOW_PX).len()
        };
        assert_eq!([count(480, 272), count(512, 256), count(512, 272)], [1, 1, 2]);
        let all = windows(HD, &PROFILES[0], WINDOW_PX);
        for window in &all {
            assert_eq!(window.painted.packed(), all[0].painted.packed());
            let counts = |window: &Window| window.read.each_ref().map(Blocks::count);
            assert_eq!(counts(window), counts(&all[0]));
            assert!(window.painted.count() <= 512);
        }
        let painted = all.len() * all[0].painted.count();
        assert!(painted < 2 * blocks_of(HD).count(), "{} windows", all.len());
        let tiny = windows(Size { width_px: 200, height_px: 100 }, &PROFILES[2], 0);
        assert!(tiny[0].painted.count() <= 32 && tiny.len() < 13 * 7);
    }

    #[test]
    fn all_windows_together_count_every_sample_as_the_whole_picture_does() {
        for size in [HD, Size { width_px: 333, height_px: 197 }] {
            let whole = Window::whole(size);
            let all = windows(size, &PROFILES[0], LEAST_WINDOW_PX * 2);
            assert!(all.len() > 1);
            let packed = whole.painted.packed();
            let mut sums = vec![0f64; whole.weights.len()];
            for window in &all {
                let own = window.painted.packed();
                let [top, left, ..] = window.painted.cells(4).map(|cells| cells as usize);
                for (at, weight) in window.weights.iter().enumerate() {
                    let (channel, cell) = (at / own.plane(), at % own.plane());
                    let (row, column) = (top + cell / own.columns, left + cell % own.columns);
                    let to = channel * packed.plane() + row * packed.columns + column;
                    sums[to] += f64::from(*weight) / all.len() as f64;
                }
            }
            let sum: f64 = sums.iter().sum();
            assert!((sum - 1.0).abs() < 1e-4, "{sum}");
            let same = |(sum, weight): (&f64, &f32)| (sum - f64::from(*weight)).abs() < 1e-9;
            assert!(sums.iter().zip(&whole.weights).all(same));
            let counted: f32 = all.iter().flat_map(|window| &window.counts).sum();
            let blocks = blocks_of(size).count() * all.len();
            assert!((counted / blocks as f32 - 1.0).abs() < 1e-3, "{counted} of {blocks}");
        }
    }
}

//! Warping, fusing and comparing as tensor operations, for a device with a memory of its own: nothing of a step comes
//! back to the processor.
//!
//! The twin of `sources.rs`: the same integers, so the same values to the bit, and the same gradients but for the order
//! of sums. Pictures are kept on the device as bytes while they fit, and sent anew where they do not.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use iev_runtime::kernel::flow::{Between, CELL_BITS, PIXEL_BITS, REACH_PX};
use iev_runtime::kernel::pack::LAYOUT;
use iev_runtime::picture::{Picture, Plane};
use iev_runtime::profile::FLOW_UNIT_PX;
use tch::{Device, Kind, Tensor};

use super::grids::Crop;
use super::network::Refined;
use super::sources::PLANE_WEIGHTS;
use super::twins::Compared;
use super::windows::Window;

/// What is kept on the device: planes of pictures, and the weights of windows.
///
/// Both are known by where their numbers are on the processor, so all of them outlive this.
#[derive(Debug)]
pub struct Resident {
    device: Device,
    /// Bytes that pictures may yet take.
    room: Cell<usize>,
    pictures: RefCell<HashMap<usize, [Tensor; 3]>>,
    weights: RefCell<HashMap<usize, Tensor>>,
}

impl Resident {
    /// Nothing yet, and pictures of `most_bytes` at the most.
    pub fn new(device: Device, most_bytes: usize) -> Self {
        let (pictures, weights) = (RefCell::default(), RefCell::default());
        Self { device, room: Cell::new(most_bytes), pictures, weights }
    }

    /// Y, U and V, `[row, column]` in bytes.
    fn planes(&self, picture: &Picture) -> [Tensor; 3] {
        let key = picture.i420().as_ptr() as usize;
        if let Some(planes) = self.pictures.borrow().get(&key) {
            return planes.each_ref().map(Tensor::shallow_clone);
        }
        let planes = Plane::ALL.map(|plane| {
            let (columns, rows) = picture.plane_size(plane);
            let bytes = Tensor::from_slice(picture.plane(plane)).to_device(self.device);
            bytes.view([rows as i64, columns as i64])
        });
        if let Some(room) = self.room.get().checked_sub(picture.i420().len()) {
            self.room.set(room);
            let kept = planes.each_ref().map(Tensor::shallow_clone);
            self.pictures.borrow_mut().insert(key, kept);
        }
        planes
    }

    /// `[1, 24, y, x]`
    fn weights(&self, window: &Window) -> Tensor {
        let make = || {
            let [_, _, rows, columns] = window.painted.cells(4);
            let weights = Tensor::from_slice(&window.weights).to_device(self.device);
            weights.view([1, -1, rows, columns])
        };
        let mut all = self.weights.borrow_mut();
        all.entry(window.weights.as_ptr() as usize).or_insert_with(make).shallow_clone()
    }

    /// Packed parts of `originals` where `crops` paint, `[sample, 24, y, x]`.
    pub fn targets(&self, originals: &[&Picture], crops: &[Crop<'_>]) -> Tensor {
        let planes: Vec<_> = originals.iter().map(|picture| self.planes(picture)).collect();
        let packed = LAYOUT.iter().enumerate().map(|(plane, (_, _, side))| {
            let parts = planes.iter().zip(crops).map(|(planes, crop)| {
                let [top, left, rows, columns] = crop.window.painted.cells(4);
                let side = *side as i64;
                let size = planes[plane].size();
                let along = |axis: i64, first: i64, cells: i64| {
                    let places = Tensor::arange_start(
                        first * side,
                        (first + cells) * side,
                        (Kind::Int64, self.device),
                    );
                    // The padding repeats the border.
                    places.clamp_max(size[axis as usize] - 1)
                };
                let part = planes[plane].index_select(0, &along(0, top, rows));
                part.index_select(1, &along(1, left, columns))
            });
            let parts = Tensor::stack(&parts.collect::<Vec<_>>(), 0);
            packed((parts.to_kind(Kind::Float) - 128.0) * (1.0 / 128.0), *side)
        });
        Tensor::cat(&packed.collect::<Vec<_>>(), 1)
    }

    /// Compares as [`fuse_and_compare`](super::sources::fuse_and_compare) does.
    pub fn compare(
        &self,
        refined: &Refined,
        [w0, w1]: [&Tensor; 2],
        targets: &Tensor,
        crops: &[Crop<'_>],
        side: f64,
    ) -> Compared {
        let weights: Vec<Tensor> = crops.iter().map(|crop| self.weights(crop.window)).collect();
        // Packed samples span 2, so a quarter of their squared error is that of samples in 0‥1.
        let weights = Tensor::cat(&weights, 0) * (0.25 / crops.len() as f64);
        let implicit = refined.picture.detach();
        let [m0, m1] = masks(&refined.mask.detach());
        let under = &implicit + &m1 * (w1 - &implicit);
        let error = &under + &m0 * (w0 - &under) - targets;
        let pull = &weights * &error * 2.0;
        let below = &pull - &pull * &m0;
        let sides = &weights * (2.0 * side);
        let first = gathered(&(&pull * (w0 - &under)));
        let second = gathered(&(&below * (w1 - &implicit)));
        let luma = (&weights * error.square()).narrow(1, 0, 16).sum(Kind::Float);
        Compared {
            luma_mse: luma / PLANE_WEIGHTS[0],
            mask: Tensor::cat(&[first, second], 1),
            warped: [&pull * &m0 + &sides * (w0 - targets), &below * &m1],
            picture: &below - &below * &m1 + &sides * (implicit - targets),
        }
    }
}

/// The fused picture, `[sample, 24, y, x]`.
pub fn fuse(refined: &Refined, [w0, w1]: [&Tensor; 2]) -> Tensor {
    let [m0, m1] = masks(&refined.mask);
    let under = &refined.picture + &m1 * (w1 - &refined.picture);
    &under + m0 * (w0 - &under)
}

/// A batch of warped sources with the slopes of every sample, each `[sample, 24, y, x]`.
#[derive(Debug)]
pub struct WarpedTensors {
    /// The samples.
    pub values: Tensor,
    /// Their slopes by x and by y, per pixel.
    slopes: [Tensor; 2],
}

impl WarpedTensors {
    /// Warps one source picture per crop to what that paints; `flow` is `[sample, 2, y, x]` at 1/8.
    pub fn new(
        resident: &Resident,
        sources: &[&Picture],
        flow: &Tensor,
        crops: &[Crop<'_>],
    ) -> Self {
        let planes: Vec<_> = sources.iter().map(|picture| resident.planes(picture)).collect();
        let cells = quantised(flow);
        // Both chroma planes move alike.
        let [luma, chroma] = [true, false]
            .map(|luma| (displacements(&cells, luma), corners(crops, luma, resident.device)));
        // Plane by plane: samples and slopes, packed as the network has them.
        let made = LAYOUT.iter().enumerate().map(|(plane, (_, _, side))| {
            let (moved, corners) = if plane == 0 { &luma } else { &chroma };
            let pixels: Vec<&Tensor> = planes.iter().map(|planes| &planes[plane]).collect();
            let source = SourcePlanes {
                pixels: Tensor::stack(&pixels, 0),
                corners,
                subsampling: i64::from(plane > 0),
            };
            source.samples(moved).map(|values| packed(values, *side))
        });
        let made: Vec<[Tensor; 3]> = made.collect();
        let join =
            |at: usize| Tensor::cat(&made.iter().map(|part| &part[at]).collect::<Vec<_>>(), 1);
        Self { values: join(0), slopes: [join(1), join(2)] }
    }

    /// Gradient of the flow at 1/4, `[sample, 2, y, x]`, from that of the warped pictures.
    pub fn flow_gradient(&self, gradient: &Tensor) -> Tensor {
        let along = |slope: &Tensor| {
            (gradient * slope).sum_dim_intlist([1i64].as_slice(), true, Kind::Float)
        };
        Tensor::cat(&self.slopes.each_ref().map(along), 1) * f64::from(FLOW_UNIT_PX)
    }
}

/// Displacements of cells in 1/256 pixel, whole numbers.
fn quantised(flow: &Tensor) -> Tensor {
    let reach = f64::from(REACH_PX);
    let px = (flow.detach() * f64::from(FLOW_UNIT_PX)).clamp(-reach, reach);
    (px.nan_to_num(0.0, None, None) * f64::from(1 << CELL_BITS)).round().to_kind(Kind::Int)
}

/// Displacements in 1/16 luma pixel, `[sample, 2, y, x]` over the pixels of a plane, of `cells` `[sample, 2, y, x]`.
fn displacements(cells: &Tensor, luma: bool) -> Tensor {
    let size = cells.size();
    let down = between(cells, 2, size[2] as usize, luma);
    let across = between(&down, 3, size[3] as usize, luma);
    // CELL_BITS + 2 · 4 weight bits down to PIXEL_BITS, rounding half up.
    let shift = i64::from(CELL_BITS + 8 - PIXEL_BITS);
    (across + (1i64 << (shift - 1))).bitwise_right_shift_tensor_scalar(shift)
}

/// Half of the bilinear interpolation between `count` cells along `axis`, times 16.
fn between(cells: &Tensor, axis: i64, count: usize, luma: bool) -> Tensor {
    let (pixels, at): (usize, fn(usize, usize) -> Between) =
        if luma { (8, Between::luma) } else { (4, Between::chroma) };
    let all: Vec<Between> = (0..count * pixels).map(|pixel| at(pixel, count)).collect();
    let device = cells.device();
    let cells_at = |of: fn(&Between) -> usize| {
        let places: Vec<i64> = all.iter().map(|between| of(between) as i64).collect();
        cells.index_select(axis, &Tensor::from_slice(&places).to_device(device))
    };
    let (before, after) = (cells_at(|b| b.before), cells_at(|b| b.after));
    let weights: Vec<i32> = all.iter().map(|between| between.weight).collect();
    let mut shape = [1; 4];
    shape[axis as usize] = -1;
    let weights = Tensor::from_slice(&weights).to_device(device).view(shape);
    &before * 16i64 + (after - &before) * weights
}

/// Upper left corners of `crops` in pixels of the plane, `[sample, 1, 1]`, by y and by x.
fn corners(crops: &[Crop<'_>], luma: bool, device: Device) -> [Tensor; 2] {
    let corner = |of: fn((usize, usize)) -> usize| {
        let all = crops.iter().map(|crop| of(crop.window.painted.corner_px()));
        let all: Vec<i32> = all.map(|px| (px >> usize::from(!luma)) as i32).collect();
        Tensor::from_slice(&all).to_device(device).view([-1, 1, 1])
    };
    [corner(|(_, top)| top), corner(|(left, _)| left)]
}

/// One plane of every source, with the geometry needed to sample it.
struct SourcePlanes<'a> {
    /// `[sample, row, column]` in bytes.
    pixels: Tensor,
    corners: &'a [Tensor; 2],
    /// 0 for luma, 1 for chroma: displacements have this many more fraction bits.
    subsampling: i64,
}

impl SourcePlanes<'_> {
    /// Bilinear samples with their slopes by x and y, each `[sample, y, x]`, as `kernel::warp` has them.
    fn samples(&self, moved: &Tensor) -> [Tensor; 3] {
        let bits = i64::from(PIXEL_BITS) + self.subsampling;
        let one = 1i64 << bits;
        let [_, _, rows, columns] = moved.size()[..] else { unreachable!("it has four sides") };
        let size = self.pixels.size();
        let axis = |at: i64, length: i64, shape: [i64; 3]| {
            let by = moved.select(1, 1 - at);
            let places = Tensor::arange(length, (Kind::Int, moved.device())).view(shape);
            let whole = by.bitwise_right_shift_tensor_scalar(bits) + places;
            let first = whole + &self.corners[at as usize];
            let last = size[1 + at as usize] - 1;
            let second = (&first + 1i64).clamp(0, last);
            (first.clamp(0, last), second, by.bitwise_and(one - 1))
        };
        let (above, below, fy) = axis(0, rows, [1, -1, 1]);
        let (left, right, fx) = axis(1, columns, [1, 1, -1]);
        let flat = self.pixels.reshape([size[0], -1]);
        let pixel = |row: &Tensor, column: &Tensor| {
            let places = (row * size[2] + column).to_kind(Kind::Int64).reshape([size[0], -1]);
            flat.gather(1, &places, false).view([-1, rows, columns]).to_kind(Kind::Int)
        };
        let (a, b) = (pixel(&above, &left), pixel(&above, &right));
        let (c, d) = (pixel(&below, &left), pixel(&below, &right));
        let (across_top, across_bottom) = (b - &a, d - &c);
        let (top, bottom) = (a * one + &across_top * &fx, c * one + &across_bottom * &fx);
        let down = bottom - &top;
        let value = top * one + &down * &fy - (128i64 << (2 * bits));
        let across = &across_top * one + (across_bottom - &across_top) * &fy;
        // Powers of two, so that nothing is rounded.
        let scaled = |whole: Tensor, bits: i64| whole.to_kind(Kind::Float) * (-bits as f64).exp2();
        let slope_bits = 7 + bits + self.subsampling;
        [scaled(value, 7 + 2 * bits), scaled(across, slope_bits), scaled(down, slope_bits)]
    }
}

/// Pixels `[sample, y, x]` as channels of cells, `[sample, side · side, y, x]`.
fn packed(pixels: Tensor, side: usize) -> Tensor {
    pixels.unsqueeze(1).pixel_unshuffle(side as i64)
}

/// Both masks, `[sample, 8, y, x]` at 1/2, for every packed channel: a value covers 2×2 luma samples, and one of each
/// chroma plane.
fn masks(mask: &Tensor) -> [Tensor; 2] {
    [0, 4].map(|first| {
        let mask = mask.narrow(1, first, 4);
        let [samples, _, rows, columns] = mask.size()[..] else {
            unreachable!("it has four sides")
        };
        let luma = mask.reshape([samples, 2, 1, 2, 1, rows, columns]);
        let luma = luma.expand([samples, 2, 2, 2, 2, rows, columns], false);
        Tensor::cat(&[&luma.reshape([samples, 16, rows, columns]), &mask, &mask], 1)
    })
}

/// Sums over the channels that every value of a mask covers, `[sample, 4, y, x]`.
fn gathered(channels: &Tensor) -> Tensor {
    let [samples, _, rows, columns] = channels.size()[..] else {
        unreachable!("it has four sides")
    };
    let luma = channels.narrow(1, 0, 16).reshape([samples, 2, 2, 2, 2, rows, columns]);
    let luma = luma.sum_dim_intlist([2i64, 4].as_slice(), false, Kind::Float);
    let luma = luma.reshape([samples, 4, rows, columns]);
    luma + channels.narrow(1, 16, 4) + channels.narrow(1, 20, 4)
}

//! The cells of a grid that a step reads, each once however many windows lie over it.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

/// Some cells of a grid `[row, channel, y, x]`, and where rectangles of them lie among these.
#[derive(Debug)]
pub struct Cells {
    /// Into `[row · y · x]`, each once: `[cell]`.
    pub places: Tensor,
    /// Into the flat grid: `[channel · cell]`.
    values: Tensor,
    /// Into `[channel · cell]`: `[rectangle · channel · y · x]`.
    spread: Tensor,
    /// Of the rectangles.
    shape: [i64; 4],
}

impl Cells {
    /// Those of the rectangles `[y, x]`, all of one size, that begin at the places `first` of a grid of the size `grid`.
    pub fn new(first: &[i64], [high, wide]: [i64; 2], grid: &[i64], device: Device) -> Self {
        let [_, channels, rows, columns] = *grid else { unreachable!("a grid has four sides") };
        let plane = rows * columns;
        let along = |length: i64| Tensor::arange(length, (Kind::Int64, Device::Cpu));
        // 1. Each cell once, on the processor: how many there are has to be known.
        let all = Tensor::from_slice(first).view([-1, 1, 1])
            + along(high).view([-1, 1]) * columns
            + along(wide);
        let (places, spread, _) = all.internal_unique2(true, true, false);
        let (places, spread) = (places.to_device(device), spread.to_device(device));
        // 2. From there, one stride for each channel.
        let along_channels = |stride: i64| along(channels).to_device(device) * stride;
        let row = places.divide_scalar_mode(plane, "floor");
        let inside = &places + row * ((channels - 1) * plane);
        let values = along_channels(plane).view([-1, 1]) + inside;
        let shape = [first.len() as i64, channels, high, wide];
        let spread =
            spread.view([-1, 1, high, wide]) + along_channels(places.size()[0]).view([-1, 1, 1]);
        Self { values: values.view(-1), spread: spread.view(-1), places, shape }
    }

    /// `[channel, cell]` of a grid.
    pub fn of(&self, grid: &Tensor) -> Tensor {
        grid.view(-1).index_select(0, &self.values).view([self.shape[1], -1])
    }

    /// Puts `[channel, cell]` back into a grid.
    pub fn put(&self, grid: &Tensor, values: &Tensor) {
        let _ = grid.detach().view(-1).index_copy_(0, &self.values, &values.reshape([-1]));
    }

    /// `[rectangle, channel, y, x]` of `[channel, cell]`, for `rectangles` of them.
    pub fn spread(&self, values: &Tensor, rectangles: Range<i64>) -> Tensor {
        let [_, channels, high, wide] = self.shape;
        let each = channels * high * wide;
        let index = self.spread.narrow(
            0,
            rectangles.start * each,
            (rectangles.end - rectangles.start) * each,
        );
        values.reshape([-1]).index_select(0, &index).view([-1, channels, high, wide])
    }
}

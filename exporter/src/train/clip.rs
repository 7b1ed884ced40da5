//! What one scene's training sees: originals, decoded sources, matched flow.

use iev_runtime::Size;
use iev_runtime::kernel::pack::pack;
use iev_runtime::picture::Picture;
use iev_runtime::profile::{FLOW_UNIT_PX, PACKED};
use rayon::prelude::*;
use tch::Tensor;

use super::grids::{Crop, Sample};
use crate::picture::PictureExt;

/// A dense match at 1/8, in the network's flow units, and how far to trust it.
#[derive(Debug, Clone)]
pub struct MatchedFlow {
    /// `[2, y, x]`.
    pub flow: Vec<f32>,
    /// `[y, x]`, 0‥1.
    pub confidence: Vec<f32>,
}

impl MatchedFlow {
    /// From displacements in pixels.
    pub fn from_px(dx: &[f32], dy: &[f32], confidence: &[f32]) -> Self {
        let flow = dx.iter().chain(dy).map(|px| px / FLOW_UNIT_PX).collect();
        Self { flow, confidence: confidence.to_vec() }
    }
}

/// One implicit view of one GOP.
#[derive(Debug, Clone)]
pub struct ViewClip<'a> {
    /// Original pictures.
    pub originals: &'a [Picture],
    /// Decoded pictures of the anchor at the same frames.
    pub anchors: &'a [Picture],
    /// Second source of every frame: index into `seconds`.
    pub second_of: Vec<usize>,
    /// Decoded key pictures, or the decoded second anchor.
    pub seconds: Vec<&'a Picture>,
    /// Flow towards the anchor per frame.
    pub matched: Vec<MatchedFlow>,
}

/// One scene: `gops[gop][implicit view]`.
#[derive(Debug, Clone)]
pub struct Clip<'a> {
    /// Picture size.
    pub size: Size,
    /// All GOPs of the scene.
    pub gops: Vec<Vec<ViewClip<'a>>>,
}

impl Clip<'_> {
    /// Pictures of each GOP.
    pub fn gop_frames(&self) -> Vec<usize> {
        self.gops.iter().map(|views| views.first().map_or(0, |v| v.originals.len())).collect()
    }

    /// Implicit views.
    pub fn views(&self) -> usize {
        self.gops.first().map_or(0, Vec::len)
    }

    /// Every implicit picture of the scene.
    pub fn samples(&self) -> Vec<Sample> {
        let gops = self.gops.iter().enumerate();
        let all = gops.flat_map(|(gop, views)| {
            views.iter().enumerate().flat_map(move |(view, clip)| {
                (0..clip.originals.len()).map(move |frame| Sample { gop, frame, view })
            })
        });
        all.collect()
    }

    fn view(&self, s: &Sample) -> &ViewClip<'_> {
        &self.gops[s.gop][s.view]
    }

    /// Both source pictures of each crop, whole.
    pub fn sources(&self, crops: &[Crop<'_>]) -> [Vec<&Picture>; 2] {
        let samples = || crops.iter().map(|crop| &crop.sample);
        let first = samples().map(|s| &self.view(s).anchors[s.frame]).collect();
        let second = samples().map(|s| {
            let view = self.view(s);
            view.seconds[view.second_of[s.frame]]
        });
        [first, second.collect()]
    }

    /// The original of a sample.
    pub fn original(&self, s: &Sample) -> &Picture {
        &self.view(s).originals[s.frame]
    }

    /// Packed originals where `crops` paint, `[sample, 24, y, x]`.
    pub fn targets(&self, crops: &[Crop<'_>]) -> Vec<f32> {
        let size = crops[0].window.painted.packed();
        let values = PACKED * size.plane();
        let mut packed = vec![0f32; crops.len() * values];
        let pairs = packed.par_chunks_mut(values).zip(crops);
        pairs.for_each(|(packed, crop)| {
            let (columns, rows) = (size.columns * 4, size.rows * 4);
            let part =
                self.original(&crop.sample).cut(crop.window.painted.corner_px(), (columns, rows));
            pack(&part, size, packed);
        });
        packed
    }

    /// Matched flow `[sample, 2, y, x]` and confidence `[sample, 1, y, x]` at 1/8, where `crops` paint.
    pub fn matched(&self, crops: &[Crop<'_>]) -> (Tensor, Tensor) {
        let (all_columns, all_rows) = self.size.cells(8);
        let cut = |crop: &Crop<'_>, values: &[f32], planes: usize| {
            let whole = [1, planes, all_rows, all_columns].map(|side| side as i64);
            let [top, left, rows, columns] = crop.window.painted.cells(8);
            Tensor::from_slice(values).view(whole).narrow(2, top, rows).narrow(3, left, columns)
        };
        let of = |crop: &Crop<'_>| &self.view(&crop.sample).matched[crop.sample.frame];
        let flow: Vec<Tensor> = crops.iter().map(|crop| cut(crop, &of(crop).flow, 2)).collect();
        let trust: Vec<Tensor> =
            crops.iter().map(|crop| cut(crop, &of(crop).confidence, 1)).collect();
        (Tensor::cat(&flow, 0), Tensor::cat(&trust, 0))
    }
}

//! Small streams made without training.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod checksums;

use std::sync::Arc;

use iev_runtime::format::anchor::{Key, write_anchor};
use iev_runtime::format::av1::write_av1;
use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::{Colour, Header, Role, Sampling, Second};
use iev_runtime::format::mixing::SymbolModel;
use iev_runtime::format::table::Kind;
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::network::halves::{Halves, Reconstruct};
use iev_runtime::network::templates::Templates;
use iev_runtime::network::tensors::{OwnedTensors, Tensors};
use iev_runtime::play::options::Options;
use iev_runtime::profile::Profile;
use iev_runtime::stream::scene::{NetworkLevels, Residence, encode_grids, zero_grids};
use iev_runtime::{Error, Result, Size, ViewId};
use openh264::encoder::{Encoder, EncoderConfig, RateControlMode};
use openh264::formats::YUVSlices;

#[allow(unused_imports, reason = "every test file uses its own part")]
pub use checksums::right_checksums;

/// Size of every picture of [`small_stream`].
pub const SIZE: Size = Size { width_px: 32, height_px: 32 };
/// Pictures per view.
pub const FRAMES: u32 = 3;

/// [`stream_of`] a few pictures.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn small_stream() -> Vec<u8> {
    stream_of(FRAMES)
}

/// View 0 explicit, view 1 implicit of the lean profile with grids and weights of zero; one GOP of
/// `frames` pictures.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn stream_of(frames: u32) -> Vec<u8> {
    let profile = Profile::by_name("lean").unwrap();
    let header = Header {
        profile: profile.name.try_into().unwrap(),
        template_sha256: Templates::of(profile.name).unwrap().sha256(),
        size: SIZE,
        rate: (24, 1),
        frames,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: [Role::Explicit, Role::Implicit { anchor: ViewId(0), second: Second::Key }]
            .into_iter()
            .collect(),
    };
    let mut model = Box::new(SymbolModel::new());
    let mut grids = |residence| {
        encode_grids(&zero_grids(profile, residence, SIZE, frames as usize, 1), &mut model)
    };
    let (scene, gop) = (grids(Residence::Scene), grids(Residence::Gop));
    let network = NetworkLevels::zeros(profile).encode(&mut model);
    let bodies = [
        (Kind::Network, network),
        (Kind::SceneGrids, scene),
        (Kind::Anchor, anchor_section(SIZE, frames as usize, &[Key { view: ViewId(1), frame: 1 }])),
        (Kind::GopGrids, gop),
    ];
    let section =
        |(kind, body)| Section { kind, view: ViewId(0), scene: 0, first_frame: 0, frames, body };
    let sections = bodies.iter().map(|(kind, body)| section((*kind, body.as_slice())));
    let mut sink = Vec::new();
    write_stream(&mut sink, &header, &sections.collect::<Vec<_>>()).unwrap();
    sink
}

/// One explicit view in `gops` GOPs of `frames` pictures each.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn explicit_stream(size: Size, gops: u32, frames: u32) -> Vec<u8> {
    let header = Header {
        profile: "".try_into().unwrap(),
        template_sha256: [0; 32],
        size,
        rate: (24, 1),
        frames: gops * frames,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: [Role::Explicit].into_iter().collect(),
    };
    let body = anchor_section(size, frames as usize, &[]);
    let section = |gop| Section {
        kind: Kind::Anchor,
        view: ViewId(0),
        scene: 0,
        first_frame: gop * frames,
        frames,
        body: &body,
    };
    let sections: Vec<_> = (0..gops).map(section).collect();
    let mut sink = Vec::new();
    write_stream(&mut sink, &header, &sections).unwrap();
    sink
}

/// One explicit view in AV1, with a temporal unit for each picture of its one GOP.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn explicit_av1_stream(size: Size, units: &[Vec<u8>]) -> Vec<u8> {
    let header = Header {
        profile: "".try_into().unwrap(),
        template_sha256: [0; 32],
        size,
        rate: (24, 1),
        frames: units.len() as u32,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: [Role::Explicit].into_iter().collect(),
    };
    let mut body = Vec::new();
    write_av1(&mut body, &[ViewId(0)], &[], units.iter().map(Vec::as_slice));
    let (kind, view, frames) = (Kind::Av1, ViewId(0), units.len() as u32);
    let section = Section { kind, view, scene: 0, first_frame: 0, frames, body: &body };
    let mut sink = Vec::new();
    write_stream(&mut sink, &header, &[section]).unwrap();
    sink
}

/// An explicit view for each of `cameras`, which it sends along, and one GOP.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn stream_with_cameras(cameras: &Cameras) -> Vec<u8> {
    let header = Header {
        profile: "".try_into().unwrap(),
        template_sha256: [0; 32],
        size: SIZE,
        rate: (24, 1),
        frames: FRAMES,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: cameras.views.iter().map(|_| Role::Explicit).collect(),
    };
    // Each sees the same a little farther to the left.
    let anchors: Vec<_> = (0..cameras.views.len())
        .map(|view| moved_anchor_section(SIZE, FRAMES as usize, &[], 2 * view))
        .collect();
    let body = cameras.encode();
    let section = |kind, view, body| Section {
        kind,
        view: ViewId(view),
        scene: 0,
        first_frame: 0,
        frames: FRAMES,
        body,
    };
    let anchors = (0..).zip(&anchors).map(|(view, body)| section(Kind::Anchor, view, body));
    let sections: Vec<_> = anchors.chain([section(Kind::Cameras, 0, &body)]).collect();
    let mut sink = Vec::new();
    write_stream(&mut sink, &header, &sections).unwrap();
    sink
}

fn anchor_section(size: Size, frames: usize, keys: &[Key]) -> Vec<u8> {
    moved_anchor_section(size, frames, keys, 0)
}

fn moved_anchor_section(size: Size, frames: usize, keys: &[Key], left_px: usize) -> Vec<u8> {
    let config = EncoderConfig::new().rate_control_mode(RateControlMode::Off).skip_frames(false);
    // A change of scene would be an IDR.
    let config = config.scene_change_detect(false);
    let api = openh264::OpenH264API::from_source();
    let mut encoder = Encoder::with_api_config(api, config).unwrap();
    let (width, height) = (size.width(), size.height());
    let mut nals = Vec::new();
    for picture in 0..frames + keys.len() {
        let luma: Vec<u8> = (0..width * height)
            .map(|at| (60 + (at + 3 * picture + left_px) % width % 32 * 4) as u8)
            .collect();
        let chroma = vec![128; width * height / 4];
        let strides = (width, width / 2, width / 2);
        let yuv = YUVSlices::new((&luma, &chroma, &chroma), (width, height), strides);
        let coded = encoder.encode(&yuv).unwrap();
        for layer in (0..coded.num_layers()).filter_map(|i| coded.layer(i)) {
            for nal in (0..layer.nal_count()).filter_map(|i| layer.nal_unit(i)) {
                nals.push(nal.strip_prefix(&[0, 0, 0, 1]).unwrap().to_vec());
            }
        }
    }
    let mut body = Vec::new();
    write_anchor(&mut body, keys, nals.iter().map(Vec::as_slice));
    body
}

/// A network of plain arithmetic in place of ONNX Runtime; fails on the picture `fails_at` if any.
struct Arithmetic {
    tensors: OwnedTensors,
    pictures: u32,
    fails_at: Option<u32>,
}

impl Reconstruct for Arithmetic {
    fn tensors(&mut self) -> Tensors<'_> {
        self.tensors.borrow()
    }

    fn motion(&mut self, _: usize) -> Result<()> {
        let flow = self.tensors.flow.iter_mut().enumerate();
        flow.for_each(|(i, out)| *out = (i % 7) as f32 * 0.05);
        self.pictures += 1;
        match self.fails_at {
            Some(at) if at < self.pictures => Err(Error::Backend { what: "planted".into() }),
            _ => Ok(()),
        }
    }

    fn refine(&mut self, _: usize) -> Result<()> {
        let OwnedTensors { warped: [w0, w1], implicit, masks, .. } = &mut self.tensors;
        implicit.iter_mut().zip(w0.iter().zip(w1)).for_each(|(out, (a, b))| *out = *a - *b);
        masks.fill(0.5);
        Ok(())
    }
}

/// Options whose network needs no library, and fails on picture `fails_at` if any.
#[allow(dead_code, reason = "every test file uses its own part")]
pub fn options(fails_at: Option<u32>) -> Options {
    Options::new(Arc::new(move |header, _, opening| {
        let tensors = OwnedTensors::new(header, opening.batch);
        let network = Arithmetic { tensors, pictures: 0, fails_at };
        Ok(Box::new(Halves::new(network, header)))
    }))
}

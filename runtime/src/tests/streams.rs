//! Small streams for tests: H.264 by openh264's encoder, and a network that is plain arithmetic.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::sync::Arc;

use openh264::encoder::{Encoder, EncoderConfig, QpRange, RateControlMode};
use openh264::formats::YUVSlices;

use crate::error::Result;
use crate::format::anchor::{CodedPicture, Key, coding_order, write_anchor};
use crate::format::header::{Colour, Header, Role, Sampling, Second};
use crate::format::mixing::SymbolModel;
use crate::format::steps::StepIndex;
use crate::format::table::Kind;
use crate::format::writer::{Section, write_stream};
use crate::network::halves::{Halves, Reconstruct};
use crate::network::opening::OpenNetwork;
use crate::network::quantised::top_level;
use crate::network::tensors::{OwnedTensors, Tensors};
use crate::picture::{Picture, Plane};
use crate::play::options::Options;
use crate::play::player::Player;
use crate::profile::Profile;
use crate::stream::scene::{NetworkLevels, Residence, encode_grids, zero_grids};
use crate::units::{Size, ViewId};

/// Pictures per GOP of test streams.
pub(crate) const GOP: u32 = 5;

/// A header of views with the given roles.
pub(crate) fn header(size: Size, frames: u32, roles: &[Role]) -> Header {
    let implicit = roles.iter().any(|role| *role != Role::Explicit);
    let (profile, sha256) = if implicit { ("lean", [7; 32]) } else { ("", [0; 32]) };
    Header {
        profile: profile.try_into().unwrap(),
        template_sha256: sha256,
        size,
        rate: (30, 1),
        frames,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: roles.iter().copied().collect(),
    }
}

/// An implicit view of anchor 0 with key pictures.
pub(crate) const KEYED: Role = Role::Implicit { anchor: ViewId(0), second: Second::Key };

/// The picture that is coded for `view` at `frame`: a moving pattern.
pub(crate) fn scene_picture(size: Size, view: u8, frame: u32) -> Picture {
    let mut picture = Picture::new(size);
    for plane in Plane::ALL {
        let (columns, _) = picture.plane_size(plane);
        for (at, pixel) in picture.plane_mut(plane).iter_mut().enumerate() {
            let (x, y) = ((at % columns) as u32, (at / columns) as u32);
            let wave = (x + 3 * frame + 5 * u32::from(view)) * (y + 7) / 8;
            *pixel = (60 + wave % 120 + 10 * u32::from(view)) as u8;
        }
    }
    picture
}

/// NAL units of `pictures`, the first an IDR.
fn encode(pictures: &[Picture]) -> Vec<Vec<u8>> {
    let config = EncoderConfig::new()
        .rate_control_mode(RateControlMode::Off)
        .skip_frames(false)
        .qp(QpRange::new(20, 30))
        .num_threads(1);
    let mut encoder =
        Encoder::with_api_config(openh264::OpenH264API::from_source(), config).unwrap();
    let mut nals = Vec::new();
    for picture in pictures {
        let (width, height) = (picture.size().width(), picture.size().height());
        let even = (width.next_multiple_of(2), height.next_multiple_of(2));
        let mut padded = Vec::new();
        for y in 0..even.1 {
            let line = &picture.plane(Plane::Y)[y.min(height - 1) * width..][..width];
            padded.extend(line);
            padded.resize((y + 1) * even.0, line[width - 1]);
        }
        let chroma = even.0 / 2;
        let yuv = YUVSlices::new(
            (&padded, picture.plane(Plane::U), picture.plane(Plane::V)),
            even,
            (even.0, chroma, chroma),
        );
        let coded = encoder.encode(&yuv).unwrap();
        for layer in (0..coded.num_layers()).filter_map(|i| coded.layer(i)) {
            for nal in (0..layer.nal_count()).filter_map(|i| layer.nal_unit(i)) {
                nals.push(nal.strip_prefix(&[0, 0, 0, 1]).unwrap().to_vec());
            }
        }
    }
    nals
}

/// Key pictures of an anchor's section: every implicit view of it with [`Second::Key`], at frame 1.
fn keys(header: &Header, anchor: ViewId) -> Vec<Key> {
    let keyed = |v: &ViewId| {
        header.views[usize::from(v.0)] == Role::Implicit { anchor, second: Second::Key }
    };
    header.implicit_views().filter(keyed).map(|view| Key { view, frame: 1 }).collect()
}

/// A repeatable number in −1‥1.
pub(crate) fn noise(seed: usize) -> f32 {
    let hash = (seed as u32 ^ 0x9e37_79b9).wrapping_mul(2654435761);
    let hash = (hash ^ (hash >> 15)).wrapping_mul(2246822519);
    (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// Weights whose layers keep the size of their input.
pub(crate) fn lively_network(profile: &Profile) -> NetworkLevels {
    let mut network = NetworkLevels::zeros(profile);
    for (seed, layer) in network.layers.iter_mut().enumerate() {
        let gain = (layer.spec.inputs as f32 * 9.0 / 6.0).sqrt().recip();
        // Steps are 2^(k/8 − 12); a level is up to 100.
        let step = ((gain / 100.0).log2() + 12.0) * 8.0;
        let step = StepIndex::new(step as u8).unwrap();
        layer.steps.fill(step);
        layer.bias_step = step;
        let level = |(i, scale): (usize, f32)| noise(seed * 7919 + i) * scale;
        layer.weights.iter_mut().enumerate().for_each(|(i, w)| *w = level((i, 100.0)) as i8);
        layer.bias.iter_mut().enumerate().for_each(|(i, b)| *b = level((i + 11, 50.0)) as i16);
        // Outputs reach 8.
        let step = ((8.0 / top_level(&layer.spec)).log2() + 12.0) * 8.0;
        layer.output_steps.fill(StepIndex::new(step.ceil() as u8).unwrap());
    }
    network
}

/// As [`stream`], with weights that make pictures of their own and move the sources.
pub(crate) fn trained_stream(header: &Header) -> Vec<u8> {
    stream_of(header, lively_network)
}

/// A whole stream of moving patterns; weights and most grids are zeros, but the static grids at 1/16
/// of the first implicit view hold 1, of the second 2, and so on. Anchors have hidden pictures in the first GOP.
pub(crate) fn stream(header: &Header) -> Vec<u8> {
    stream_of(header, NetworkLevels::zeros)
}

fn stream_of(header: &Header, levels: fn(&Profile) -> NetworkLevels) -> Vec<u8> {
    let mut model = Box::new(SymbolModel::new());
    let mut bodies = Vec::new();
    let implicit = header.implicit_views().count();
    let profile = Profile::by_name(&header.profile).filter(|_| implicit > 0);
    if let Some(profile) = profile {
        let network = levels(profile).encode(&mut model);
        bodies.push((Kind::Network, ViewId(0), 0, header.frames, network));
        let mut grids = zero_grids(profile, Residence::Scene, header.size, 1, implicit);
        let of_views = &mut grids[0];
        of_views.steps.fill(StepIndex::new(96).unwrap());
        let entry = of_views.shape.entry();
        for (level, entry) in (1..).zip(of_views.levels.chunks_exact_mut(entry)) {
            entry.fill(level);
        }
        let grids = encode_grids(&grids, &mut model);
        bodies.push((Kind::SceneGrids, ViewId(0), 0, header.frames, grids));
    }
    for first in (0..header.frames).step_by(GOP as usize) {
        let frames = GOP.min(header.frames - first);
        if let Some(profile) = profile {
            let grids = zero_grids(profile, Residence::Gop, header.size, frames as usize, implicit);
            let grids = encode_grids(&grids, &mut model);
            bodies.push((Kind::GopGrids, ViewId(0), first, frames, grids));
        }
        for view in header.explicit_views() {
            let mut keys = keys(header, view);
            if first == 0 {
                keys.extend([0, 0, 3].map(|frame| Key { view, frame }));
            }
            keys.retain(|k| u32::from(k.frame) < frames);
            let mut shown = first..;
            let pictures: Vec<_> = coding_order(view, &keys, frames)
                .map(|coded| match coded {
                    CodedPicture::Shown => {
                        scene_picture(header.size, view.0, shown.next().unwrap())
                    }
                    CodedPicture::Hidden => scene_picture(header.size, view.0, 100),
                    CodedPicture::Key(Key { view, frame }) => {
                        scene_picture(header.size, view.0, first + u32::from(frame))
                    }
                })
                .collect();
            let nals = encode(&pictures);
            let mut body = Vec::new();
            write_anchor(&mut body, &keys, nals.iter().map(Vec::as_slice));
            bodies.push((Kind::Anchor, view, first, frames, body));
        }
    }
    let sections: Vec<_> = bodies
        .iter()
        .map(|(kind, view, first_frame, frames, body)| Section {
            kind: *kind,
            view: *view,
            scene: 0,
            first_frame: *first_frame,
            frames: *frames,
            body,
        })
        .collect();
    let mut sink = Vec::new();
    write_stream(&mut sink, header, &sections).unwrap();
    sink
}

/// A network of plain arithmetic: the flow grows with what the latent holds, the picture mixes both
/// sources.
struct Fake {
    tensors: OwnedTensors,
    batch: usize,
    /// First value of every picture's latent.
    firsts: Vec<f32>,
}

impl Reconstruct for Fake {
    fn tensors(&mut self) -> Tensors<'_> {
        self.tensors.borrow()
    }

    fn motion(&mut self, _: usize) -> Result<()> {
        let OwnedTensors { latent16, flow, .. } = &mut self.tensors;
        self.firsts = latent16.iter().step_by(latent16.len() / self.batch).copied().collect();
        let of_picture = flow.len() / self.batch;
        for (first, flow) in self.firsts.iter().zip(flow.chunks_mut(of_picture)) {
            for (i, value) in flow.iter_mut().enumerate() {
                *value = first * 0.07 - (i % 5) as f32 * 0.02;
            }
        }
        Ok(())
    }

    fn refine(&mut self, _: usize) -> Result<()> {
        let OwnedTensors { warped: [warped0, warped1], implicit, masks, .. } = &mut self.tensors;
        let of_picture = implicit.len() / self.batch;
        for (i, out) in implicit.iter_mut().enumerate() {
            *out = 0.4 * warped0[i] - 0.3 * warped1[i] + self.firsts[i / of_picture] * 0.1;
        }
        for (i, out) in masks.iter_mut().enumerate() {
            *out = (i % 11) as f32 / 11.0;
        }
        Ok(())
    }
}

/// Opens [`Fake`] networks.
pub(crate) fn fake() -> Arc<OpenNetwork> {
    Arc::new(|header, _, opening| {
        let (tensors, batch) = (OwnedTensors::new(header, opening.batch), opening.batch);
        let network = Fake { tensors, batch, firsts: Vec::new() };
        Ok(Box::new(Halves::new(network, header)))
    })
}

/// A player over `bytes` with fake networks.
pub(crate) fn player(bytes: Vec<u8>) -> Result<Player> {
    Player::over(bytes.into(), Options::new(fake()))
}

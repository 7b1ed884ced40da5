//! Properties of the format: what is written reads back as itself, whatever it is.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use fixed::types::{I2F30, I16F16};
use proptest::array;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::format::anchor::{AnchorSection, Key, MAX_KEYS, write_anchor};
use crate::format::cameras::{Camera, Cameras, Intrinsics, Pose};
use crate::format::grids::{GridShape, code_grid};
use crate::format::header::{
    Colour, Header, MAX_VIEWS, Preamble, Role, Sampling, Second, Siting, VERSION_MINOR,
};
use crate::format::limits::Limits;
use crate::format::mixing::{CONTEXTS, SymbolModel};
use crate::format::network::{LayerLevels, code_layer};
use crate::format::range::{BitCoder, Decoder, Encoder};
use crate::format::reader::{SliceSource, StreamReader};
use crate::format::steps::StepIndex;
use crate::format::table::{Entry, Kind};
use crate::format::writer::{Section, write_stream};
use crate::profile::topology::LayerId;
use crate::profile::{LayerSpec, PROFILES};
use crate::units::{Size, ViewId};

/// Largest magnitude of a weight's or a grid's level (FORMAT.md §5, §6).
const LEVEL: i8 = 127;

/// Any valid header; its first view is explicit.
fn header() -> impl Strategy<Value = Header> {
    let roles = vec((any::<bool>(), any::<bool>(), any::<usize>(), any::<usize>()), 0..MAX_VIEWS);
    let numbers = (1u16.., 1u16.., 1u32.., 1u32.., 1u32..);
    let colour = (any::<[u8; 3]>(), any::<bool>(), sampling());
    let profile = 0..PROFILES.len();
    (roles, numbers, colour, profile, any::<[u8; 32]>()).prop_map(
        |(roles, (width_px, height_px, frames, pictures, seconds), colour, profile, sha256)| {
            let ([primaries, transfer, matrix], full_range, sampling) = colour;
            let views = views(&roles);
            let implicit = views.iter().any(|role| *role != Role::Explicit);
            let profile = if implicit { PROFILES[profile].name } else { "" };
            Header {
                profile: profile.try_into().unwrap(),
                template_sha256: if implicit { sha256 } else { [0; 32] },
                size: Size { width_px, height_px },
                rate: (pictures, seconds),
                frames,
                colour: Colour { primaries, transfer, matrix, full_range },
                views,
                sampling,
            }
        },
    )
}

fn sampling() -> impl Strategy<Value = Sampling> {
    use Siting::{Bottom, BottomLeft, Centre, Left, Top, TopLeft, Unspecified};
    let sitings = [Unspecified, Left, Centre, TopLeft, Top, BottomLeft, Bottom];
    ((1u32.., 1u32..), any::<bool>(), 0..sitings.len()).prop_map(move |(aspect, known, siting)| {
        let pixel_aspect = if known { aspect } else { (0, 0) };
        Sampling { pixel_aspect, siting: sitings[siting] }
    })
}

/// Roles from: explicit, second source is an anchor, place of the anchor, place of the second.
fn views(roles: &[(bool, bool, usize, usize)]) -> heapless::Vec<Role, MAX_VIEWS> {
    let others = (1..).zip(roles).filter(|(_, (explicit, ..))| *explicit).map(|(view, _)| view);
    let explicit: Vec<ViewId> = std::iter::once(0).chain(others).map(ViewId).collect();
    let one_of = |place: &usize| explicit[place % explicit.len()];
    let role = |(is_explicit, by_anchor, anchor, second): &(bool, bool, usize, usize)| {
        let other = if *by_anchor { Second::Anchor(one_of(second)) } else { Second::Key };
        let implicit = Role::Implicit { anchor: one_of(anchor), second: other };
        if *is_explicit { Role::Explicit } else { implicit }
    };
    std::iter::once(Role::Explicit).chain(roles.iter().map(role)).collect()
}

fn kind() -> impl Strategy<Value = Kind> {
    let kinds =
        [Kind::Network, Kind::SceneGrids, Kind::GopGrids, Kind::Anchor, Kind::Cameras, Kind::Av1];
    (0..kinds.len()).prop_map(move |index| kinds[index])
}

fn step() -> impl Strategy<Value = StepIndex> {
    (0u8..128).prop_map(|index| StepIndex::new(index).unwrap())
}

/// Mostly zeros and small ones, as training leaves them, and all others.
fn level() -> impl Strategy<Value = i8> {
    prop_oneof![4 => Just(0), 3 => -3i8..=3, 1 => -LEVEL..=LEVEL]
}

/// Either end of the coder, so that a property says once what is coded.
enum Coder<'a> {
    Writes(Encoder<Vec<u8>>),
    Reads(Decoder<'a>),
}

impl BitCoder for Coder<'_> {
    fn code(&mut self, bit: bool, one_q16: u16) -> bool {
        match self {
            Self::Writes(encoder) => encoder.code(bit, one_q16),
            Self::Reads(decoder) => decoder.code(bit, one_q16),
        }
    }
}

/// What `code` reads into `blank` of what it wrote of `wanted`.
fn coded<T: Clone>(
    wanted: &T,
    mut blank: T,
    mut code: impl FnMut(&mut Coder<'_>, &mut SymbolModel, &mut T),
) -> T {
    let mut model = Box::new(SymbolModel::new());
    let mut writes = Coder::Writes(Encoder::new(Vec::new()));
    code(&mut writes, &mut model, &mut wanted.clone());
    let Coder::Writes(encoder) = writes else { unreachable!("it stays what it is") };
    model.reset();
    code(&mut Coder::Reads(Decoder::new(&encoder.finish())), &mut model, &mut blank);
    blank
}

/// The numbers of a layer of the network.
#[derive(Debug, Clone, PartialEq)]
struct Numbers {
    steps: Vec<StepIndex>,
    weights: Vec<i8>,
    bias_step: StepIndex,
    bias: Vec<i16>,
    output_steps: Vec<StepIndex>,
}

impl Numbers {
    fn levels(&mut self) -> LayerLevels<'_> {
        let Self { steps, weights, bias_step, bias, output_steps } = self;
        LayerLevels { steps, weights, bias_step, bias, output_steps }
    }
}

/// A layer, its place in a profile and its numbers for `views` views.
fn layer() -> impl Strategy<Value = (LayerSpec, usize, Numbers)> {
    let sizes = (1usize..6, 1usize..6, 0usize..13);
    sizes.prop_flat_map(|(inputs, outputs, index)| {
        let spec = LayerSpec { id: LayerId::Res8, inputs, outputs, scale: 8, output_steps: 1 };
        let steps = (vec(step(), outputs), step(), vec(step(), 0..4));
        let numbers = (steps, vec(level(), spec.weights()), vec(any::<i16>(), outputs));
        numbers.prop_map(move |((steps, bias_step, output_steps), weights, bias)| {
            (spec, index, Numbers { steps, weights, bias_step, bias, output_steps })
        })
    })
}

fn grid() -> impl Strategy<Value = (GridShape, (Vec<StepIndex>, Vec<i8>))> {
    let sizes = (1usize..4, 1usize..4, 1usize..5, 1usize..7, 1usize..7);
    sizes.prop_flat_map(|(entries, views, channels, rows, columns)| {
        let shape = GridShape { entries, views, channels, rows, columns };
        (Just(shape), (vec(step(), channels), vec(level(), shape.values())))
    })
}

/// A section of any kind with a few bytes.
fn section() -> impl Strategy<Value = (Entry, Vec<u8>)> {
    let numbers = (any::<u16>(), any::<u32>(), any::<u32>());
    let body = vec(any::<u8>(), 0..40);
    (kind(), any::<u8>(), numbers, body).prop_map(|(kind, view, (scene, first, frames), body)| {
        let (view, first_frame) = (ViewId(view), first);
        (Entry { kind, view, scene, first_frame, frames, offset: 0, bytes: 0, crc: 0 }, body)
    })
}

fn camera() -> impl Strategy<Value = Camera> {
    let turn = array::uniform4(-1.0f64..1.0).prop_filter("a direction", |q| norm(q) > 0.1);
    let places = (array::uniform3(any::<i32>()), array::uniform2(any::<i32>()));
    (turn, places, array::uniform2(1i32..)).prop_map(|(turn, (position, centre), focal)| Camera {
        pose: Pose {
            position: position.map(I16F16::from_bits),
            rotation: turn.map(|part| I2F30::from_num(part / norm(&turn))),
        },
        intrinsics: Intrinsics {
            focal_px: focal.map(I16F16::from_bits),
            centre_px: centre.map(I16F16::from_bits),
        },
    })
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}

proptest! {
    #[test]
    fn a_preamble_survives(
        minor in 0..=VERSION_MINOR,
        header_bytes: u16,
        sections: u32,
        file_bytes: u64,
        index_crc: u32,
    ) {
        let preamble = Preamble { minor, header_bytes, sections, file_bytes, index_crc };
        prop_assert_eq!(Preamble::from_bytes(&preamble.to_bytes()).unwrap(), preamble);
    }

    #[test]
    fn a_table_entry_survives((entry, _) in section(), offset: u64, bytes: u32, crc: u32) {
        let entry = Entry { offset, bytes, crc, ..entry };
        prop_assert_eq!(Entry::from_bytes(&entry.to_bytes(), 0).unwrap(), entry);
    }

    #[test]
    fn a_stream_survives(header in header(), sections in vec(section(), 0..12)) {
        let borrowed = sections.iter().map(|(entry, body)| {
            let Entry { kind, view, scene, first_frame, frames, .. } = *entry;
            Section { kind, view, scene, first_frame, frames, body }
        });
        let mut bytes = Vec::new();
        let length = write_stream(&mut bytes, &header, &borrowed.collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(length, bytes.len() as u64);
        let most = u64::MAX;
        let limits = Limits { side_px: most, picture_px: most, frames: most, ..Limits::DEFAULT };
        let mut reader = StreamReader::open(SliceSource::new(&bytes), &limits).unwrap();
        prop_assert_eq!(reader.header(), &header);
        prop_assert_eq!(reader.sections() as usize, sections.len());
        for (index, (entry, body)) in (0..).zip(&sections) {
            let read = reader.entry(index).unwrap();
            let mut copy = vec![0; read.bytes as usize];
            reader.read_section(&read, &mut copy).unwrap();
            prop_assert_eq!(&copy, body);
            prop_assert_eq!(Entry { offset: 0, bytes: 0, crc: 0, ..read }, *entry);
        }
    }

    #[test]
    fn bits_survive_whatever_their_probabilities(bits in vec((any::<bool>(), 1u16..), 0..600)) {
        let blank = bits.iter().map(|(_, one_q16)| (false, *one_q16)).collect();
        let read = coded(&bits, blank, |coder, _, bits| {
            bits.iter_mut().for_each(|(bit, one_q16)| *bit = coder.code(*bit, *one_q16));
        });
        prop_assert_eq!(read, bits);
    }

    #[test]
    fn symbols_survive_whatever_their_contexts(
        symbols in vec((any::<[u8; CONTEXTS]>(), any::<i16>()), 0..200),
    ) {
        let blank = symbols.iter().map(|(contexts, _)| (*contexts, 0)).collect();
        let read = coded(&symbols, blank, |coder, model, symbols| {
            symbols.iter_mut().for_each(|(c, value)| *value = model.code(coder, c, *value));
        });
        prop_assert_eq!(read, symbols);
    }

    #[test]
    fn a_grid_survives((shape, numbers) in grid()) {
        let zero = StepIndex::new(0).unwrap();
        let blank = (vec![zero; shape.channels], vec![0; shape.values()]);
        let read = coded(&numbers, blank, |coder, model, (steps, levels)| {
            code_grid(coder, model, shape, steps, levels).unwrap();
        });
        prop_assert_eq!(read, numbers);
    }

    #[test]
    fn a_layer_survives((spec, index, numbers) in layer()) {
        let zero = StepIndex::new(0).unwrap();
        let blank = Numbers {
            steps: vec![zero; spec.outputs],
            weights: vec![0; spec.weights()],
            bias_step: zero,
            bias: vec![0; spec.outputs],
            output_steps: vec![zero; numbers.output_steps.len()],
        };
        let read = coded(&numbers, blank, |coder, model, numbers| {
            code_layer(coder, model, index, &spec, &mut numbers.levels()).unwrap();
        });
        prop_assert_eq!(read, numbers);
    }

    #[test]
    fn an_anchor_section_survives(
        keys in vec((any::<u8>(), 0u16..300), 0..=MAX_KEYS),
        nals in vec(vec(any::<u8>(), 1..300), 0..20),
    ) {
        let keys: Vec<Key> =
            keys.into_iter().map(|(view, frame)| Key { view: ViewId(view), frame }).collect();
        let mut body = Vec::new();
        write_anchor(&mut body, &keys, nals.iter().map(Vec::as_slice));
        let section = AnchorSection::parse(&body, 300).unwrap();
        prop_assert_eq!(&section.keys[..], &keys[..]);
        let read = section.nal_units().map(|nal| nal.map(|(_, nal)| nal));
        let read: Vec<&[u8]> = read.collect::<crate::Result<_>>().unwrap();
        prop_assert_eq!(read, nals);
    }

    #[test]
    fn cameras_survive(cameras in vec(camera(), 0..=MAX_VIEWS)) {
        let cameras = Cameras { views: cameras.into_iter().collect() };
        let read = Cameras::decode(&cameras.encode(), cameras.views.len()).unwrap();
        prop_assert_eq!(read, cameras);
    }
}

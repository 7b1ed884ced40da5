//! Training in windows is training on the whole picture, cut up; a step by tensor operations is that in one pass.

use iev_runtime::Size;
use iev_runtime::profile::{PROFILES, Profile};

use super::windows::Window;
use super::*;
use crate::ablation::Parts;
use crate::picture::synthetic;
use crate::rules::LEAST_WINDOW_PX;

/// Sides that are no whole blocks.
const SIZE: Size = Size { width_px: 203, height_px: 171 };

/// What a clip of one view and two pictures borrows.
struct Pictures {
    originals: Vec<Picture>,
    anchors: Vec<Picture>,
    key: Picture,
}

impl Pictures {
    fn new() -> Self {
        let at = |shift: f32| synthetic(SIZE.width(), SIZE.height(), shift);
        Self { originals: vec![at(0.0), at(3.0)], anchors: vec![at(1.5), at(5.0)], key: at(0.5) }
    }

    fn clip(&self) -> Clip<'_> {
        let (columns, rows) = SIZE.cells(8);
        let plane = |times: f32| (0..columns * rows).map(|i| (i % 23) as f32 * times).collect();
        let flow: [Vec<f32>; 2] = [plane(0.3), plane(-0.2)];
        let trust: Vec<f32> = plane(0.04);
        let view = ViewClip {
            originals: &self.originals,
            anchors: &self.anchors,
            second_of: vec![0, 0],
            seconds: vec![&self.key],
            matched: vec![MatchedFlow::from_px(&flow[0], &flow[1], &trust); 2],
        };
        Clip { size: SIZE, gops: vec![vec![view]] }
    }
}

/// A training of this profile, close to its end, in whose grids something is.
fn trainer(profile: &'static Profile, clip: &Clip<'_>) -> Trainer {
    let settings = Settings {
        profile,
        steps: 10,
        flow_steps: 0,
        batch: 2,
        window_px: LEAST_WINDOW_PX,
        learning_rate: 1e-3,
        lambda: 8e-3,
        lambda_fall: 1.0,
        seed: 5,
        device: Device::Cpu,
        device_bytes: 0,
        checkpoint: None,
        checkpoint_every: Duration::MAX,
        warm_start: None,
        scene: 0,
        without: Parts::default(),
    };
    let mut trainer = Trainer::new(settings, clip).unwrap();
    tch::no_grad(|| {
        for (name, value) in trainer.parameters.values() {
            if name.ends_with(".levels") {
                let _ = value.normal_(0.0, 3.0);
            }
        }
    });
    // Rounded, not noisy: noise of windows is other noise.
    trainer.step = 9;
    trainer
}

const SAMPLE: Sample = Sample { gop: 0, frame: 1, view: 0 };

fn crops(windows: &[Window]) -> Vec<Crop<'_>> {
    windows.iter().map(|window| Crop { sample: SAMPLE, window }).collect()
}

/// Fused values of `crops`, one list each.
fn fused(trainer: &Trainer, clip: &Clip<'_>, crops: &[Crop<'_>]) -> Vec<Vec<f32>> {
    let BlendInputs { warped, refined, .. } = tch::no_grad(|| trainer.paint(clip, crops));
    let all = trainer.kernels.fuse(&refined, [&warped[0], &warped[1]]);
    all.chunks_exact(all.len() / crops.len()).map(<[f32]>::to_vec).collect()
}

#[test]
fn a_window_paints_inside_its_halo_what_the_whole_picture_has_there() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    for profile in [&PROFILES[0], &PROFILES[1]] {
        let trainer = trainer(profile, &clip);
        assert!(trainer.windows.len() > 4, "{}", trainer.windows.len());
        let whole = fused(&trainer, &clip, &trainer.whole(&[SAMPLE])).remove(0);
        let size = PackedSize::of(SIZE);
        let parts = fused(&trainer, &clip, &crops(&trainer.windows));
        let mut compared = 0;
        for (window, part) in trainer.windows.iter().zip(&parts) {
            let own = window.painted.packed();
            let [top, left, ..] = window.painted.cells(4).map(|cells| cells as usize);
            for (at, value) in part.iter().enumerate().filter(|(at, _)| window.weights[*at] > 0.0) {
                let (channel, cell) = (at / own.plane(), at % own.plane());
                let (row, column) = (top + cell / own.columns, left + cell % own.columns);
                let there = whole[channel * size.plane() + row * size.columns + column];
                // The flow is rounded to 1/256 pixel, on which sums in another order may fall another way.
                let away = (value - there).abs();
                assert!(away < 1e-3, "{}: {value}, {there} at {row}, {column}", profile.name);
                compared += 1;
            }
        }
        assert!(compared >= SIZE.i420_bytes(), "every sample is in a window");
    }
}

/// Gradients of all parameters by name, and what is told.
fn gradients(trainer: &mut Trainer, clip: &Clip<'_>, whole: bool) -> Vec<(String, Tensor)> {
    trainer.parameters.forget_gradients();
    let crops = if whole { trainer.whole(&[SAMPLE]) } else { crops(&trainer.windows) };
    let (measured, read) = trainer.backward(clip, &crops);
    let (mse, bits) = trainer.read(&measured).unwrap().unwrap();
    let told = [("error", mse), ("bits", bits)].map(|(name, v)| (name.into(), Tensor::from(v)));
    // Grids that nothing stands before have no use for what they would remember.
    let used = trainer.parameters.values().filter(|(_, value)| value.grad().defined());
    let gradient = |(name, value): (&str, &mut Tensor)| (name.to_owned(), value.grad().copy());
    let mut all: Vec<_> = used.map(gradient).chain(told).collect();
    all.extend(read.iter().map(|part| ("grid".into(), trainer.parameters.gradient(part))));
    all
}

/// Fails where lists differ by more than this share of their length.
fn assert_alike(a: &[(String, Tensor)], b: &[(String, Tensor)], share: f64) {
    let length = |t: &Tensor| t.norm().double_value(&[]);
    for ((name, a), (_, b)) in a.iter().zip(b) {
        let away = length(&(a - b)) / length(a).max(1e-9);
        assert!(away < share, "{name}: {away}");
    }
}

#[test]
fn the_mean_gradient_of_all_windows_is_that_of_the_whole_picture() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    let mut trainer = trainer(&PROFILES[0], &clip);
    let whole = gradients(&mut trainer, &clip, true);
    let windows = gradients(&mut trainer, &clip, false);
    assert_alike(&whole, &windows, 2e-2);
}

#[test]
fn the_mean_matching_error_of_all_windows_is_that_of_the_whole_picture() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    let trainer = trainer(&PROFILES[0], &clip);
    let error = |crops: &[Crop<'_>]| {
        let Forward { motion, .. } = trainer.motion(crops, Rounding::Straight);
        trainer.matched_error(&clip, crops, &motion.flow).double_value(&[])
    };
    let (whole, parts) = (error(&trainer.whole(&[SAMPLE])), error(&crops(&trainer.windows)));
    assert!((parts / whole - 1.0).abs() < 1e-4, "{parts}, {whole}");
}

#[test]
fn an_epoch_meets_every_window_of_every_picture_once() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    let mut trainer = trainer(&PROFILES[0], &clip);
    let windows = trainer.windows.len();
    assert_eq!(windows, windows::windows(SIZE, &PROFILES[0], LEAST_WINDOW_PX).len());
    let mut met = Vec::new();
    for step in 0..windows {
        trainer.step = step;
        trainer.begin_epoch(&clip);
        let place = |crop: &Crop<'_>| (crop.sample.frame, std::ptr::from_ref(crop.window) as usize);
        met.extend(trainer.draw().iter().map(place));
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!(met.len(), 2 * windows);
}

fn resident() -> tensors::Resident {
    tensors::Resident::new(Device::Cpu, 1 << 20)
}

/// Noise, of which no two samples belong together.
fn noise(size: Size, seed: u32) -> Picture {
    let mut picture = Picture::new(size);
    let pixels = picture.i420_mut().iter_mut().enumerate();
    pixels.for_each(|(at, pixel)| {
        *pixel = ((at as u32 ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8
    });
    picture
}

#[test]
fn sources_warped_by_tensors_are_those_warped_in_one_pass() {
    let odd = [(1, 1), (2, 17), (3, 40), (37, 19), (64, 48), (130, 35), (203, 171)];
    for (width_px, height_px) in odd {
        let size = Size { width_px, height_px };
        let pictures = [noise(size, 1), synthetic(size.width(), size.height(), 0.0)];
        let sources: Vec<&Picture> = pictures.iter().collect();
        for window in windows::windows(size, &PROFILES[0], LEAST_WINDOW_PX) {
            let crops = [Crop { sample: SAMPLE, window: &window }; 2];
            let [_, _, rows, columns] = window.painted.cells(8);
            for reach in [0.0, 0.4, 3.0, 300.0] {
                let flow = Tensor::randn([2, 2, rows, columns], (Kind::Float, Device::Cpu)) * reach;
                let wild = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e30];
                let _ = flow.view(-1).narrow(0, 0, 1).fill_(wild[usize::from(width_px) % 4]);
                let slow = sources::WarpedBatch::new(&sources, &flow, &crops);
                let twin = tensors::WarpedTensors::new(&resident(), &sources, &flow, &crops);
                let within = format!("{width_px}x{height_px}, {reach}");
                assert!(slow.tensor().equal(&twin.values), "{within}");
                let gradient = slow.tensor().randn_like();
                let pulls = [slow.flow_gradient(&to_vec(&gradient)), twin.flow_gradient(&gradient)];
                let [slow, twin] = pulls.map(|pull| vec![(within.clone(), pull)]);
                assert_alike(&slow, &twin, 1e-5);
            }
        }
    }
}

#[test]
fn a_step_by_tensors_has_the_gradients_of_one_in_one_pass() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    let mut trainer = trainer(&PROFILES[1], &clip);
    for whole in [true, false] {
        trainer.kernels = Kernels::OnePass;
        let one_pass = gradients(&mut trainer, &clip, whole);
        let painted = fused(&trainer, &clip, &trainer.whole(&[SAMPLE]));
        // Less room than pictures take, so that some are sent anew.
        let room = 2 * SIZE.i420_bytes();
        trainer.kernels = Kernels::Tensors(tensors::Resident::new(Device::Cpu, room));
        assert_alike(&one_pass, &gradients(&mut trainer, &clip, whole), 1e-4);
        let twin = fused(&trainer, &clip, &trainer.whole(&[SAMPLE]));
        let apart = painted[0].iter().zip(&twin[0]).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-5);
    }
}

#[test]
fn targets_on_a_device_are_those_on_the_processor() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    let trainer = trainer(&PROFILES[0], &clip);
    for window in trainer.windows.iter().chain([&trainer.whole]) {
        let crops = [Crop { sample: SAMPLE, window }];
        let twin = resident().targets(&[clip.original(&SAMPLE)], &crops);
        assert!(to_vec(&twin) == clip.targets(&crops));
    }
}

#[test]
fn steps_on_a_device_bring_nothing_back_between_two_lines_of_figures() {
    let pictures = Pictures::new();
    let clip = pictures.clip();
    let mut trainer = trainer(&PROFILES[0], &clip);
    trainer.settings = Settings { flow_steps: 2, steps: 38, ..trainer.settings };
    trainer.kernels = Kernels::Tensors(resident());
    trainer.step = 0;
    let job = Progress::Quiet.job("training", 40);
    // Steps that teach the flow, and others; the tenth of ten is the one that is read.
    for (end, visits) in [(9, 0), (10, 2), (19, 0), (20, 2), (29, 0)] {
        let before = host::visits::so_far();
        trainer.train_to(end, &clip, &job).unwrap();
        assert_eq!(host::visits::so_far() - before, visits, "step {end}");
    }
}

#[test]
fn numbers_leave_a_device_in_one_place() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/train");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Checkpoints are written between steps and read on the processor.
        if ["host.rs", "tests.rs", "checkpoint.rs"].contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for way in ["double_value(", "int64_value(", "to_device(Device::Cpu)", "is_nonzero("] {
            assert!(!text.contains(way), "{name} has {way}: host.rs does that, and counts");
        }
    }
}

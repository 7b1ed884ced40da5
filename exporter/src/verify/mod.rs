//! Decodes a finished file with the shipping runtime and holds it against its source.

pub mod ledger;
pub mod measure;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use iev_runtime::format::header::Header;
use iev_runtime::kernel::fuse::{Layers, fuse};
use iev_runtime::kernel::pack::unpack;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::{OrtRuntime, SessionOptions};
use iev_runtime::paint::stage::Precision;
use iev_runtime::picture::Picture as Decoded;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::units::views::ViewSet;
use iev_runtime::{FrameId, TimeIndex, ViewId};
use serde::{Deserialize, Serialize};

use crate::input::View;
use crate::picture::Picture;
use crate::quality::PlaneErrors;
use crate::verify::ledger::Parts;
use crate::verify::measure::{StreamFigures, measure};

/// Largest difference to the trainer's PSNR that rounding of floats explains.
pub const TRAINER_TOLERANCE_DB: f64 = 0.1;

/// Fails early when the decoder's backend is missing, before an hour of training finds out.
///
/// # Errors
/// What was looked for, and which command fetches it.
pub fn check_backend() -> Result<()> {
    OrtRuntime::find(None).context("the finished file is verified by the player")?;
    Ok(())
}

/// Opens the stream at `path` with networks on the CPU, which every machine has.
///
/// # Errors
/// The disk's, or the stream's.
pub fn open(path: &Path) -> Result<Player> {
    let options = Options::new(cpu().opener());
    Player::open(path, options).with_context(|| format!("opening {}", path.display()))
}

fn cpu() -> Backend {
    let providers = SessionOptions { providers: vec![Provider::Cpu], ..SessionOptions::default() };
    Backend::new(None, providers)
}

/// Mean luma PSNR of all views with the network in 8 bits; none where it cannot be here.
fn int8_psnr_y(path: &Path, views: &[View]) -> Result<Option<f64>> {
    let backend = cpu();
    let options = Options { precision: Precision::Int8, ..Options::new(backend.opener()) };
    let player = Player::open(path, options).context("opening in 8 bits")?;
    // One time tells, before all are decoded, whether there is a network and what it paints in.
    player.at(ViewSet::all(player.header()), TimeIndex(0)).context("decoding in 8 bits")?;
    if backend.opened().is_none_or(|opened| opened.precision != Precision::Int8) {
        return Ok(None);
    }
    let mut errors = vec![PlaneErrors::default(); views.len()];
    each_picture(&player, |view, time, picture| {
        errors[view].add(&views[view].frames[time], &picture.into());
    })?;
    let sum: f64 = errors.iter().map(|e| e.psnr_db()[0]).sum();
    Ok(Some(sum / views.len() as f64))
}

/// Hands every decoded picture of every view to `see`, in order of time, then view.
///
/// # Errors
/// What decoding meets.
pub fn each_picture(player: &Player, mut see: impl FnMut(usize, usize, &Decoded)) -> Result<()> {
    let selection = Selection::new(ViewSet::all(player.header()), player.times());
    for shown in player.play(&selection).context("decoding")? {
        let shown = shown.context("decoding")?;
        shown.frames().for_each(|(id, p)| see(id.view.0.into(), id.time.0 as usize, p));
    }
    Ok(())
}

/// All pictures of the stream at `path`, `[view][time]`, by the shipping runtime.
///
/// # Errors
/// What opening or decoding meets.
pub fn decode_file(path: &Path) -> Result<Vec<Vec<Picture>>> {
    let player = open(path)?;
    let mut views = vec![Vec::new(); player.header().views.len()];
    each_picture(&player, |view, _, picture| views[view].push(picture.into()))?;
    Ok(views)
}

/// What the player blends one implicit picture from, and the result.
#[derive(Debug, Clone)]
pub struct LayerPictures {
    /// The view.
    pub view: usize,
    /// Its anchor, warped.
    pub warped: Decoded,
    /// Painted by the network alone.
    pub implicit: Decoded,
    /// What is shown.
    pub fused: Decoded,
}

/// Hands the layers of every implicit view at `times` to `see`.
///
/// # Errors
/// What decoding meets.
pub fn each_layer(
    player: &Player,
    times: std::ops::Range<u32>,
    mut see: impl FnMut(TimeIndex, LayerPictures),
) -> Result<()> {
    let header = player.header();
    let implicit = ViewSet::all(header).implicit(header);
    if implicit.is_empty() {
        return Ok(());
    }
    let size = PackedSize::of(header.size);
    let witness = |id: FrameId, layers: &Layers<'_>| {
        let mut pictures = [(); 3].map(|()| Decoded::new(header.size));
        unpack(layers.warped0, size, &mut pictures[0]);
        unpack(layers.implicit, size, &mut pictures[1]);
        fuse(layers, size, &mut pictures[2]);
        let [warped, implicit, fused] = pictures;
        see(id.time, LayerPictures { view: id.view.0.into(), warped, implicit, fused });
    };
    let selection = Selection::new(implicit, times);
    for shown in player.decode_layers(&selection, Box::new(witness)).context("decoding")? {
        shown.context("decoding")?;
    }
    Ok(())
}

/// Luma PSNR of the layers of one implicit view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerFigures {
    /// The view.
    pub view: usize,
    /// Its anchor, warped.
    pub warped_db: f64,
    /// Painted by the network alone.
    pub implicit_db: f64,
    /// What is shown.
    pub fused_db: f64,
}

/// The player's picture against the trainer's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainerDifference {
    /// The view.
    pub view: usize,
    /// PSNR of Y, U and V as the encoder predicted it.
    pub predicted_db: [f64; 3],
    /// Largest difference over the planes.
    pub difference_db: f64,
}

/// Everything that is known of a finished file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// Bytes and quality.
    pub figures: StreamFigures,
    /// Where the bytes go.
    pub parts: Parts,
    /// What implicit views are blended from.
    pub layers: Vec<LayerFigures>,
    /// Every view against the encoder's prediction, where there is one.
    pub trainer: Vec<TrainerDifference>,
    /// Mean luma PSNR with the network in 8 bits, where this machine can.
    #[serde(default)]
    pub int8_psnr_y: Option<f64>,
}

impl Verified {
    /// Sentences about what is not as it should be.
    pub fn warnings(&self) -> Vec<String> {
        let apart = self.trainer.iter().filter(|d| d.difference_db > TRAINER_TOLERANCE_DB);
        let sentence = |d: &TrainerDifference| {
            let TrainerDifference { view, difference_db, .. } = d;
            format!(
                "view {view} decodes {difference_db:.2} dB away from what the encoder predicted, \
                 more than {TRAINER_TOLERANCE_DB} dB"
            )
        };
        apart.map(sentence).collect()
    }

    /// Mean luma PSNR of warped anchor, implicit and fused picture; none without implicit views.
    pub fn mean_layers_db(&self) -> Option<[f64; 3]> {
        let count = self.layers.len() as f64;
        let sum = |of: fn(&LayerFigures) -> f64| self.layers.iter().map(of).sum::<f64>() / count;
        let means = [sum(|l| l.warped_db), sum(|l| l.implicit_db), sum(|l| l.fused_db)];
        (!self.layers.is_empty()).then_some(means)
    }
}

/// Decodes the file at `path` and measures it against `views`.
///
/// `predicted_db` has the encoder's own PSNR of Y, U and V for each view it knows.
///
/// # Errors
/// When the file does not decode, or is not of these views.
pub fn verify(path: &Path, views: &[View], predicted_db: &[(usize, [f64; 3])]) -> Result<Verified> {
    let player = open(path)?;
    let figures = measure(path, &player, views)?;
    let against = |(view, predicted): &(usize, [f64; 3])| {
        let planes = figures.views[*view].psnr_db().into_iter().zip(*predicted);
        let difference_db = planes.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        TrainerDifference { view: *view, predicted_db: *predicted, difference_db }
    };
    let trainer = predicted_db.iter().map(against).collect();
    let layers = layer_figures(&player, views)?;
    let int8_psnr_y = int8_psnr_y(path, views)?;
    Ok(Verified { parts: Parts::of(path)?, trainer, layers, figures, int8_psnr_y })
}

fn layer_figures(player: &Player, views: &[View]) -> Result<Vec<LayerFigures>> {
    let mut errors = vec![[PlaneErrors::default(); 3]; views.len()];
    each_layer(player, player.times(), |time, layers| {
        let original = &views[layers.view].frames[time.0 as usize];
        let LayerPictures { view, warped, implicit, fused } = &layers;
        for (errors, picture) in errors[*view].iter_mut().zip([warped, implicit, fused]) {
            errors.add(original, &picture.into());
        }
    })?;
    let figures = |ViewId(view): ViewId| {
        let [warped_db, implicit_db, fused_db] = errors[usize::from(view)].map(|e| e.psnr_db()[0]);
        LayerFigures { view: view.into(), warped_db, implicit_db, fused_db }
    };
    Ok(player.header().implicit_views().map(figures).collect())
}

/// Fails unless `header` describes `views`.
///
/// # Errors
/// The numbers of both.
pub fn check_clip(header: &Header, views: &[View]) -> Result<()> {
    let of_header =
        (header.views.len(), header.frames as usize, (header.size.width(), header.size.height()));
    let first = &views[0].frames[0];
    let of_clip = (views.len(), views[0].frames.len(), (first.width, first.height));
    ensure!(
        of_header == of_clip,
        "the stream has {} views of {} pictures of {}x{}, the clip {} views of {} pictures of {}x{}",
        of_header.0,
        of_header.1,
        of_header.2.0,
        of_header.2.1,
        of_clip.0,
        of_clip.1,
        of_clip.2.0,
        of_clip.2.1,
    );
    Ok(())
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;
    use crate::encode::encode;
    use crate::encode::request::EncodeRequest;
    use crate::picture::synthetic;
    use crate::plan::Plan;
    use crate::report::encode_page::encode_page;
    use iev_runtime::format::header::Role;

    fn clip(views: usize, frames: usize) -> Vec<View> {
        let frame = |view: usize, time: usize| synthetic(65, 48, (3 * view + time) as f32);
        let view = |view: usize| View {
            path: format!("v{view}").into(),
            frames: (0..frames).map(|time| frame(view, time)).collect(),
            rate: (24, 1),
            full_range: Some(false),
            matrix: None,
        };
        (0..views).map(view).collect()
    }

    /// A stream of explicit views only, which needs neither training nor ONNX Runtime.
    #[test]
    fn the_player_shows_what_the_encoder_predicted_and_every_byte_has_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.iev");
        let views = clip(2, 5);
        let request = EncodeRequest { qp: 24, ..EncodeRequest::default() };
        let mut settings = request.settings(&views, path.clone(), None, true).unwrap();
        let gops = vec![(0, 3), (3, 2)];
        settings.plan = Plan { roles: vec![Role::Explicit; 2], gops, keys_per_gop: 0 };
        let encoded = encode(&views, &settings).unwrap();

        let decoded = decode_file(&path).unwrap();
        assert_eq!((decoded.len(), decoded[1].len()), (2, 5));
        let verified = verify(&path, &views, &encoded.predicted_db()).unwrap();
        assert!(verified.figures.psnr_y > 30.0, "{verified:?}");
        assert_eq!(verified.parts.total(), encoded.bytes);
        assert_eq!(verified.parts.anchor, encoded.parts.iter().map(|p| p.1 as u64).sum::<u64>());
        assert!(verified.trainer.iter().all(|d| d.difference_db == 0.0), "{verified:?}");
        assert!(verified.warnings().is_empty() && verified.mean_layers_db().is_none());
        let page = encode_page(&path, &views, &verified).unwrap();
        assert_eq!(page.matches("data:image/png").count(), 4);

        let wrong = verify(&path, &clip(2, 4), &[]).unwrap_err();
        assert!(wrong.to_string().contains("views of 5 pictures of 65x48"), "{wrong}");
        let far = verify(&path, &views, &[(1, [0.0; 3])]).unwrap().warnings();
        assert!(far[0].starts_with("view 1 decodes"), "{far:?}");
    }
}

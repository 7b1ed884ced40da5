//! What the shipping player shows of a stream.

use std::path::Path;

use iev_runtime::format::header::Header;
use iev_runtime::format::views::ViewSet;
use iev_runtime::kernel::fuse::{Layers, fuse};
use iev_runtime::kernel::pack::unpack;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::opening::{NetworkPath, Precision};
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::{OrtRuntime, SessionOptions};
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::{FrameIndex, PictureId};

use crate::error::{Context, Result, ensure};
use crate::input::View;
use crate::picture::{Picture, PictureExt};
use crate::stop;

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
    open_by(NetworkPath::Split, Precision::F32, path).map(|(player, _)| player)
}

/// The same with implicit pictures painted by another path or in other numbers, and what opens its networks.
pub(super) fn open_by(
    network: NetworkPath,
    precision: Precision,
    path: &Path,
) -> Result<(Player, Backend)> {
    let providers = SessionOptions { providers: vec![Provider::Cpu], ..SessionOptions::default() };
    let backend = Backend::new(None, providers);
    let options = Options { path: network, precision, ..Options::new(backend.opener()) };
    let player = Player::open(path, options);
    Ok((player.with_context(|| format!("opening {}", path.display()))?, backend))
}

/// Hands every decoded picture of every view to `see`, in order of time, then view.
///
/// # Errors
/// What decoding meets.
pub fn each_picture(player: &Player, mut see: impl FnMut(usize, usize, &Picture)) -> Result<()> {
    let selection = Selection::new(ViewSet::all(player.header()), player.frames());
    for shown in player.play(&selection).context("decoding")? {
        stop::check()?;
        let shown = shown.context("decoding")?;
        shown.with_ids().for_each(|(id, p)| see(id.view.0.into(), id.frame.0 as usize, p));
    }
    Ok(())
}

/// All pictures of the stream at `path`, `[view][frame]`, by the shipping runtime.
///
/// # Errors
/// What opening or decoding meets.
pub fn decode_file(path: &Path) -> Result<Vec<Vec<Picture>>> {
    let player = open(path)?;
    let mut views = vec![Vec::new(); player.header().views.len()];
    each_picture(&player, |view, _, picture| views[view].push(picture.clone()))?;
    Ok(views)
}

/// Fails unless `header` describes `views`.
///
/// # Errors
/// The numbers of both.
pub fn check_clip(header: &Header, views: &[View]) -> Result<()> {
    let of_header =
        (header.views.len(), header.frames as usize, (header.size.width(), header.size.height()));
    let first = &views[0].frames[0];
    let of_clip = (views.len(), views[0].frames.len(), (first.width(), first.height()));
    ensure!(
        of_header == of_clip,
        "views, pictures and size are {} of {} of {}x{} in the stream, and {} of {} of {}x{} in the clip",
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

/// What the player blends one implicit picture from, and the result.
#[derive(Debug, Clone)]
pub struct LayerPictures {
    /// The view.
    pub view: usize,
    /// Its anchor, warped.
    pub warped: Picture,
    /// Painted by the network alone.
    pub implicit: Picture,
    /// What is shown.
    pub fused: Picture,
}

/// Hands the layers of every implicit view at `frames` to `see`.
///
/// # Errors
/// What decoding meets.
pub fn each_layer(
    player: &Player,
    frames: std::ops::Range<u32>,
    mut see: impl FnMut(FrameIndex, LayerPictures),
) -> Result<()> {
    let header = player.header();
    let implicit = ViewSet::all(header).implicit(header);
    if implicit.is_empty() {
        return Ok(());
    }
    let size = PackedSize::of(header.size);
    // The layers are packed as the network has them; the fused one is made by the player's own code.
    let witness = |id: PictureId, layers: &Layers<'_>| {
        let mut pictures = [(); 3].map(|()| Picture::new(header.size));
        unpack(layers.warped0, size, &mut pictures[0]);
        unpack(layers.implicit, size, &mut pictures[1]);
        fuse(layers, size, &mut pictures[2]);
        let [warped, implicit, fused] = pictures;
        see(id.frame, LayerPictures { view: id.view.0.into(), warped, implicit, fused });
    };
    let selection = Selection::new(implicit, frames);
    for shown in player.decode_layers(&selection, Box::new(witness)).context("decoding")? {
        stop::check()?;
        shown.context("decoding")?;
    }
    Ok(())
}

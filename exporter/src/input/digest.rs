//! Which clip it is.

use sha2::{Digest, Sha256};

use iev_runtime::format::cameras::Cameras;
use iev_runtime::format::header::Colour;

use super::{SourceFacts, View};
use crate::picture::PictureExt;

/// SHA-256 of all pictures of all views, their rate, and what is known of their colour and pixel aspect.
pub fn clip_digest(views: &[View]) -> String {
    let mut hash = Sha256::new();
    for view in views {
        let first = view.frames.first().map_or((0, 0), |f| (f.width(), f.height()));
        hash.update(format!("{:?} {} {first:?}\n", view.rate, view.frames.len()));
        if view.told.full_range == Some(true) {
            hash.update("full range\n");
        }
        let SourceFacts { primaries, transfer, matrix, sampling, .. } = view.told;
        if [primaries, transfer, matrix] != [Colour::UNKNOWN; 3] {
            hash.update(format!("colour {primaries} {transfer} {matrix}\n"));
        }
        if ![(0, 0), (1, 1)].contains(&sampling.pixel_aspect) {
            hash.update(format!("aspect {:?}\n", sampling.pixel_aspect));
        }
        view.frames.iter().for_each(|frame| hash.update(frame.i420()));
    }
    hex::encode(hash.finalize())
}

/// The digest of a clip whose `cameras` are sent along.
pub fn digest_with(cameras: Option<&Cameras>, clip: String) -> String {
    let Some(cameras) = cameras else { return clip };
    hex::encode(Sha256::new().chain_update(clip).chain_update(cameras.encode()).finalize())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_digest_of_a_clip_has_what_its_header_says() {
        let view = |rate, full_range| {
            let frames = vec![crate::picture::PictureExt::zeros(2, 2)];
            let mut view = View::new(PathBuf::new(), frames, rate);
            view.told.full_range = full_range;
            view
        };
        let told = |told| View { told, ..view((24, 1), None) };
        let digest = |view| clip_digest(&[view]);
        let plain = digest(view((24, 1), None));
        assert_eq!(digest(view((24, 1), Some(false))), plain, "limited unless said otherwise");
        assert_ne!(digest(view((24, 1), Some(true))), plain);
        assert_ne!(digest(view((25, 1), None)), plain);
        assert_ne!(digest(told(SourceFacts { matrix: 1, ..SourceFacts::NOTHING })), plain);
        let mut wide = SourceFacts::NOTHING;
        wide.sampling.pixel_aspect = (64, 45);
        assert_ne!(digest(told(wide)), plain);
    }
}

//! What the benchmarks feed the player's parts with.

use iev_runtime::format::header::{Colour, Header, Role, Sampling, Second};
use iev_runtime::network::templates::Templates;
use iev_runtime::profile::Profile;
use iev_runtime::{Size, ViewId};

/// A small picture.
pub const SMALL: Size = Size { width_px: 480, height_px: 272 };

/// −1‥1.
pub fn noises(count: usize, seed: u32) -> Vec<f32> {
    let noise = |i: usize| (i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8;
    (0..count).map(|i| noise(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

/// One explicit view and `views` that `profile` paints from it, in [`SMALL`] pictures.
pub fn header(profile: &Profile, views: usize) -> Header {
    let implicit = Role::Implicit { anchor: ViewId(0), second: Second::Key };
    Header {
        profile: profile.name.try_into().expect("a profile's name is short"),
        template_sha256: Templates::of(profile.name).expect("every profile has one").sha256(),
        size: SMALL,
        rate: (30, 1),
        frames: 1,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: std::iter::once(Role::Explicit).chain(vec![implicit; views]).collect(),
    }
}

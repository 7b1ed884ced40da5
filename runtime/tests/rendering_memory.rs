//! Memory: a renderer holds no more than is counted for it, however many views a head comes by.
#![cfg(all(feature = "player", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod process_memory;
mod scene;

use iev_runtime::render::{MOST_SOURCES, Renderer, Viewpoint};
use iev_runtime::{Picture, Size, ViewId};
use process_memory::status;

/// Cameras in a row.
const VIEWS: usize = 16;
const SIZE: Size = Size { width_px: 640, height_px: 384 };

#[test]
fn a_head_that_comes_by_many_views_holds_no_more_than_counted() {
    let cameras = scene::cameras_of(VIEWS, SIZE);
    let at = |view: usize| Viewpoint::of_camera(&cameras.views[view], SIZE);
    let pictures: Vec<_> = (0..VIEWS).map(|view| scene::picture(&at(view))).collect();
    let mut out = Picture::new(SIZE);
    let mut held = |most: usize| {
        let before = status("VmRSS");
        let mut renderer = Renderer::new(SIZE, &cameras);
        let mut largest = 0;
        for first in 0..=most - MOST_SOURCES {
            let views = first..first + MOST_SOURCES;
            renderer.take(views.map(|view| (ViewId(view as u8), &pictures[view])));
            // Between the cameras; a view that comes again is as new as one that comes for the first time.
            let seen = renderer.render(&at(first + 1).moved_right(0.1), &mut out);
            assert!(seen > 0.9, "{seen} from view {first} on");
            largest = status("VmRSS").saturating_sub(before).max(largest);
        }
        largest
    };
    let few = held(MOST_SOURCES);
    let counted = Renderer::bytes(SIZE, MOST_SOURCES, MOST_SOURCES);
    println!("{MOST_SOURCES} views hold {} KiB, counted {} KiB", few >> 10, counted >> 10);
    assert!(few <= counted && counted <= 3 * few, "held {few}, counted {counted}");
    let many = held(VIEWS);
    let counted = Renderer::bytes(SIZE, VIEWS, MOST_SOURCES);
    println!("{VIEWS} views hold {} KiB, counted {} KiB", many >> 10, counted >> 10);
    assert!(
        many <= counted && counted < Renderer::bytes(SIZE, VIEWS, VIEWS),
        "held {many}, counted {counted}"
    );
}

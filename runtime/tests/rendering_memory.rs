//! Memory: a renderer holds no more than is counted for it, however many views a head comes by.
#![cfg(all(feature = "player", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod scene;

use iev_runtime::format::cameras::{Camera, Cameras};
use iev_runtime::render::{MOST_SOURCES, Renderer, Viewpoint};
use iev_runtime::{Picture, Size, ViewId};

/// Cameras in a row.
const VIEWS: usize = 16;
const SIZE: Size = Size { width_px: 640, height_px: 384 };

/// Bytes of the program that are in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn a_head_that_comes_by_many_views_holds_no_more_than_counted() {
    let own = scene::cameras(VIEWS).views;
    let views = own.iter().map(|camera| {
        let at = Viewpoint::of_camera(camera, scene::SIZE).resized(SIZE);
        let position = at.position.coords.into();
        Camera::of_numbers(position, at.rotation, at.focal_px, at.centre_px).unwrap()
    });
    let cameras = Cameras { views: views.collect() };
    let at = |view: usize| Viewpoint::of_camera(&cameras.views[view], SIZE);
    let pictures: Vec<_> = (0..VIEWS).map(|view| scene::picture(&at(view))).collect();
    let mut out = Picture::new(SIZE);
    let mut held = |most: usize| {
        let before = resident();
        let mut renderer = Renderer::new(SIZE, &cameras);
        let mut largest = 0;
        for first in 0..=most - MOST_SOURCES {
            let views = first..first + MOST_SOURCES;
            renderer.take(views.map(|view| (ViewId(view as u8), &pictures[view])));
            // Between the cameras; a view that comes again is as new as one that comes for the first time.
            let seen = renderer.render(&at(first + 1).moved_right(0.1), &mut out);
            assert!(seen > 0.9, "{seen} from view {first} on");
            largest = resident().saturating_sub(before).max(largest);
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

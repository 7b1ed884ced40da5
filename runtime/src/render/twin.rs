//! What a band renders, a pixel at a time and as it is told: the definition that [`band`](super::band) is equal to.

use super::MOST_SOURCES;
use super::cubic;
use super::paint::{fine, fine_chroma, whole_sample};
use super::relief::{GRID, Relief};
use super::shot::{MAIN, Shot};
use super::trust::SOLID;
use super::viewpoint::Spot;
use super::warp::{MOST_ZOOM, NOTHING};
use crate::picture::{Picture, Plane};
use crate::units::Size;

/// What a source has for every cell of the viewpoint, or [`NOTHING`].
struct Slow {
    solid: Vec<f32>,
    doubtful: Vec<f32>,
}

fn pixels(size: Size) -> impl Iterator<Item = (usize, usize)> {
    (0..size.height()).flat_map(move |row| (0..size.width()).map(move |column| (column, row)))
}

fn warp(shot: &Shot<'_>, size: Size) -> Slow {
    let nothing = || vec![NOTHING; size.width() * size.height()];
    let mut slow = Slow { solid: nothing(), doubtful: nothing() };
    let front = &shot.relief.front;
    for row in 0..front.rows {
        for column in 0..front.columns {
            let point = front.point(row * front.columns + column);
            let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
            let [_, _, ahead] = shot.forth.row(x, y, point.nearness());
            let spot = Spot { x, y, nearness: point.nearness() };
            let Some(there) = shot.forth.at(spot) else { continue };
            let solid = point.trust() >= SOLID;
            let plane = if solid { &mut slow.solid } else { &mut slow.doubtful };
            put(plane, size, there, shot.zoom * (1.0 / ahead));
        }
    }
    close(&mut slow.solid, size, shot.tolerance);
    slow
}

/// Puts a square of `side` pixels, at least the one that it falls on.
fn put(plane: &mut [f32], size: Size, spot: Spot, side: f32) {
    let reach = 0.5 * side.clamp(1.0, MOST_ZOOM) - 0.5;
    let on = |middle: f32, pixel: usize| {
        (middle - reach).floor() <= pixel as f32 && pixel as f32 <= (middle + reach).floor()
    };
    for (column, row) in pixels(size) {
        if on(spot.x, column) && on(spot.y, row) {
            let nearness = &mut plane[row * size.width() + column];
            *nearness = nearness.max(spot.nearness);
        }
    }
}

fn close(plane: &mut [f32], size: Size, tolerance: f32) {
    let before = plane.to_vec();
    let (columns, rows) = (size.width(), size.height());
    for (column, row) in pixels(size) {
        if column == 0 || column == columns - 1 {
            continue;
        }
        let at = |across: isize, down: isize| {
            let row = row.saturating_add_signed(down).min(rows - 1);
            before[row * columns + column.saturating_add_signed(across)]
        };
        for (across, down) in [(1, 0), (0, 1), (1, 1), (-1, 1)] {
            let (one, other) = (at(-across, -down), at(across, down));
            if (one - other).abs() < tolerance && one.min(other) > at(0, 0) + tolerance {
                let nearness = &mut plane[row * columns + column];
                *nearness = nearness.max(0.5 * (one + other));
            }
        }
    }
}

fn surface(shots: &[Shot<'_>], warped: &[Slow], at: usize, tolerance: f32) -> f32 {
    let trusted = |spare: bool| {
        let own = shots.iter().zip(warped).filter(|(shot, _)| shot.spare == spare);
        let own = own.map(|(shot, slow)| (shot.weight, slow.solid[at]));
        let nearest = own.clone().fold(NOTHING, |nearest, (_, own)| nearest.max(own));
        let same = own.filter(|(_, own)| *own >= 0.0 && *own >= nearest - tolerance);
        let sums = same.fold((0.0, 0.0), |(s, t), (weight, own)| (s + weight * own, t + weight));
        (nearest >= 0.0).then_some(sums.0 / sums.1)
    };
    let doubtful = warped.iter().fold(NOTHING, |front, slow| front.max(slow.doubtful[at]));
    trusted(false).or_else(|| trusted(true)).unwrap_or(doubtful)
}

/// A sample of a plane, whose edges go on beyond them.
fn sample(picture: &Picture, plane: Plane, column: i32, row: i32) -> i32 {
    let (columns, rows) = picture.plane_size(plane);
    let inside = |place: i32, end: usize| place.clamp(0, end as i32 - 1) as usize;
    i32::from(picture.plane(plane)[inside(row, rows) * columns + inside(column, columns)])
}

fn cubic(picture: &Picture, x: f32, y: f32) -> f32 {
    let places = [x, y].map(fine);
    let [left, top] = places.map(|place| place.div_euclid(cubic::PHASES as i32));
    let weights = places.map(|place| cubic::taps(place).to_le_bytes().map(|tap| tap as i8));
    let mut sum = 0;
    for (line, down) in (top - 1..).zip(weights[1]) {
        for (column, across) in (left - 1..).zip(weights[0]) {
            let sample = sample(picture, Plane::Y, column, line);
            sum += sample * i32::from(across) * i32::from(down);
        }
    }
    sum as f32 / cubic::SCALE
}

fn linear(picture: &Picture, plane: Plane, x: f32, y: f32) -> f32 {
    let (x, y, one) = (fine_chroma(x), fine_chroma(y), cubic::PHASES as i32);
    let (left, top) = (x.div_euclid(one), y.div_euclid(one));
    let (across, down) = (x.rem_euclid(one), y.rem_euclid(one));
    let line = |row: i32| {
        let [l, r] = [left, left + 1].map(|column| sample(picture, plane, column, row));
        l * (one - across) + r * across
    };
    (line(top) * (one - down) + line(top + 1) * down) as f32 / cubic::SCALE
}

/// Nearness of a pixel, given that of every cell.
fn spread(surfaces: &[f32], cells: Size, (column, row): (usize, usize), tolerance: f32) -> f32 {
    let beside = |at: usize, count: usize| {
        let by = if at.is_multiple_of(GRID) { -1 } else { 1 };
        (at / GRID).saturating_add_signed(by).min(count - 1)
    };
    let (x, y) = (beside(column, cells.width()), beside(row, cells.height()));
    let at = |column: usize, row: usize| surfaces[row * cells.width() + column];
    let level = |column: usize| towards(at(column, row / GRID), at(column, y), tolerance);
    towards(level(column / GRID), level(x), tolerance)
}

fn towards(own: f32, other: f32, tolerance: f32) -> f32 {
    let alike = own >= 0.0 && other >= 0.0 && (own - other).abs() < tolerance;
    if alike { own + 0.25 * (other - own) } else { own }
}

/// The farthest surface in the cells around a pixel, where it is behind that of the pixel.
fn behind(surfaces: &[f32], cells: Size, (column, row): (usize, usize), most: f32) -> Option<f32> {
    let near =
        |(x, y): (usize, usize)| x.abs_diff(column / GRID) <= 1 && y.abs_diff(row / GRID) <= 1;
    let around = pixels(cells).zip(surfaces).filter(|(cell, own)| near(*cell) && **own >= 0.0);
    around.map(|(_, own)| *own).min_by(f32::total_cmp).filter(|least| *least < most)
}

/// Samples of the point at `spot` by the main sources or by the spare ones; none where none of them sees it.
fn pixel(shots: &[Shot<'_>], pictures: &[&Picture], spare: bool, spot: Spot) -> Option<[u8; 3]> {
    let (mut sums, mut total) = ([0.0; 3], 0.0);
    for (shot, picture) in shots.iter().zip(pictures).filter(|(shot, _)| shot.spare == spare) {
        let Some(there) = shot.back.at(spot) else { continue };
        let relief = shot.relief;
        let inside = there.x >= 0.0
            && there.y >= 0.0
            && there.x < relief.columns as f32
            && there.y < relief.rows as f32;
        if !inside || (spare && total > 0.0) {
            continue;
        }
        let point = relief.point(there.y as usize * relief.columns + there.x as usize);
        let off = (point.nearness() - there.nearness).abs() * (1.0 / shot.tolerance);
        let weight = shot.weight * point.trust() * (1.0 - 0.5 * off);
        if weight > 0.0 {
            sums[0] += weight * cubic(picture, there.x, there.y);
            sums[1] += weight * linear(picture, Plane::U, there.x, there.y);
            sums[2] += weight * linear(picture, Plane::V, there.x, there.y);
            total += weight;
        }
    }
    (total > 0.0).then(|| sums.map(|sum| whole_sample(sum / total)))
}

/// Renders a picture of `size`; the nearness of its pixels.
fn render(shots: &[Shot<'_>], pictures: &[&Picture], out: &mut Picture) -> Vec<f32> {
    let (size, (chroma_columns, _)) = (out.size(), out.plane_size(Plane::U));
    let side = |side: usize| side.div_ceil(GRID) as u16;
    let cells = Size { width_px: side(size.width()), height_px: side(size.height()) };
    let warped: Vec<_> = shots.iter().map(|shot| warp(shot, cells)).collect();
    let tolerance = shots.iter().fold(0.0, |most: f32, shot| most.max(shot.tolerance));
    let count = cells.width() * cells.height();
    let surfaces: Vec<_> = (0..count).map(|at| surface(shots, &warped, at, tolerance)).collect();
    let seen = pixels(size).enumerate().map(|(at, place)| {
        let nearness = spread(&surfaces, cells, place, tolerance);
        if nearness < 0.0 {
            return NOTHING;
        }
        let (column, row) = place;
        let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
        let paint = |nearness: f32, spare: bool| {
            let samples = pixel(shots, pictures, spare, Spot { x, y, nearness })?;
            Some((nearness, samples))
        };
        let further = || behind(&surfaces, cells, place, nearness - tolerance);
        let painted = paint(nearness, false);
        let painted = painted.or_else(|| paint(further()?, false));
        let painted = painted.or_else(|| paint(nearness, true));
        let Some((nearness, [y, u, v])) = painted else { return NOTHING };
        out.plane_mut(Plane::Y)[at] = y;
        if column % 2 == 0 && row % 2 == 0 {
            let at = row / 2 * chroma_columns + column / 2;
            (out.plane_mut(Plane::U)[at], out.plane_mut(Plane::V)[at]) = (u, v);
        }
        nearness
    });
    seen.collect()
}

mod tests {
    use nalgebra::{Point3, UnitQuaternion, Vector3};

    use super::super::band::{Band, Part};
    use super::super::blocks::Blocks;
    use super::super::depth::DepthMap;
    use super::super::padded::PaddedPicture;
    use super::super::viewpoint::{Transfer, Viewpoint};
    use super::*;

    struct View {
        camera: Viewpoint,
        picture: Picture,
        padded: PaddedPicture,
        relief: Relief,
    }

    /// A thing before a slope, whose depth is off here and there.
    fn view(size: Size, number: usize, random: &mut impl FnMut() -> f32) -> View {
        let (columns, rows) = (size.width(), size.height());
        let mut picture = Picture::new(size);
        picture.i420_mut().iter_mut().for_each(|sample| *sample = (random() * 255.0) as u8);
        let mut map = DepthMap::new(columns, rows);
        for (at, (column, row)) in pixels(size).enumerate() {
            let near = (columns / 3..columns / 2).contains(&column) && row > rows / 3;
            let noise = 0.01 * random();
            map.nearness[at] =
                if near { 0.4 } else { 0.1 + 0.1 * row as f32 / rows as f32 } + noise;
            map.trust[at] = random();
        }
        map.nearness[0] = 0.0;
        let (mut padded, mut relief) = (PaddedPicture::new(size), Relief::new(size));
        padded.fill(&picture);
        let mut all = Blocks::new(columns.div_ceil(GRID), rows.div_ceil(GRID));
        all.mark_all();
        relief.fill(&map, 0.03, (&all, GRID));
        let [width, height] = [columns, rows].map(|side| side as f64);
        let camera = Viewpoint {
            position: Point3::new(0.3 * number as f64, 0.01 * number as f64, 0.0),
            rotation: UnitQuaternion::from_euler_angles(0.0, -0.02 * number as f64, 0.01),
            focal_px: [width, width],
            centre_px: [0.5 * width, 0.5 * height],
            size,
        };
        View { camera, picture, padded, relief }
    }

    #[test]
    fn bands_are_rendered_as_the_definition_says() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut seed = 5_u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 24) as f32
        };
        for (width_px, height_px, count) in [(1, 1, 1), (70, 21, 4), (33, 40, 2), (65, 9, 3)] {
            let size = Size { width_px, height_px };
            let views: Vec<_> = (0..count).map(|number| view(size, number, &mut random)).collect();
            let head = views[0].camera.moved_right(0.13);
            let forward = head.position + Vector3::new(0.0, 0.0, 1.2);
            let behind = UnitQuaternion::from_euler_angles(0.0, 3.0, 0.0);
            let larger = Size { width_px: width_px + 37, height_px: height_px + 2 };
            let poses = [
                head,
                Viewpoint { position: forward, ..head },
                Viewpoint { rotation: behind * head.rotation, ..head },
                head.resized(larger),
                Viewpoint { position: Point3::new(-1e7, 1e9, -1e12), ..head },
                Viewpoint { centre_px: [1e12, -1e12], ..head },
            ];
            for (number, at) in poses.iter().enumerate() {
                compare(&views, at, &format!("{size:?}, pose {number}"));
            }
        }
    }

    fn compare(views: &[View], at: &Viewpoint, what: &str) {
        let mut seen = vec![Vec::new(); views.len()];
        let zoom = at.focal_px[0] as f32 / views[0].camera.focal_px[0] as f32;
        for (view, seen) in views.iter().zip(&mut seen) {
            let cells = at.shrunk(GRID);
            let way = (Transfer::between(&view.camera.shrunk(GRID), &cells), zoom);
            view.relief.front.see(way, cells.size, seen);
        }
        let shots = (0_u8..).zip(views.iter().zip(&seen)).map(|(number, (view, seen))| Shot {
            picture: &view.padded,
            relief: &view.relief,
            seen,
            forth: Transfer::between(&view.camera.shrunk(GRID), &at.shrunk(GRID)),
            zoom,
            back: Transfer::between(at, &view.camera),
            weight: 1.0 / (1.0 + f32::from(number)),
            spare: usize::from(number) >= MAIN,
            tolerance: 0.03 + 0.001 * f32::from(number),
        });
        let shots: Vec<_> = shots.collect();
        assert!(shots.len() <= MOST_SOURCES);
        let pictures: Vec<_> = views.iter().map(|view| &view.picture).collect();
        let (mut slow, mut fast) = (Picture::new(at.size), Picture::new(at.size));
        let expected = render(&shots, &pictures, &mut slow);
        let (columns, height) = (at.size.width(), at.size.height());
        for (rows, wide) in [(height, true), (height, false), (16, true), (6, false)] {
            let rows = rows.next_multiple_of(2);
            let mut nearness = vec![7.0; columns * height];
            let mut band = Band::default();
            let [luma, blue, red] = fast.planes_mut();
            let chroma = columns.div_ceil(2) * rows / 2;
            let planes = luma.chunks_mut(columns * rows).zip(blue.chunks_mut(chroma));
            let planes = planes.zip(red.chunks_mut(chroma));
            let parts = nearness.chunks_mut(columns * rows).zip(planes).enumerate();
            for (number, (nearness, ((luma, blue), red))) in parts {
                let rows = number * rows..((number + 1) * rows).min(height);
                let planes = [luma, blue, red];
                let band = &mut band;
                let mut part = Part { band, rows, columns, height, nearness, planes };
                if wide { part.render(&shots) } else { part.render_rows(&shots) }
            }
            let held = |at: &usize| expected[*at] >= 0.0;
            let wrong =
                (0..expected.len()).find(|at| (expected[*at] - nearness[*at]).abs() > 1e-30);
            assert_eq!(wrong, None, "{what}, nearness in bands of {rows}, {wide}");
            for plane in Plane::ALL {
                let columns_of = |plane| slow.plane_size(plane).0;
                let shift = usize::from(plane != Plane::Y);
                let places = (0..slow.plane(plane).len()).filter(|at| {
                    let (row, column) = (at / columns_of(plane), at % columns_of(plane));
                    held(&((row << shift) * columns + (column << shift)))
                });
                let wrong = { places }.find(|at| slow.plane(plane)[*at] != fast.plane(plane)[*at]);
                assert_eq!(wrong, None, "{what}, {plane:?} in bands of {rows}, {wide}");
            }
        }
    }
}

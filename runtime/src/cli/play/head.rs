//! A drag of the mouse as the place of a head.

use iev_runtime::ViewId;
use iev_runtime::format::cameras::Cameras;
use iev_runtime::render::Viewpoint;
use nalgebra::{Point3, Vector3};

/// How a drag moves a head.
pub(super) enum Head {
    /// Among cameras: to the right and down as it sees it, by as far as cameras stand apart in a drag across the window.
    Among { span: f64 },
    /// Without cameras: views one after another from left to right.
    Row { views: u8 },
}

/// Where a drag begins, and where it leads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    At(Viewpoint),
    View(ViewId),
}

impl Head {
    pub(super) fn new(cameras: Option<&Cameras>, views: usize) -> Self {
        cameras
            .map_or(Self::Row { views: views as u8 }, |cameras| Self::Among { span: span(cameras) })
    }

    /// The place for a drag that began at `from` and has gone `right` and `down` across the window, in parts of its sides.
    pub(super) fn moved(&self, from: Place, [right, down]: [f64; 2]) -> Place {
        match (self, from) {
            (Self::Among { span }, Place::At(at)) => {
                let by = at.rotation * Vector3::new(right, down, 0.0) * *span;
                Place::At(Viewpoint { position: at.position + by, ..at })
            }
            (Self::Row { views }, Place::View(from)) => {
                let to = f64::from(from.0) + (right * f64::from(*views)).round();
                Place::View(ViewId(to.clamp(0.0, f64::from(views.saturating_sub(1))) as u8))
            }
            (_, elsewhere) => elsewhere,
        }
    }
}

/// The longest way between two cameras.
fn span(cameras: &Cameras) -> f64 {
    let places: Vec<Point3<f64>> = cameras.views.iter().map(|camera| camera.position()).collect();
    let ways = places.iter().flat_map(|a| places.iter().map(move |b| (a - b).norm()));
    ways.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use iev_runtime::Size;
    use iev_runtime::format::cameras::Camera;
    use nalgebra::UnitQuaternion;

    use super::*;

    #[test]
    fn a_drag_goes_to_where_the_head_sees_right_and_down() {
        let size = Size { width_px: 32, height_px: 32 };
        let camera = |x: f64, roll: f64| {
            let rotation = UnitQuaternion::from_euler_angles(0.0, 0.0, roll);
            Camera::of_numbers([x, 0.0, 0.0], rotation, [40.0; 2], [16.0; 2]).unwrap()
        };
        for (roll, drag, expected) in [
            (0.0, [0.5, 0.0], [1.0, 0.0]),
            (0.0, [-0.25, 0.125], [-0.5, 0.25]),
            (std::f64::consts::FRAC_PI_2, [0.5, 0.0], [0.0, 1.0]),
        ] {
            let views = [-1.0, 0.0, 1.0].map(|x| camera(x, roll));
            let cameras = Cameras { views: views.into_iter().collect() };
            let from = Viewpoint::of_camera(&cameras.views[1], size);
            let head = Head::new(Some(&cameras), 3);
            let Place::At(at) = head.moved(Place::At(from), drag) else { panic!("no pose") };
            let off = at.position.coords.xy() - nalgebra::Vector2::from(expected);
            assert!(off.norm() < 1e-6, "{roll} {drag:?}: {}", at.position);
        }
    }

    #[test]
    fn without_cameras_views_lie_in_a_row() {
        let head = Head::new(None, 5);
        for (from, right, view) in [(2, 0.2, 3), (2, 0.05, 2), (2, 9.0, 4), (2, -0.41, 0)] {
            let place = head.moved(Place::View(ViewId(from)), [right, 0.7]);
            assert_eq!(place, Place::View(ViewId(view)), "{right}");
        }
    }
}

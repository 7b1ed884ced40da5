//! A drag of the mouse as the place of a head.

use iev_runtime::ViewId;
use iev_runtime::format::cameras::Cameras;
use nalgebra::{Point3, Vector3};

/// Where a drag leads.
pub(super) enum Head {
    /// Among cameras: the head moves with the mouse, to the right and down as the camera sees it, by as far as cameras
    /// stand apart in a drag across the window.
    Among(Box<Cameras>),
    /// Without cameras: views one after another from left to right.
    Row(u8),
}

impl Head {
    pub(super) fn new(cameras: Option<Cameras>, views: usize) -> Self {
        cameras.map_or(Self::Row(views as u8), |cameras| Self::Among(Box::new(cameras)))
    }

    /// The view for a drag that began on `from` and has gone `right` and `down` across the window, in parts of its sides.
    pub(super) fn view(&self, from: ViewId, [right, down]: [f64; 2]) -> ViewId {
        match self {
            Self::Among(cameras) => nearest(cameras, from, [right, down]).unwrap_or(from),
            Self::Row(views) => {
                let to = f64::from(from.0) + (right * f64::from(*views)).round();
                ViewId(to.clamp(0.0, f64::from(views.saturating_sub(1))) as u8)
            }
        }
    }
}

fn nearest(cameras: &Cameras, from: ViewId, [right, down]: [f64; 2]) -> Option<ViewId> {
    let camera = cameras.views.get(usize::from(from.0))?;
    let span = span(cameras);
    let moved = camera.rotation() * Vector3::new(right, down, 0.0) * span;
    cameras.nearest(camera.position() + moved)
}

/// The longest way between two cameras.
fn span(cameras: &Cameras) -> f64 {
    let places: Vec<Point3<f64>> = cameras.views.iter().map(|camera| camera.position()).collect();
    let ways = places.iter().flat_map(|a| places.iter().map(move |b| (a - b).norm()));
    ways.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use iev_runtime::format::cameras::Camera;
    use nalgebra::UnitQuaternion;

    use super::*;

    #[test]
    fn a_drag_goes_to_where_the_camera_sees_right_and_down() {
        let place = |position, turn| Camera::of_numbers(position, turn, [40.0; 2], [16.0; 2]);
        let ahead = UnitQuaternion::identity();
        let rolled = UnitQuaternion::from_euler_angles(0.0, 0.0, std::f64::consts::FRAC_PI_2);
        let places = [[-1.0, 0.0, 0.0], [0.0; 3], [1.0, 0.0, 0.0]];
        let row = |turn| Cameras { views: places.iter().filter_map(|p| place(*p, turn)).collect() };
        let (straight, rolled) = (Head::new(Some(row(ahead)), 3), Head::new(Some(row(rolled)), 3));
        let rows = [
            (&straight, [0.5, 0.0], 2),
            (&straight, [-0.5, 0.0], 0),
            (&straight, [0.0, 0.5], 1),
            (&straight, [0.2, 0.0], 1),
            (&rolled, [0.0, -0.5], 2),
            (&rolled, [0.0, 0.5], 0),
        ];
        for (head, drag, view) in rows {
            assert_eq!(head.view(ViewId(1), drag), ViewId(view), "{drag:?}");
        }
    }

    #[test]
    fn without_cameras_views_lie_in_a_row() {
        let head = Head::new(None, 5);
        for (from, right, view) in [(2, 0.2, 3), (2, 0.05, 2), (2, 9.0, 4), (2, -0.41, 0)] {
            assert_eq!(head.view(ViewId(from), [right, 0.7]), ViewId(view), "{right}");
        }
    }
}

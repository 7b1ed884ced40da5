//! Pictures in bytes as a session has them: planes padded to whole blocks.

use std::ffi::CStr;

use heapless::Vec as FixedVec;

use super::port::TensorPort;
use crate::error::Result;
use crate::format::header::MAX_VIEWS;
use crate::picture::{Picture, Plane};
use crate::units::{PictureId, Size};

/// Most pictures that a batch copies from.
pub(super) const MAX_SOURCES: usize = 2 * MAX_VIEWS;

/// Some pictures: luma `[pictures, 1, rows, columns]`, chroma `[pictures, 2, rows / 2, columns / 2]`.
#[derive(Debug)]
pub(super) struct PicturePort {
    pub(super) luma: TensorPort<u8>,
    pub(super) chroma: TensorPort<u8>,
}

impl PicturePort {
    pub(super) fn new([luma, chroma]: [&'static CStr; 2], most: usize, size: Size) -> Result<Self> {
        let [(columns, rows), (half_columns, half_rows)] = [size.cells(1), size.cells(2)];
        Ok(Self {
            luma: TensorPort::new(luma, [most, 1, rows, columns])?,
            chroma: TensorPort::new(chroma, [most, 2, half_rows, half_columns])?,
        })
    }

    /// Puts `picture` at `place`, its border repeated into the padding.
    pub(super) fn put(&mut self, place: usize, picture: &Picture) {
        for plane in Plane::ALL {
            let (columns, rows) = picture.plane_size(plane);
            let samples = picture.plane(plane);
            let (padded, padded_columns) = self.plane_mut(place, plane);
            for (y, line) in padded.chunks_exact_mut(padded_columns).enumerate() {
                let from = &samples[y.min(rows - 1) * columns..][..columns];
                let (inside, padding) = line.split_at_mut(columns);
                inside.copy_from_slice(from);
                padding.fill(from[columns - 1]);
            }
        }
    }

    /// Writes what is at `place` to `picture`, without the padding.
    pub(super) fn get(&mut self, place: usize, picture: &mut Picture) {
        for plane in Plane::ALL {
            let (columns, _) = picture.plane_size(plane);
            let (padded, padded_columns) = self.plane_mut(place, plane);
            let lines = picture.plane_mut(plane).chunks_exact_mut(columns);
            for (line, from) in lines.zip(padded.chunks_exact(padded_columns)) {
                line.copy_from_slice(&from[..columns]);
            }
        }
    }

    /// A plane of the picture at `place`, and its columns.
    fn plane_mut(&mut self, place: usize, plane: Plane) -> (&mut [u8], usize) {
        let (port, at) = match plane {
            Plane::Y => (&mut self.luma, 0),
            Plane::U => (&mut self.chroma, 0),
            Plane::V => (&mut self.chroma, 1),
        };
        let [_, planes, rows, columns] = port.shape;
        let samples = rows * columns;
        (&mut port.values_mut()[(place * planes + at) * samples..][..samples], columns)
    }
}

/// Pictures to copy from, which stay until others are wanted.
#[derive(Debug)]
pub(super) struct HeldPictures {
    pub(super) port: PicturePort,
    held: FixedVec<PictureId, MAX_SOURCES>,
}

impl HeldPictures {
    pub(super) fn new(port: PicturePort) -> Self {
        Self { port, held: FixedVec::new() }
    }

    /// Holds the pictures `wanted`, of which some may be the same; whether that changed anything.
    pub(super) fn hold(&mut self, wanted: &[(PictureId, &Picture)]) -> bool {
        if wanted.iter().all(|(id, _)| self.held.contains(id)) {
            return false;
        }
        self.held.clear();
        for (id, picture) in wanted {
            if !self.held.contains(id) {
                self.port.put(self.held.len(), picture);
                self.held.extend([*id]);
            }
        }
        true
    }

    /// Where a picture is among those held.
    pub(super) fn place(&self, id: PictureId) -> Option<usize> {
        self.held.iter().position(|held| *held == id)
    }

    /// How many pictures are held.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{FrameIndex, ViewId};

    const SIZE: Size = Size { width_px: 37, height_px: 19 };

    fn held(most: usize) -> HeldPictures {
        HeldPictures::new(PicturePort::new([c"y", c"uv"], most, SIZE).unwrap())
    }

    fn picture(level: u8) -> Picture {
        let mut picture = Picture::new(SIZE);
        let samples = picture.i420_mut().iter_mut().enumerate();
        samples.for_each(|(at, sample)| *sample = level.wrapping_add(at as u8));
        picture
    }

    #[test]
    fn pictures_come_back_as_they_were_put_and_their_border_goes_on() {
        crate::network::ort_library::OrtRuntime::find(None).unwrap();
        let mut port = held(2).port;
        let pictures = [picture(3), picture(90)];
        pictures.iter().enumerate().for_each(|(place, picture)| port.put(place, picture));
        for (place, want) in pictures.iter().enumerate() {
            let mut got = Picture::new(SIZE);
            port.get(place, &mut got);
            assert!(got == *want, "{place}");
        }
        let (padded, columns) = port.plane_mut(1, Plane::Y);
        assert_eq!((padded.len(), columns), (48 * 32, 48));
        let last = pictures[1].plane(Plane::Y)[37 * 19 - 1];
        assert_eq!([padded[18 * 48 + 36], padded[18 * 48 + 47], padded[31 * 48 + 47]], [last; 3]);
    }

    #[test]
    fn what_is_held_already_is_not_put_again() {
        crate::network::ort_library::OrtRuntime::find(None).unwrap();
        let mut held = held(2);
        let id = |frame| PictureId { view: ViewId(1), frame: FrameIndex(frame) };
        let (first, other) = (picture(1), picture(2));
        let both = [(id(0), &first), (id(0), &first), (id(7), &other)];
        assert!(held.hold(&both), "both are new");
        assert!(!held.hold(&both) && !held.hold(&both[2..]) && !held.hold(&[]));
        assert_eq!((held.count(), held.place(id(0)), held.place(id(7))), (2, Some(0), Some(1)));
        assert!(held.hold(&[(id(8), &first)]));
        assert_eq!((held.count(), held.place(id(0)), held.place(id(8))), (1, None, Some(0)));
    }
}

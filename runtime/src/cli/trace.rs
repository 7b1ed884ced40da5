//! Poses over time, from a table: of TMIV's columns, or of this program's own.

use std::path::Path;

use iev_runtime::text_file::read_text;
use nalgebra::{Matrix3, Point3, Quaternion, Rotation3, UnitQuaternion, Vector3};

use super::Failure;

/// A place and a direction at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub(crate) position: Point3<f64>,
    pub(crate) rotation: UnitQuaternion<f64>,
}

/// When a row of a trace is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    /// At a frame of the stream.
    Frame(u32),
    /// So long after the first.
    Seconds(f64),
}

/// A row of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// Counted from 1, with the header.
    pub(crate) line: usize,
    pub(crate) when: When,
    pub(crate) pose: Pose,
}

/// Columns of a table, in any case.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Columns {
    /// TMIV's, a row per frame: metres and degrees.
    Miv,
    Frames,
    Seconds,
}

const MIV: [&str; 6] = ["x", "y", "z", "yaw", "pitch", "roll"];
const FRAMES: [&str; 8] = ["frame", "x", "y", "z", "qw", "qx", "qy", "qz"];
const SECONDS: [&str; 8] = ["seconds", "x", "y", "z", "qw", "qx", "qy", "qz"];

/// The stream's axes (x right, y down, z forward) in MIV's (x forward, y left, z up), as rows.
const OF_MIV: Matrix3<f64> = Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0);

/// Most bytes of a trace: a day at 120 Hz is less.
const MOST_BYTES: u64 = 1 << 30;

/// A rotation that a quaternion is, whose length may be off by rounding.
pub(crate) fn rotation([w, x, y, z]: [f64; 4]) -> Option<UnitQuaternion<f64>> {
    let quaternion = Quaternion::new(w, x, y, z);
    let norm = quaternion.norm();
    (0.98..=1.02).contains(&norm).then(|| UnitQuaternion::new_normalize(quaternion))
}

/// The rows of the table at `path`, of which there is at least one.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, Failure> {
    let failed = |source| iev_runtime::Error::File { path: path.to_owned(), source };
    let text = read_text(path, MOST_BYTES).map_err(failed)?;
    parse(&text).map_err(|what| fault(path, format_args!("{what}")))
}

pub(super) fn fault(path: &Path, what: std::fmt::Arguments<'_>) -> Failure {
    Failure::Usage(format!("{}: {what}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let mut lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let (_, head) = lines.next().ok_or("has no line: the first names the columns")?;
    let columns = Columns::of(head)?;
    let mut rows: Vec<Row> = Vec::new();
    for (line, text) in lines {
        let row = columns.row(text, rows.len()).map_err(|what| format!("line {line}: {what}"))?;
        let (when, pose) = row;
        if rows.last().is_some_and(|before| when.is_before(before.when)) {
            return Err(format!("line {line}: is earlier than the row before it: sort the rows"));
        }
        rows.push(Row { line, when, pose });
    }
    if rows.is_empty() { Err("has no row below the names of its columns".into()) } else { Ok(rows) }
}

impl When {
    fn is_before(self, other: Self) -> bool {
        match (self, other) {
            (Self::Frame(own), Self::Frame(other)) => own < other,
            (Self::Seconds(own), Self::Seconds(other)) => own < other,
            _ => false,
        }
    }
}

impl Columns {
    fn of(head: &str) -> Result<Self, String> {
        let names: Vec<_> = head.split(',').map(|name| name.trim().to_lowercase()).collect();
        let known = [
            (Self::Miv, MIV.as_slice()),
            (Self::Frames, FRAMES.as_slice()),
            (Self::Seconds, SECONDS.as_slice()),
        ];
        let columns = known.iter().find(|(_, known)| names == *known);
        columns.map(|(columns, _)| *columns).ok_or_else(|| {
            let [miv, frames, seconds] = known.map(|(_, names)| names.join(","));
            format!("line 1: its columns are none of {miv} or {frames} or {seconds}")
        })
    }

    /// What a row says, of which `number` are before it.
    fn row(self, text: &str, number: usize) -> Result<(When, Pose), String> {
        let fields: Vec<_> = text.split(',').map(str::trim).collect();
        let columns = if self == Self::Miv { MIV.len() } else { FRAMES.len() };
        if fields.len() != columns {
            return Err(format!("{} fields instead of {columns}", fields.len()));
        }
        let numbers: Result<Vec<f64>, String> = fields.iter().map(|field| finite(field)).collect();
        Ok(match *numbers? {
            [x, y, z, yaw, pitch, roll] => {
                let [yaw, pitch, roll] = [yaw, pitch, roll].map(f64::to_radians);
                // Rz(yaw) · Ry(pitch) · Rx(roll).
                let turn = Rotation3::from_euler_angles(roll, pitch, yaw);
                let turn = OF_MIV * turn.matrix() * OF_MIV.transpose();
                let rotation =
                    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(turn));
                let position = Point3::from(OF_MIV * Vector3::new(x, y, z));
                (When::Frame(number as u32), Pose { position, rotation })
            }
            [when, x, y, z, qw, qx, qy, qz] => {
                let rotation = rotation([qw, qx, qy, qz]);
                let rotation = rotation.ok_or("qw,qx,qy,qz is no unit quaternion")?;
                let pose = Pose { position: [x, y, z].into(), rotation };
                (self.when(when, fields[0])?, pose)
            }
            _ => unreachable!("as many numbers as columns"),
        })
    }

    fn when(self, number: f64, field: &str) -> Result<When, String> {
        if self == Self::Seconds && number >= 0.0 {
            return Ok(When::Seconds(number));
        }
        let frame = field.parse().ok().filter(|_| self == Self::Frames);
        frame.map(When::Frame).ok_or_else(|| format!("{field:?} is no time"))
    }
}

fn finite(field: &str) -> Result<f64, String> {
    let number = field.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("{field:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_tmiv_looks_where_its_angles_say() {
        // A metre forward, two to the left, half up; turned a quarter to the left.
        let rows = parse("X,Y,Z,Yaw,Pitch,Roll\n1,2,0.5,90,0,0\n1,2,0.5,0,90,0\n").unwrap();
        assert_eq!(rows[0].pose.position, Point3::new(-2.0, -0.5, 1.0));
        let ahead = |row: &Row| row.pose.rotation * Vector3::z();
        assert!((ahead(&rows[0]) - Vector3::new(-1.0, 0.0, 0.0)).norm() < 1e-9);
        // Pitch about the axis to the left: down.
        assert!((ahead(&rows[1]) - Vector3::new(0.0, 1.0, 0.0)).norm() < 1e-9);
        assert_eq!([rows[0].when, rows[1].when], [When::Frame(0), When::Frame(1)]);
    }

    #[test]
    fn own_columns_have_a_time() {
        let rows = parse(
            "\u{feff}frame, x,y,z,qw,qx,qy,qz\r\n3,1,2,3,1,0,0,0\r\n\r\n3,1,2,4,0.999,0,0,0\n",
        );
        let rows = rows.unwrap();
        assert_eq!(
            (rows[0].line, rows[0].when, rows[0].pose.position),
            (2, When::Frame(3), [1.0, 2.0, 3.0].into())
        );
        assert_eq!((rows[1].line, rows[1].pose.rotation), (4, UnitQuaternion::identity()));
        let rows = parse("SECONDS,X,Y,Z,QW,QX,QY,QZ\n0.25,0,0,0,0,0,1,0").unwrap();
        assert_eq!(rows[0].when, When::Seconds(0.25));
    }

    #[test]
    fn bad_rows_are_named_by_line() {
        let rows = [
            ("", "has no line"),
            ("x,y,z", "line 1: its columns are none of x,y,z,yaw"),
            ("x,y,z,yaw,pitch,roll\n", "has no row"),
            ("x,y,z,yaw,pitch,roll\n0,0,0,0,0,0\n0,0,0,0,0\n", "line 3: 5 fields instead of 6"),
            ("x,y,z,yaw,pitch,roll\n0,0,north,0,0,0\n", "line 2: \"north\" is no number"),
            ("x,y,z,yaw,pitch,roll\n0,0,NaN,0,0,0\n", "line 2: \"NaN\" is no number"),
            ("frame,x,y,z,qw,qx,qy,qz\n1.5,0,0,0,1,0,0,0\n", "line 2: \"1.5\" is no time"),
            ("frame,x,y,z,qw,qx,qy,qz\n1,0,0,0,1,1,0,0\n", "line 2: qw,qx,qy,qz is no unit"),
            ("seconds,x,y,z,qw,qx,qy,qz\n-1,0,0,0,1,0,0,0\n", "line 2: \"-1\" is no time"),
            (
                "frame,x,y,z,qw,qx,qy,qz\n2,0,0,0,1,0,0,0\n1,0,0,0,1,0,0,0\n",
                "line 3: is earlier than the row before it",
            ),
        ];
        for (text, part) in rows {
            let said = parse(text).unwrap_err();
            assert!(said.contains(part), "{text:?}: {said}");
        }
    }
}

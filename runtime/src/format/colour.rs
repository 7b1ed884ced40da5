//! What samples mean and where they lie: colour, pixel aspect, chroma siting (FORMAT.md §3).

use serde::{Deserialize, Serialize};

/// Colour description by the code points of ITU-T H.273; 2 is "unspecified".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Colour {
    /// Colour primaries.
    pub primaries: u8,
    /// Transfer characteristics.
    pub transfer: u8,
    /// Matrix coefficients.
    pub matrix: u8,
    /// True for 0‥255, false for 16‥235.
    pub full_range: bool,
}

/// Rows from which players take an unspecified matrix for BT.709.
const HIGH_DEFINITION_ROWS: usize = 720;

impl Colour {
    /// Code point of what is not known.
    pub const UNKNOWN: u8 = 2;
    /// Nothing known, limited range.
    pub const UNSPECIFIED: Self = Self {
        primaries: Self::UNKNOWN,
        transfer: Self::UNKNOWN,
        matrix: Self::UNKNOWN,
        full_range: false,
    };
    /// BT.709, limited range.
    pub const BT709: Self = Self { primaries: 1, transfer: 1, matrix: 1, full_range: false };

    /// Weights of red and blue in luma, where the matrix is one of luma and colour differences.
    pub const fn luma_weights(self) -> Option<(f32, f32)> {
        Some(match self.matrix {
            1 => (0.2126, 0.0722),
            4 => (0.30, 0.11),
            5 | 6 => (0.299, 0.114),
            7 => (0.212, 0.087),
            // 10 is the constant-luminance form, shown as the other one by all players.
            9 | 10 => (0.2627, 0.0593),
            _ => return None,
        })
    }

    /// This colour with the matrix to show pictures of so many `rows` by: where it is not one of luma and
    /// colour differences, BT.709 from 720 rows on, else BT.601, as players assume.
    #[must_use]
    pub const fn for_display(self, rows: usize) -> Self {
        match self.luma_weights() {
            Some(_) => self,
            None if rows >= HIGH_DEFINITION_ROWS => Self { matrix: 1, ..self },
            None => Self { matrix: 6, ..self },
        }
    }
}

/// Code points by the names that ffmpeg prints and takes.
pub struct Names(&'static [(u8, &'static str)]);

impl Names {
    /// The name of `code`, where it has one.
    pub fn name(&self, code: u8) -> Option<&'static str> {
        self.0.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
    }

    /// The code point called `name`.
    pub fn code(&self, name: &str) -> Option<u8> {
        self.0.iter().find(|(_, known)| *known == name).map(|(code, _)| *code)
    }
}

/// Colour primaries (H.273 table 2).
pub const PRIMARIES: Names = Names(&[
    (1, "bt709"),
    (2, "unknown"),
    (4, "bt470m"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "film"),
    (9, "bt2020"),
    (10, "smpte428"),
    (11, "smpte431"),
    (12, "smpte432"),
    (22, "ebu3213"),
]);

/// Transfer characteristics (H.273 table 3).
pub const TRANSFERS: Names = Names(&[
    (1, "bt709"),
    (2, "unknown"),
    (4, "bt470m"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "linear"),
    (9, "log100"),
    (10, "log316"),
    (11, "iec61966-2-4"),
    (12, "bt1361e"),
    (13, "iec61966-2-1"),
    (14, "bt2020-10"),
    (15, "bt2020-12"),
    (16, "smpte2084"),
    (17, "smpte428"),
    (18, "arib-std-b67"),
]);

/// Matrix coefficients (H.273 table 4).
pub const MATRICES: Names = Names(&[
    (0, "gbr"),
    (1, "bt709"),
    (2, "unknown"),
    (4, "fcc"),
    (5, "bt470bg"),
    (6, "smpte170m"),
    (7, "smpte240m"),
    (8, "ycgco"),
    (9, "bt2020nc"),
    (10, "bt2020c"),
    (11, "smpte2085"),
    (12, "chroma-derived-nc"),
    (13, "chroma-derived-c"),
    (14, "ictcp"),
]);

/// Where the chroma sample of four pixels lies (H.273 `ChromaLocType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[serde(rename_all = "lowercase")]
pub enum Siting {
    /// Nobody said.
    Unspecified,
    /// Between both pixels of the left column: MPEG-2, H.264 and later unless they say otherwise.
    Left,
    /// In the middle: JPEG, MPEG-1.
    Centre,
    /// On the upper left pixel: DV, BT.2020.
    TopLeft,
    /// Between both pixels of the upper row.
    Top,
    /// On the lower left pixel.
    BottomLeft,
    /// Between both pixels of the lower row.
    Bottom,
}

/// Where samples lie in the picture and the picture's pixels on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sampling {
    /// Width of a pixel to its height; 0:0 where nobody said.
    pub pixel_aspect: (u32, u32),
    /// Place of chroma.
    pub siting: Siting,
}

impl Sampling {
    /// Nothing known.
    pub const UNSPECIFIED: Self = Self { pixel_aspect: (0, 0), siting: Siting::Unspecified };

    /// Whether both parts of the pixel aspect are above zero, or both zero.
    pub const fn is_valid(self) -> bool {
        (self.pixel_aspect.0 == 0) == (self.pixel_aspect.1 == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_code_points_are_one_to_one() {
        for Names(table) in [PRIMARIES, TRANSFERS, MATRICES] {
            for (code, name) in table {
                assert_eq!(Names(table).code(name), Some(*code), "{name}");
                assert_eq!(Names(table).name(*code), Some(*name), "{code}");
            }
        }
    }

    #[test]
    fn only_what_is_no_luma_matrix_is_guessed_by_size() {
        let shown = |matrix, rows| Colour { matrix, ..Colour::BT709 }.for_display(rows).matrix;
        for known in [1, 4, 5, 6, 7, 9, 10] {
            assert_eq!([shown(known, 64), shown(known, 2160)], [known; 2]);
        }
        for other in [0, 2, 3, 8, 11, 14, 255] {
            assert_eq!([shown(other, 719), shown(other, 720)], [6, 1], "matrix {other}");
        }
    }
}

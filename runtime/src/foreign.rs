//! What a file seems to be that is no stream, so that a refusal can say how to make one of it.

/// The signatures that are known: where they start, what stands there, and whose they are. The first that fits counts.
const SIGNATURES: [(usize, &[u8], FileKind); 23] = [
    (0, b"YUV4MPEG2", FileKind::Video("y4m")),
    (0, b"\x89PNG", FileKind::Picture("PNG")),
    (0, b"\xff\xd8\xff", FileKind::Picture("JPEG")),
    (0, b"GIF8", FileKind::Picture("GIF")),
    (0, b"II*\0", FileKind::Picture("TIFF")),
    (0, b"MM\0*", FileKind::Picture("TIFF")),
    (8, b"WEBP", FileKind::Picture("WebP")),
    (4, b"ftypavif", FileKind::Picture("AVIF")),
    (4, b"ftyphei", FileKind::Picture("HEIF")),
    (4, b"ftypqt", FileKind::Video("QuickTime")),
    (4, b"ftyp", FileKind::Video("MP4")),
    (4, b"moov", FileKind::Video("QuickTime")),
    (0, b"\x1a\x45\xdf\xa3", FileKind::Video("Matroska or WebM")),
    (8, b"AVI ", FileKind::Video("AVI")),
    (0, b"FLV\x01", FileKind::Video("FLV")),
    (0, b"OggS", FileKind::Video("Ogg")),
    (0, b"DKIF", FileKind::Video("IVF")),
    (0, b"\0\0\x01\xba", FileKind::Video("MPEG-PS")),
    (0, b"\0\0\0\x01", FileKind::Video("bare H.264 or H.265")),
    (0, b"IEVREF1\n", FileKind::Other("a reference of iev-export")),
    (0, b"PK\x03\x04", FileKind::Other("a ZIP archive or a checkpoint of iev-export")),
    (0, b"\x1f\x8b", FileKind::Other("gzip")),
    (0, b"\x7fELF", FileKind::Other("a program or a library")),
];

/// A format that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FileKind {
    /// A video in a container or bare.
    Video(&'static str),
    /// One picture.
    Picture(&'static str),
    /// Something that has no pictures in it.
    Other(&'static str),
}

impl FileKind {
    /// What starts with these bytes, if it is known.
    pub fn of(start: &[u8]) -> Option<Self> {
        let fits = |(at, signature, _): &&(usize, &[u8], Self)| {
            start.get(*at..).is_some_and(|rest| rest.starts_with(signature))
        };
        SIGNATURES.iter().find(fits).map(|(.., kind)| *kind)
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Video(name) | Self::Picture(name) | Self::Other(name) => name,
        }
    }
}

/// As the end of a sentence that refuses it as a stream.
impl core::fmt::Display for FileKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Video(name) => write!(
                f,
                "it seems to be {name}: `iev-export encode VIEW... -o OUT.iev` makes a stream of one video per view"
            ),
            Self::Picture(name) => write!(
                f,
                "it seems to be a {name} picture: `iev-export encode FOLDER... -o OUT.iev` makes a stream of one \
                 folder of PNG files per view"
            ),
            Self::Other(name) => write!(f, "it seems to be {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signature_that_fits_counts() {
        let rows: [(&[u8], Option<FileKind>); 7] = [
            (b"\0\0\0\x20ftypisom", Some(FileKind::Video("MP4"))),
            (b"\0\0\0\x20ftypqt  ", Some(FileKind::Video("QuickTime"))),
            (b"RIFF\x10\0\0\0AVI LIST", Some(FileKind::Video("AVI"))),
            (b"YUV4MPEG2 W2 H2", Some(FileKind::Video("y4m"))),
            (b"\x89PNG\r\n", Some(FileKind::Picture("PNG"))),
            (b"\x89IEV\r\n\x1a\n", None),
            (b"", None),
        ];
        for (start, kind) in rows {
            assert_eq!(FileKind::of(start), kind, "{start:?}");
        }
    }
}

//! Texts that a user brings: board profiles, configs, cameras.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::foreign::FileKind;

/// The text in the file at `path`, which has at most `most_bytes`.
///
/// # Errors
/// The system's, and what the file is where it is no text or too long for one.
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most_bytes + 1).read_to_end(&mut bytes)?;
    let seems = FileKind::of(&bytes);
    let seems = seems.map_or(String::new(), |kind| format!(", it seems to be {}", kind.name()));
    let refused = |what: String| io::Error::new(io::ErrorKind::InvalidData, what + &seems);
    if bytes.len() as u64 > most_bytes {
        return Err(refused(format!("it is longer than {most_bytes} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| refused("it is no text in UTF-8".into()))
}

/// What a TOML text says.
///
/// # Errors
/// The line that is wrong, and how.
pub fn parse_toml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        format!("line {line}: {}", e.message().replace('\n', " "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_text(&path, 40).map_err(|e| e.to_string())
        };
        assert_eq!(read("grün".as_bytes()), Ok("grün".into()));
        assert_eq!(read(b"caf\xe9"), Err("it is no text in UTF-8".into()));
        let film = read(b"\0\0\0\x20ftypisom\xff");
        assert_eq!(film, Err("it is no text in UTF-8, it seems to be MP4".into()));
        assert!(read(&[b'a'; 41]).unwrap_err().contains("longer than 40 bytes"));
        assert!(read_text(Path::new("/dev/zero"), 1 << 20).is_err(), "its end is not waited for");
    }
}

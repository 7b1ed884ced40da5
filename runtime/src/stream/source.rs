//! The bytes of a stream, in a file, in memory or in a place of the caller's: the first thing the data meets.
//!
//! A file is mapped where nobody can change it: in a sealed memory file, as one process hands another,
//! or on a file system that cannot be written (EROFS, SquashFS), as content partitions of boards and
//! headsets are. Any other file is read, because a map of a file that shrinks kills the process by
//! signal. A read of it is a short read, thus an error; a file rewritten under the player fails a
//! checksum. Neither decodes to wrong numbers.
//!
//! Why no map of an ordinary file: the safe ways to use one cost more than reading. Letting the kernel
//! copy out of the map, which answers a missing page with an error, takes twice as long as a read
//! (`cargo bench --bench reading`; 71 against 36 µs for 256 KiB, 5.7 against 2.9 for 4 KiB); a lease
//! needs the file's owner and keeps its writers waiting. The map itself would save 1.6 µs per read, of
//! which a GOP takes a few.

use std::fmt::{self, Debug, Formatter};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use embedded_io::{ErrorKind, Read, Seek, SeekFrom};
use memmap2::Mmap;

use super::growing::GrowingFile;
use crate::error::{Error, Result};
use crate::format::reader::SliceSource;

/// Bytes that are read from any place: a stream in a bundle, behind HTTP ranges, in an encrypted store.
///
/// Several threads read at once. What a place answers with an error is [`Error::Storage`] with the byte and the
/// error's words, and ends the playback. Opening reads the table at the start and a few bytes of the first GOP's
/// sections, and playing reads each section whole when its turn comes: where a read is a request over a network, keep
/// blocks of some size. Bytes that have not come yet are [`io::ErrorKind::WouldBlock`]: see [`Source::patient`].
///
/// ```
/// use std::io;
///
/// use iev_runtime::{Backend, Options, Player, ReadAt, Source};
///
/// /// A stream under the simplest of ciphers.
/// struct Hidden(Vec<u8>);
///
/// impl ReadAt for Hidden {
///     fn bytes(&self) -> io::Result<u64> {
///         Ok(self.0.len() as u64)
///     }
///
///     fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
///         let rest = self.0.get(at as usize..).unwrap_or_default();
///         for (byte, hidden) in buffer.iter_mut().zip(rest) {
///             *byte = hidden ^ 0x55;
///         }
///         Ok(rest.len().min(buffer.len()))
///     }
/// }
///
/// # fn main() -> iev_runtime::Result<()> {
/// let hidden = Hidden(iev_models::SAMPLE.iter().map(|byte| byte ^ 0x55).collect());
/// let player = Player::over(Source::custom(hidden), Options::new(Backend::default().opener()))?;
/// assert_eq!(player.frames(), 0..48);
/// # Ok(())
/// # }
/// ```
pub trait ReadAt: Send + Sync {
    /// Bytes there are.
    ///
    /// # Errors
    /// The place's own.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills the start of `buffer` with the bytes from byte `at` on, and says how many came: at least one, unless there
    /// are none from there on.
    ///
    /// # Errors
    /// The place's own; [`io::ErrorKind::Interrupted`] is tried again.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, buffer, at)
    }
}

/// A seekable stream; clones share the file, each at its own place.
#[derive(Debug, Clone)]
pub struct Source {
    storage: Storage,
    patience: Patience,
}

/// How a read waits for bytes that have not come yet.
#[derive(Debug, Clone, Default)]
struct Patience {
    longest: Duration,
    given_up: Arc<AtomicBool>,
}

/// From one look for bytes that have not come to the next.
const LOOK: Duration = Duration::from_millis(10);

/// Ends, when it is dropped, what a source waits for.
#[derive(Debug, Clone)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
enum Storage {
    Place { place: Arc<dyn ReadAt>, at: u64 },
    Memory(SliceSource<Bytes>),
}

impl Debug for Storage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place { at, .. } => {
                f.debug_struct("Place").field("at", at).finish_non_exhaustive()
            }
            Self::Memory(_) => f.write_str("Memory"),
        }
    }
}

#[derive(Clone)]
enum Bytes {
    Owned(Arc<[u8]>),
    Mapped(Arc<Mmap>),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(Storage::Memory(SliceSource::new(Bytes::Owned(bytes.into()))))
    }
}

impl Source {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`Error::File`] with the system's own reason.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_file(path)?;
        if cannot_change(&file) {
            let map = Arc::new(map(&file).map_err(|e| of_file(path, e))?);
            return Ok(Self::of(Storage::Memory(SliceSource::new(Bytes::Mapped(map)))));
        }
        Ok(Self::custom(file))
    }

    /// Opens the file at `path`, whose end may still be to come, such as a download. A read waits for its bytes until
    /// none have come for as long as `patience`.
    ///
    /// # Errors
    /// [`Error::File`] with the system's own reason.
    pub fn growing(path: &Path, patience: Duration) -> Result<Self> {
        Ok(Self::custom(GrowingFile(open_file(path)?)).patient(patience))
    }

    /// A stream in any place.
    pub fn custom(place: impl ReadAt + 'static) -> Self {
        Self::of(Storage::Place { place: Arc::new(place), at: 0 })
    }

    /// Waits for bytes that a place does not have yet, until none have come for as long as `longest`. A playback that is
    /// dropped waits no more.
    #[must_use]
    pub fn patient(mut self, longest: Duration) -> Self {
        self.patience.longest = longest;
        self
    }

    /// Waits for itself from now on, not for its clones, until what is returned is dropped.
    pub(crate) fn wait_apart(&mut self) -> Waiting {
        self.patience.given_up = Arc::default();
        Waiting(Arc::clone(&self.patience.given_up))
    }

    fn of(storage: Storage) -> Self {
        Self { storage, patience: Patience::default() }
    }

    /// Whether its bytes are a file's own, mapped.
    #[cfg(test)]
    fn is_mapped(&self) -> bool {
        matches!(&self.storage, Storage::Memory(bytes) if matches!(bytes.get(), Bytes::Mapped(_)))
    }
}

fn of_file(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.to_owned(), source }
}

fn open_file(path: &Path) -> Result<File> {
    // Asked first, because opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(|e| of_file(path, e))?.is_file() {
        let what = "is a pipe, a device or a folder: save the stream to a file first";
        return Err(of_file(path, io::Error::other(what)));
    }
    File::open(path).map_err(|e| of_file(path, e))
}

/// Whether no process can write to `file` or cut it while it is open.
#[cfg(target_os = "linux")]
fn cannot_change(file: &File) -> bool {
    use rustix::fs::{SealFlags, fcntl_get_seals, fstatfs};
    /// Magic numbers of EROFS and SquashFS, as in `linux/magic.h`.
    const WRITTEN_ONCE: [u32; 2] = [0xE0F5_E1E2, 0x7371_7368];
    let sealed = SealFlags::WRITE | SealFlags::SHRINK;
    fcntl_get_seals(file).is_ok_and(|seals| seals.contains(sealed))
        || fstatfs(file).is_ok_and(|system| WRITTEN_ONCE.contains(&(system.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn cannot_change(_: &File) -> bool {
    false
}

#[allow(unsafe_code, reason = "memmap2 cannot know that the file stays as it is")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: `cannot_change` holds for the file, so the bytes under the map stay there and the same.
    unsafe { Mmap::map(file) }
}

/// Why a source cannot be read; shown in the words of the place.
pub struct SourceError(io::Error);

impl Debug for SourceError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<ErrorKind> for SourceError {
    fn from(kind: ErrorKind) -> Self {
        Self(io::ErrorKind::from(kind).into())
    }
}

impl embedded_io::Error for SourceError {
    fn kind(&self) -> ErrorKind {
        self.0.kind().into()
    }
}

impl embedded_io::ErrorType for Source {
    type Error = SourceError;
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SourceError> {
        match &mut self.storage {
            Storage::Place { place, at } => {
                let read = || read_at(&**place, *at, buffer);
                let count = self.patience.wait_for(read).map_err(SourceError)?;
                *at += count as u64;
                Ok(count)
            }
            Storage::Memory(bytes) => Ok(bytes.read(buffer)?),
        }
    }
}

/// One read at byte `at`.
fn read_at(place: &dyn ReadAt, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    match place.read_at(at, buffer) {
        Ok(count) if count > buffer.len() => {
            let room = buffer.len();
            let what = format!("the source says that it read {count} bytes where {room} fit");
            Err(io::Error::other(what))
        }
        read => read,
    }
}

impl Patience {
    /// What `ask` answers, which is tried again when a signal interrupts it or bytes are still to come. A place that
    /// says how many came is waited for as long as more come.
    fn wait_for<T>(&self, mut ask: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let (mut since, mut said) = (Instant::now(), None);
        loop {
            match ask() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let says = Some(e.to_string());
                    if said != says {
                        (since, said) = (Instant::now(), says);
                    }
                    let waited = since.elapsed();
                    if waited >= self.longest || self.given_up.load(Ordering::Relaxed) {
                        let what = format!("{e}, then none for {:.0?}", self.longest);
                        return Err(io::Error::new(io::ErrorKind::TimedOut, what));
                    }
                    std::thread::sleep(LOOK);
                }
                answer => return answer,
            }
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, SourceError> {
        match &mut self.storage {
            Storage::Place { place, at } => {
                let to = match to {
                    SeekFrom::Start(to) => Some(to),
                    SeekFrom::End(by) => {
                        let bytes =
                            self.patience.wait_for(|| place.bytes()).map_err(SourceError)?;
                        bytes.checked_add_signed(by)
                    }
                    SeekFrom::Current(by) => at.checked_add_signed(by),
                };
                *at = to.ok_or(ErrorKind::InvalidInput)?;
                Ok(*at)
            }
            Storage::Memory(bytes) => Ok(bytes.seek(to)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = Source::open(Path::new("no/such.iev")).unwrap_err().to_string();
        assert!(error.starts_with("no/such.iev: "), "{error}");
        for path in ["/dev/null", "/tmp"] {
            let error = Source::open(Path::new(path)).unwrap_err().to_string();
            assert!(
                error.contains(path) && error.contains("is a pipe, a device or a folder"),
                "{error}"
            );
        }
    }

    /// A place of one byte a read that says too much, fails, or is interrupted.
    struct Odd(fn(usize) -> io::Result<usize>);

    impl ReadAt for Odd {
        fn bytes(&self) -> io::Result<u64> {
            Err(io::Error::other("HTTP 503"))
        }

        fn read_at(&self, _: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.0(buffer.len())
        }
    }

    #[test]
    fn what_a_place_answers_is_checked_and_told_in_its_words() {
        let read = |answer| format!("{:?}", Source::custom(Odd(answer)).read(&mut [0; 4]));
        assert_eq!(read(|room| Ok(room - 1)), "Ok(3)");
        let much = read(|room| Ok(room + 1));
        assert!(much.contains("says that it read 5 bytes where 4 fit"), "{much}");
        assert!(read(|_| Err(io::Error::other("HTTP 503"))).contains("HTTP 503"));
        let error = Source::custom(Odd(Ok)).seek(SeekFrom::End(0)).unwrap_err();
        assert_eq!(embedded_io::Error::kind(&error), ErrorKind::Other);
        static INTERRUPTED: std::sync::atomic::AtomicBool =
            std::sync::atomic::AtomicBool::new(true);
        let again = |room| match INTERRUPTED.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(room),
        };
        assert_eq!(read(again), "Ok(4)");
    }

    #[test]
    fn a_place_that_says_how_many_bytes_came_is_waited_for_as_long_as_more_come() {
        use std::sync::atomic::AtomicUsize;
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let longest = 4 * LOOK;
        // Twelve looks take longer than that; bytes come at every other one.
        let growing = |room| match ASKED.fetch_add(1, Ordering::Relaxed) {
            12 => Ok(room),
            asked => {
                let what = format!("{} bytes came", asked / 2);
                Err(io::Error::new(io::ErrorKind::WouldBlock, what))
            }
        };
        let mut source = Source::custom(Odd(growing)).patient(longest);
        assert_eq!(source.read(&mut [0; 4]).unwrap(), 4);
        let still = |_| Err(io::Error::new(io::ErrorKind::WouldBlock, "7 bytes came"));
        let error = Source::custom(Odd(still)).patient(longest).read(&mut [0; 4]).unwrap_err();
        assert!(format!("{error:?}").contains("7 bytes came, then none for 40ms"), "{error:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sealed_file_cannot_change_and_reads_the_same() {
        use std::os::fd::AsRawFd;

        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
        let file = File::from(memfd_create("stream", MemfdFlags::ALLOW_SEALING).unwrap());
        io::Write::write_all(&mut &file, &[1, 2, 3, 4]).unwrap();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        assert!(!cannot_change(&file));
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK).unwrap();
        assert!(cannot_change(&file));
        let mut source = Source::open(Path::new(&path)).unwrap();
        assert!(source.is_mapped(), "reading needs no system call");
        assert_eq!(source.seek(SeekFrom::Start(2)).unwrap(), 2);
        let mut buffer = [0; 4];
        assert_eq!((source.read(&mut buffer).unwrap(), &buffer[..2]), (2, &[3, 4][..]));
    }

    #[test]
    fn clones_of_a_file_keep_their_own_place_and_agree_with_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, [1, 2, 3, 4]).unwrap();
        for mut first in [Source::open(&path).unwrap(), Source::from(vec![1, 2, 3, 4])] {
            assert!(!first.is_mapped(), "an ordinary file may shrink");
            let mut second = first.clone();
            let mut buffer = [0; 2];
            assert_eq!(first.seek(SeekFrom::End(-2)).unwrap(), 2);
            second.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, [1, 2]);
            first.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, [3, 4]);
            assert_eq!(first.read(&mut buffer).unwrap(), 0);
            assert!(first.seek(SeekFrom::Current(-5)).is_err());
        }
    }
}

//! The bytes of a stream by the three ways there are: read from a file, copied by the kernel out of a
//! map of it, copied by the program out of a map.
//!
//! The first two answer a file that was cut with an error, the third with a signal.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use embedded_io::{Read, Seek, SeekFrom};
use iev_runtime::stream::source::Source;
use memmap2::Mmap;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// A long stream's worth.
const FILE_BYTES: usize = 64 << 20;
/// A table entry, a small section, a large one.
const READS: [usize; 3] = [26, 4 << 10, 256 << 10];

/// Bytes for `file`, not alike.
fn filled(mut file: File) -> File {
    let page: Vec<u8> = (0..1 << 16).map(|i| ((i * 31) >> 3) as u8).collect();
    for _ in 0..FILE_BYTES / page.len() {
        file.write_all(&page).expect("there is room");
    }
    file
}

/// A memory file that nobody can change, so that [`Source`] maps it.
fn sealed() -> File {
    let file = filled(memfd_create("stream", MemfdFlags::ALLOW_SEALING).expect("a file").into());
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK).expect("sealed");
    file
}

/// Copies `buffer.len()` bytes at `at` of `map` by the kernel: a page that is gone is an error.
#[allow(unsafe_code, reason = "the call is in no safe library that we use elsewhere")]
fn copied_by_kernel(map: &Mmap, at: usize, buffer: &mut [u8]) -> bool {
    let from = &map[at..at + buffer.len()];
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: from.len() };
    // SAFETY: both ranges are ours; the kernel writes `buffer` only, and checks every page.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    copied == buffer.len() as isize
}

#[allow(unsafe_code, reason = "memmap2 cannot know that the file stays as it is")]
fn map(file: &File) -> Mmap {
    // SAFETY: the file is ours alone and nothing changes it.
    unsafe { Mmap::map(file) }.expect("a map")
}

fn reading(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("stream");
    let options = OpenOptions::new().read(true).write(true).create_new(true).clone();
    let file = filled(options.open(&path).expect("a file"));
    let sealed = sealed();
    let sealed_path = format!("/proc/self/fd/{}", sealed.as_raw_fd());
    let mut read = Source::open(&path).expect("the file");
    let mut mapped = Source::open(Path::new(&sealed_path)).expect("the memory file");
    let map = map(&file);
    for bytes in READS {
        let mut group = c.benchmark_group(format!("reading/{bytes}"));
        group.throughput(Throughput::Bytes(bytes as u64));
        let mut buffer = vec![0; bytes];
        let mut at = 0;
        // A stride that is no multiple of a page, through all of the file.
        let mut next = move || {
            at = (at + 1_234_577) % (FILE_BYTES - bytes);
            at
        };
        for (name, source) in [("file", &mut read), ("mapped", &mut mapped)] {
            group.bench_function(name, |b| {
                b.iter_batched(
                    &mut next,
                    |at| {
                        source.seek(SeekFrom::Start(at as u64)).expect("a place");
                        source.read_exact(&mut buffer).expect("bytes");
                    },
                    BatchSize::SmallInput,
                );
            });
        }
        group.bench_function("map, by the kernel", |b| {
            b.iter_batched(
                &mut next,
                |at| assert!(copied_by_kernel(&map, at, &mut buffer)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, reading);
criterion_main!(benches);

//! Command line: bad input gets one clear sentence and the documented exit code, never a panic.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::process::{Command, Output, Stdio};

use iev_runtime::Size;
use iev_runtime::format::anchor::KEY_BYTES;
use iev_runtime::format::header::{VERSION_MAJOR, VERSION_MINOR};
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::{SliceSource, StreamReader};
use iev_runtime::format::table::Kind;
use small_stream::{right_checksums, small_stream};

/// Exit codes that `iev --help` documents.
const STREAM: i32 = 1;
const USAGE: i32 = 2;
const BACKEND: i32 = 3;

fn iev(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iev"));
    command.args(args).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one sentence of a command that must fail with `code`.
fn refusal(command: &mut Command, code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = text(&stderr);
    assert_eq!(status.code(), Some(code), "{command:?} said {said:?}");
    assert!(stdout.is_empty(), "{command:?} printed {:?}", text(&stdout));
    assert!(!said.contains("panicked"), "{said}");
    let sentence = said.strip_prefix("iev: error: ").unwrap_or_else(|| panic!("{said:?}"));
    assert_eq!(sentence.trim_end().lines().count(), 1, "one sentence: {said:?}");
    sentence.trim_end().to_owned()
}

/// A folder with one small stream in it.
struct Desk {
    folder: tempfile::TempDir,
    good: Vec<u8>,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), good: small_stream() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn good(&self) -> String {
        self.file("good.iev", &self.good)
    }

    /// The stream with `from` replaced in its header, behind a right checksum.
    fn with_header(&self, name: &str, from: &[u8], to: &[u8]) -> String {
        let mut bytes = self.good.clone();
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        right_checksums(&mut bytes);
        self.file(name, &bytes)
    }
}

/// Every way a program reads a stream.
fn readers(stream: &str) -> [Vec<&str>; 4] {
    [
        vec!["info", stream],
        vec!["info", stream, "--json"],
        vec!["decode", stream, "--muxer", "null"],
        vec!["decode", stream, "--muxer", "null", "--serial"],
    ]
}

#[test]
fn a_missing_file_is_named() {
    for args in readers("no/such.iev").iter().chain([&vec!["demo", "no/such.iev"]]) {
        let sentence = refusal(&mut iev(args), USAGE);
        assert!(sentence.starts_with("no/such.iev: "), "{sentence}");
    }
}

#[test]
fn files_that_are_no_whole_stream_are_refused() {
    let desk = Desk::new();
    let mut wrong_magic = desk.good.clone();
    wrong_magic[1] = b'J';
    let mut newer = desk.good.clone();
    newer[9] = 9;
    let too_new = format!("of format 1.9, this one reads up to {VERSION_MAJOR}.{VERSION_MINOR}");
    let (half, whole) = (desk.good.len() / 2, desk.good.len());
    let cut = format!("cut.iev: cut off: {half} of {whole} bytes");
    let mut longer = desk.good.clone();
    longer.push(0);
    let mut changed = desk.good.clone();
    changed[40] ^= 1;
    let rows = [
        (desk.file("empty.iev", &[]), "empty.iev is empty"),
        (desk.file("magic.iev", &wrong_magic), "magic.iev is no IEV stream"),
        (desk.file("text.iev", &b"just a text file\n".repeat(9)), "text.iev is no IEV stream"),
        (desk.file("cut.iev", &desk.good[..half]), cut.as_str()),
        (desk.file("head.iev", &desk.good[..20]), "head.iev: cut off: 20 of 28 bytes"),
        (
            desk.file("a.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"),
            "it seems to be MP4: `iev-export en",
        ),
        (desk.file("a.y4m", b"YUV4MPEG2 W32 H32 F24:1\nFRAME\n"), "to be y4m: `iev-export encode"),
        (desk.file("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG picture: `iev-export enc"),
        (desk.file("three.iev", &desk.good[..3]), "three.iev: cut off: 3 of 28 bytes"),
        (desk.file("hi.iev", b"hi"), "hi.iev is no IEV stream"),
        (desk.file("longer.iev", &longer), "the file ends where its preamble says"),
        (desk.file("changed.iev", &changed), "changed.iev: checksum of the index does not match"),
        (desk.file("newer.iev", &newer), too_new.as_str()),
    ];
    for (stream, rule) in &rows {
        for args in readers(stream) {
            let sentence = refusal(&mut iev(&args), STREAM);
            assert!(sentence.contains(rule), "{args:?}: {sentence}");
        }
    }
}

#[test]
fn what_breaks_a_rule_is_named_with_its_byte() {
    let desk = Desk::new();
    let source = SliceSource::new(&desk.good);
    let mut reader = StreamReader::open(source, &Limits::DEFAULT).unwrap();
    let anchor = reader.covering(Kind::Anchor, 0, 0).unwrap().offset;
    let grids = reader.covering(Kind::GopGrids, 0, 0).unwrap().offset;
    // The list of one key and a length of one byte stand before the sequence header.
    let sequence = anchor + 1 + KEY_BYTES + 1;
    let rows = [
        (
            "frame.iev",
            anchor + 2,
            99,
            format!("malformed stream: byte {} breaks the rule that the frame", anchor + 1),
        ),
        ("bit.iev", sequence, 0xe7, format!("unsupported at byte {sequence}: a NAL unit")),
        ("profile.iev", sequence + 1, 110, format!("unsupported at byte {sequence}: H.264 prof")),
        (
            "grids.iev",
            grids + 3,
            99,
            format!("malformed stream: byte {grids} breaks the rule that a grid sub-"),
        ),
    ];
    for (name, at, byte, start) in rows {
        let mut bytes = desk.good.clone();
        bytes[at as usize] = byte;
        right_checksums(&mut bytes);
        let broken = desk.file(name, &bytes);
        let said = refusal(&mut iev(&["decode", &broken, "--muxer", "null"]), STREAM);
        assert!(said.starts_with(&broken) && said.contains(&start), "{said}");
        // What lists the bytes of a stream does not look into its H.264.
        if start.starts_with("malformed") {
            let said = refusal(&mut iev(&["info", &broken]), STREAM);
            assert!(said.starts_with(&broken) && said.contains(&start), "{said}");
        }
    }
}

#[test]
fn streams_of_h264_alone_name_no_profile_and_have_no_integers() {
    let desk = Desk::new();
    let mut explicit = small_stream::explicit_stream(Size { width_px: 32, height_px: 32 }, 1, 2);
    let stream = desk.file("explicit.iev", &explicit);
    let output = iev(&["info", &stream, "--symbols"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("none: every view is explicit"));

    explicit[29] = 7;
    right_checksums(&mut explicit);
    let template = desk.file("template.iev", &explicit);
    for args in readers(&template) {
        let said = refusal(&mut iev(&args), STREAM);
        assert!(said.contains("names no profile and no template"), "{said}");
    }
}

#[test]
fn a_profile_or_template_that_this_build_lacks_is_refused() {
    let desk = Desk::new();
    let profile = desk.with_header("profile.iev", b"\x04lean", b"\x04newt");
    for args in readers(&profile) {
        let sentence = refusal(&mut iev(&args), STREAM);
        assert!(sentence.contains("at byte 28: decoder profile unknown"), "{sentence}");
    }
    let digest = iev_runtime::network::templates::Templates::of("lean").unwrap().sha256();
    let template = desk.with_header("template.iev", &digest, &[0xab; 32]);
    let sentence = refusal(&mut iev(&["decode", &template, "--muxer", "null"]), STREAM);
    assert!(sentence.contains(&"ab".repeat(32)), "{sentence}");
}

#[test]
fn without_onnx_runtime_only_implicit_views_are_refused() {
    let desk = Desk::new();
    let good = desk.good();
    let mut without = iev(&["decode", &good, "--muxer", "null", "-q"]);
    let sentence = refusal(without.env("ORT_DYLIB_PATH", "/nonexistent/ort.so"), BACKEND);
    assert!(
        sentence.contains("cargo xtask ort") && sentence.contains("/nonexistent"),
        "{sentence}"
    );

    let mut explicit = iev(&["decode", &good, "--muxer", "null", "-q", "-v", "0"]);
    let output = explicit.env("ORT_DYLIB_PATH", "/nonexistent/ort.so").output().unwrap();
    assert!(output.status.success(), "explicit views need no network: {}", text(&output.stderr));
}

#[test]
fn a_player_that_keeps_going_writes_every_picture_and_tells_what_it_held() {
    let desk = Desk::new();
    let size = small_stream::SIZE;
    let mut stream = small_stream::explicit_stream(size, 3, 1);
    let second = stream.len() / 2;
    stream[second] ^= 1;
    let stream = desk.file("broken.iev", &stream);
    let output = desk.folder.path().join("out.yuv");
    let args = ["decode", &stream, "-q", "-o", output.to_str().unwrap()];
    let stopped = refusal(&mut iev(&args), STREAM);
    assert!(stopped.contains("checksum"), "{stopped}");
    let held = refusal(iev(&args).arg("--keep-going"), STREAM);
    assert!(held.contains("1 of 3 frames were held") && held.contains("checksum"), "{held}");
    assert_eq!(std::fs::read(&output).unwrap().len(), 3 * size.i420_bytes());
}

#[test]
#[cfg(target_os = "linux")]
fn anchors_are_decoded_the_same_in_the_sandbox() {
    let desk = Desk::new();
    let good = desk.good();
    let args = ["decode", &good, "--muxer", "md5", "-o", "-", "-q"];
    let [plain, sandboxed] = [&[][..], &["--sandbox"]].map(|more| {
        let output = iev(&args).args(more).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "the kernel of this test refuses nothing");
        text(&output.stdout)
    });
    assert_eq!(plain, sandboxed);
    assert!(!text(&iev(&["--help"]).output().unwrap().stdout).contains("decode-anchors"));
}

#[test]
fn what_was_typed_wrong_is_named() {
    let desk = Desk::new();
    let good = desk.good();
    let rows = [
        (vec!["-v", "7", "--muxer", "null"], "7"),
        (vec!["-v", "one", "--muxer", "null"], "one"),
        (vec!["-v", "1,0,1", "--muxer", "null"], "view 1 comes twice in 1,0,1"),
        (vec!["-v", "99", "--muxer", "null"], "99"),
        (vec!["--muxer", "gif", "-o", "x"], "gif"),
        (vec!["-o", "x.gif"], "x.gif"),
        (vec![], "-o FILE"),
        (vec!["-o", "/nonexistent/x.y4m"], "/nonexistent/x.y4m"),
        (vec!["--pose", "0,0,0", "--muxer", "null"], "no cameras"),
        (vec!["--pose", "0,0", "--muxer", "null"], "three numbers"),
        (vec!["--pose", "nan,0,0", "--muxer", "null"], "finite numbers"),
    ];
    for (args, named) in rows {
        let args = [vec!["decode", &good], args].concat();
        let sentence = refusal(&mut iev(&args), USAGE);
        assert!(sentence.contains(named), "{args:?}: {sentence}");
    }
    for args in readers("-") {
        let sentence = refusal(&mut iev(&args), USAGE);
        assert!(sentence.contains("save the stream to a file, which"), "{args:?}: {sentence}");
    }
    let typed = [
        (vec!["decode", "--no-such-flag"], "--no-such-flag"),
        (vec!["decode", "--pose", "0,0,0", "-v", "1", "--muxer", "null"], "cannot be used with"),
        (vec!["decode", "--muxer", "null", "--engines", &good], "is no folder"),
        (vec!["prepare", "--engines", &good], "is no folder"),
        (vec!["bench", "--engines", &good], "is no folder"),
        (vec!["decode", "--muxer", "null", "--board", &good], "no text in UTF-8"),
    ];
    for (args, named) in typed {
        let output = iev(&args).arg(&good).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(USAGE), "{args:?}: {said}");
        assert!(said.contains(named), "{args:?}: {said}");
    }
}

#[test]
fn what_changes_nothing_is_said_unless_quiet_is_asked_for() {
    let desk = Desk::new();
    let good = desk.good();
    let at = |name: &str| desk.folder.path().join(name).to_str().unwrap().to_owned();
    let (per_view, tile, timed) = (at("v%v.y4m"), at("tile.y4m"), at("at %t.y4m"));
    let rows = [
        (vec!["--top-bottom", "-o", &per_view], "--top-bottom changes nothing"),
        (vec!["--top-bottom", "-v", "1", "-o", &tile], "--top-bottom changes nothing"),
        (vec!["--top-bottom", "--muxer", "md5", "-o", "-"], "--top-bottom changes nothing"),
        (vec!["--top-bottom", "-o", &tile], ""),
        (vec!["-o", &timed], "%t stays as it is"),
        (vec!["--muxer", "null"], ""),
        (vec!["--muxer", "null", "--provider", "cuda"], "going on with cpu, for cuda is refused"),
        (
            vec!["--muxer", "null", "--board", "x86_cuda"],
            "going on with cpu, for tensorrt is refused",
        ),
    ];
    for (args, word) in rows {
        let said = |quiet: &[&str]| {
            let output = iev(&["decode", &good]).args(&args).args(quiet).output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
            text(&output.stderr)
        };
        let aloud = said(&[]);
        assert_eq!(aloud.contains("warning: "), !word.is_empty(), "{args:?}: {aloud}");
        assert!(aloud.contains(word), "{args:?}: {aloud}");
        assert_eq!(said(&["--quiet"]), "", "{args:?}");
    }
}

#[test]
fn info_accounts_for_every_byte() {
    let desk = Desk::new();
    let good = desk.good();
    let output = iev(&["info", &good, "--json"]).output().unwrap();
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = info["bytes"].as_object().unwrap();
    let sum: u64 = items.values().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!(sum, desk.good.len() as u64, "{items:?}");
    assert_eq!(info["file_bytes"], desk.good.len());

    let lines = text(&iev(&["info", &good]).output().unwrap().stdout);
    let total = lines.lines().last().unwrap();
    assert!(total.trim_start().starts_with(&desk.good.len().to_string()), "{total:?}");
    assert!(total.ends_with("total"), "{total:?}");
}

#[test]
fn views_go_to_their_files_and_a_wrong_digest_is_a_failure() {
    let desk = Desk::new();
    let good = desk.good();
    let pattern = desk.folder.path().join("v%v.y4m");
    let args = ["decode", &good, "-q", "-v", "0", "-o", pattern.to_str().unwrap()];
    let output = iev(&args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let size = std::fs::metadata(desk.folder.path().join("v0.y4m")).unwrap().len();
    let pictures = small_stream::FRAMES as u64 * small_stream::SIZE.i420_bytes() as u64;
    assert!(size > pictures && size < pictures + 200, "{size} bytes");

    let wrong = "0".repeat(32);
    let sentence =
        refusal(&mut iev(&["decode", &good, "-q", "-v", "0", "--verify", &wrong]), STREAM);
    assert!(sentence.contains(&wrong), "{sentence}");
}

#[test]
fn bench_reports_every_figure_and_compares_only_like_with_like() {
    let desk = Desk::new();
    let good = desk.good();
    let report = |name: &str, views: &str| {
        let path = desk.folder.path().join(name).to_str().unwrap().to_owned();
        let args = ["bench", &good, "-v", views, "--seconds", "1", "--json", &path];
        let output = iev(&args).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("120 Hz"), "{}", text(&output.stdout));
        path
    };
    let (all, explicit) = (report("all.json", "all"), report("explicit.json", "0"));
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&all).unwrap()).unwrap();
    for figure in [
        "/us/network_us/p99.9",
        "/us/interval_us/p50",
        "/misses/72/longest_run",
        "/start/first_picture_us",
        "/start/seek_us/p50",
        "/cost/bytes_per_time/fuse",
        "/cost/network/share_of_gemm",
        "/cost/fuse/share_of_copy",
    ] {
        assert!(read.pointer(figure).is_some_and(serde_json::Value::is_number), "{figure}");
    }
    assert!(read["times"].as_u64() > Some(10), "{}", read["times"]);

    let same = iev(&["bench", "--compare", &all, &all]).output().unwrap();
    assert!(same.status.success(), "{}", text(&same.stderr));
    let ratio = text(&same.stdout);
    let line = ratio.lines().find(|l| l.starts_with("times_per_second")).unwrap();
    assert!(line.ends_with("1.000"), "{line}");
    let eyes = ["bench", &good, "--seconds", "1", "--rate", "60", "--stereo", "0.1"];
    let sentence = refusal(&mut iev(&eyes), USAGE);
    assert!(sentence.contains("no cameras"), "{sentence}");
    let sentence = refusal(&mut iev(&["bench", "--compare", &all, &explicit]), USAGE);
    assert!(sentence.contains("views [0,1] and [0]"), "{sentence}");
}

#[test]
fn preparing_says_what_plays_here_and_builds_nothing_for_a_cpu() {
    let desk = Desk::new();
    let good = desk.good();
    let engines = desk.folder.path().join("engines");
    let prepare = |board: &str| {
        let mut command = iev(&["prepare", &good, "--board", board, "--engines"]);
        let Output { status, stdout, stderr } = command.arg(&engines).output().unwrap();
        assert!(status.success(), "{}", text(&stderr));
        text(&stdout)
    };
    let said = prepare("x86_edge");
    for line in
        ["motion network: ", "refinement network: ", "plays on cpu in ", "by the split path"]
    {
        assert!(said.contains(line), "{line:?} is missing in\n{said}");
    }
    // Not every processor has the instructions for bytes.
    let lacking = said.contains("painting in f32: this processor");
    assert!(said.contains("in int8") != lacking, "{said}");
    assert!(!said.contains("refused"), "{said}");
    let said = prepare("x86_cuda");
    assert!(said.contains("full network: "), "{said}");
    if said.contains("plays on cpu") {
        assert!(
            said.contains("tensorrt is refused: ") && said.contains("cuda is refused: "),
            "{said}"
        );
        assert!(said.contains("by the split path, which needs no engine"), "{said}");
        assert!(!engines.exists(), "nothing is written for a CPU");
        let strict = ["prepare", &good, "--board", "x86_cuda", "--require", "tensorrt"];
        let Output { status, stderr, .. } = iev(&strict).output().unwrap();
        assert_eq!(status.code(), Some(BACKEND));
        assert!(text(&stderr).contains("tensorrt is required but not in use"), "{}", text(&stderr));
    }
}

#[test]
fn late_frames_are_counted_by_policy() {
    let desk = Desk::new();
    let good = desk.good();
    let json = |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).unwrap() };
    let sum = |counts: &serde_json::Value, names: &[&str]| -> u64 {
        names.iter().map(|name| counts[name].as_u64().unwrap()).sum()
    };
    for policy in ["drop", "repeat", "degrade"] {
        let args = ["decode", &good, "--late", policy, "--muxer", "null", "--stats", "json"];
        let played = iev(&args).output().unwrap();
        assert!(played.status.success(), "{}", text(&played.stderr));
        let counts = json(&played.stdout)["deadlines"].clone();
        assert_eq!(counts["policy"], policy);
        let frames = sum(&counts, &["on_time", "late", "degraded", "dropped"]);
        assert_eq!(frames, 3, "every frame is shown or dropped: {counts}");

        let report = desk.file("late.json", b"");
        let args = ["bench", &good, "--seconds", "1", "--rate", "100", "--late", policy];
        let measured = iev(&args).args(["--json", &report]).output().unwrap();
        assert!(measured.status.success(), "{}", text(&measured.stderr));
        let measured = json(&std::fs::read(&report).unwrap());
        let counts = &measured["deadlines"];
        assert_eq!(
            (&counts["policy"], &measured["conditions"]["late"]),
            (&policy.into(), &policy.into())
        );
        assert_eq!(measured["times"], sum(counts, &["on_time", "late", "degraded"]), "{counts}");
    }
    let per_view = ["decode", &good, "--late", "degrade", "-o", "view%v.y4m"];
    let sentence = refusal(&mut iev(&per_view), USAGE);
    assert!(sentence.contains("lose step"), "{sentence}");
}

#[test]
fn an_output_that_is_the_stream_leaves_it_whole() {
    let desk = Desk::new();
    let stream = desk.good();
    let bytes = std::fs::read(&stream).unwrap();
    for arguments in [["--muxer", "yuv", "-o"], ["--muxer", "null", "--framestats"]] {
        let sentence = refusal(iev(&["decode", &stream]).args(arguments).arg(&stream), USAGE);
        assert!(sentence.contains("is the input"), "{sentence}");
        assert_eq!(std::fs::read(&stream).unwrap(), bytes);
    }
}

#[test]
fn a_board_decides_unless_told_otherwise_and_its_limits_hold() {
    let desk = Desk::new();
    let stream = desk.good();
    let profile = include_str!("../../boards/x86_edge.toml");
    let decode = |board: &str| {
        iev(&["decode", &stream, "--muxer", "null", "--stats", "json", "--board", board])
    };
    let stats = text(&decode("x86_edge").output().unwrap().stdout);
    assert!(stats.contains("\"in_use\": \"cpu\"") && !stats.contains("cuda"), "{stats}");

    let slow =
        desk.file("slow.toml", profile.replace("display_hz = 60", "display_hz = 23").as_bytes());
    let said = refusal(&mut decode(&slow), USAGE);
    assert!(said.contains("pictures per second needs 24, limit is 23"), "{said}");
    let alone = desk.file("alone.toml", profile.replace("views = 16", "views = 1").as_bytes());
    assert!(refusal(&mut decode(&alone), USAGE).contains("number of views needs 2, limit is 1"));

    let typo = desk.file("typo.toml", profile.replace("views = 16", "view = 16").as_bytes());
    let Output { status, stderr, .. } = decode(&typo).output().unwrap();
    assert_eq!(status.code(), Some(USAGE));
    assert!(text(&stderr).contains("unknown field `view`"), "{}", text(&stderr));
}

#[test]
fn the_doctor_answers_on_any_machine() {
    let Output { status, stdout, .. } = iev(&["doctor", "--json"]).output().unwrap();
    let facts: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert!(facts["memory_mib"].as_u64().is_some_and(|mib| mib > 0), "{facts}");
    assert_eq!(facts["onnxruntime"]["providers"]["cpu"], "registers", "{facts}");
    assert_eq!(status.code(), Some(0), "{facts}");

    let bare =
        iev(&["doctor"]).env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so").output().unwrap();
    let said = text(&bare.stdout);
    assert_eq!(bare.status.code(), Some(USAGE));
    assert!(said.contains("to do: ") && said.contains("cargo xtask ort"), "{said}");
}

#[test]
fn onnx_runtime_leaves_no_trace_in_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    let mut doctor = iev(&["doctor", "--json"]);
    doctor.env("HOME", home.path()).env("TMPDIR", home.path()).env_remove("XDG_CACHE_HOME");
    let Output { status, stdout, .. } =
        doctor.env_remove("ORT_DISABLE_TELEMETRY").output().unwrap();
    assert!(status.success() && text(&stdout).contains("registers"), "{}", text(&stdout));
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

//! Command line: bad input gets one clear sentence and a failing exit code, never a panic, and an
//! export that does not finish leaves nothing behind.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use desk::{Desk, OLDER, limited};
use iev_exporter::verify::Verification;
use iev_runtime::board::{BUILT_IN, Board};
use iev_runtime::network::backend::Backend;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::Player;
use iev_runtime::profile::PROFILES;

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn views_that_do_not_belong_together_are_named_with_their_numbers() {
    let desk = Desk::new();
    let [left, right] = desk.pair();
    let wide = desk.view("wide.y4m", (48, 32), 2);
    let long = desk.view("long.y4m", (32, 32), 3);
    let sizes = desk.refusal(&mut desk.encode(&[left.clone(), right.clone(), wide.clone()]));
    for part in [name(&left), name(&wide), "32x32".into(), "48x32".into()] {
        assert!(sizes.contains(&part), "{sizes}");
    }
    let lengths = desk.refusal(&mut desk.encode(&[left, right, long.clone()]));
    for part in [name(&long), "3 frames, 1 more than".into(), "--shortest".into()] {
        assert!(lengths.contains(&part), "{lengths}");
    }
}

#[test]
fn quiet_is_silence_but_for_errors_and_json_has_the_warnings() {
    let desk = Desk::new();
    // A view that says no rate, twice: two warnings each.
    let view = desk.path("unsure.y4m");
    let good = std::fs::read(desk.view("sure.y4m", (32, 32), 2)).unwrap();
    let line = good.iter().position(|byte| *byte == b'\n').unwrap();
    std::fs::write(&view, [b"YUV4MPEG2 W32 H32", &good[line..]].concat()).unwrap();
    let views = [view.clone(), view];
    let export = |command: &str| {
        let mut export = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        export.arg(command).current_dir(desk.path("")).env("IEV_FFMPEG", "/nonexistent/ffmpeg");
        export
    };
    let mut encode = export("encode");
    encode.args(&views).args(["-o", "clip.iev", "--anchor", "0,1", "--json"]);
    let mut verify = export("verify");
    verify.arg("clip.iev").args(&views).arg("--json");
    let mut reference = export("reference");
    reference.args(&views).args(["-o", "crop.ref", "--crop", "0,0,8,8"]);
    let rate = "unsure.y4m: says no rate: taken for 25/1 frames a second";
    for (mut command, warnings) in [(encode, 2), (verify, 0), (reference, 2)] {
        let aloud = command.output().unwrap();
        let said = String::from_utf8_lossy(&aloud.stderr).into_owned();
        assert!(aloud.status.success(), "{said}");
        assert_eq!(said.matches(rate).count(), warnings, "{said}");
        assert!(said.contains("are the same file"), "{said}");
        let quiet = command.arg("--quiet").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&quiet.stderr), "");
        let json = String::from_utf8_lossy(&quiet.stdout).into_owned();
        let of_json = if json.is_empty() { warnings } else { json.matches(rate).count() };
        assert_eq!(of_json, warnings, "{json}");
    }
    // Without ffmpeg there are no peers, and no more than that is said.
    let mut peers = export("peers");
    desk.refusal(peers.args(&views).args(["--out", "peers.csv", "--quiet"]));
    let curve = "name = 'curve'\n[clip]\nviews = ['unsure.y4m', 'unsure.y4m']\n[[points]]\nlabel = 'one'\n\
                 device = 'abacus'\n";
    std::fs::write(desk.path("curve.toml"), curve).unwrap();
    for command in ["rd", "ablate"] {
        let said = desk.refusal(export(command).args(["curve.toml", "--out", "out", "--quiet"]));
        assert!(said.contains("abacus"), "{command}: {said}");
    }
}

#[test]
fn views_that_cannot_be_read_are_named() {
    let desk = Desk::new();
    let [left, right] = desk.pair();
    let missing = desk.path("missing.y4m");
    let said = desk.refusal(&mut desk.encode(&[left.clone(), missing.clone()]));
    assert!(said.contains(&name(&missing)), "{said}");

    let text = desk.path("text.y4m");
    std::fs::write(&text, "not a video\n").unwrap();
    let said = desk.refusal(&mut desk.encode(&[left.clone(), text.clone()]));
    assert!(said.contains(&name(&text)) && said.contains("YUV4MPEG2"), "{said}");

    let whole = std::fs::read(&right).unwrap();
    let cut = desk.path("cut.y4m");
    std::fs::write(&cut, &whole[..whole.len() - 9]).unwrap();
    let said = desk.refusal(&mut desk.encode(&[left.clone(), cut.clone()]));
    assert!(said.contains(&name(&cut)) && said.contains("frame 1"), "{said}");

    let foreign = desk.path("clip.mkv");
    std::fs::write(&foreign, "needs another program").unwrap();
    let said = desk.refusal(&mut desk.encode(&[left, foreign]));
    assert!(said.contains("install ffmpeg"), "{said}");
}

#[test]
fn what_was_typed_wrong_is_named() {
    let desk = Desk::new();
    let pair = desk.pair();
    let rows: [(&[&str], &str); 4] = [
        (&["--limit", "0"], "limit is at least 1"),
        (&["--anchor", "2"], "views 0 to 1"),
        (&["--profile", "newt"], "newt"),
        (&["--device", "abacus"], "abacus"),
    ];
    for (args, named) in rows {
        let said = desk.refusal(desk.encode(&pair).args(["--steps", "1"]).args(args));
        assert!(said.contains(named), "{args:?}: {said}");
    }
    let many = ["a.y4m", "b.y4m"].map(|name| desk.view(name, (16, 16), 100));
    let args = ["--steps", "1", "--gop", "100", "--keys", "97"];
    let said = desk.refusal(desk.train(&many).args(args));
    assert!(said.contains("at most 96 key pictures"), "{said}");
    let nowhere = desk.refusal(desk.encode(&pair).args(["--steps", "1", "--work", "/dev/null/x"]));
    assert!(nowhere.contains("/dev/null/x"), "{nowhere}");
    let typed: [(&[&str], &str); 3] = [
        (&["--size", "80 k"], "80000, 80k or 1.5M"),
        (&["--size", "80k", "--qp", "30"], "cannot be used with"),
        (&["--bitrate", "5M", "--size", "1k"], "cannot be used with"),
    ];
    for (args, named) in typed {
        let output = desk.encode(&pair).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(named), "{args:?}: {said}");
    }
    let start = desk.path("elsewhere").display().to_string();
    let said = desk.refusal(desk.train(&pair).args(["--steps", "1", "--warm-start", &start]));
    assert!(said.contains("elsewhere"), "{said}");
    let usage = desk.encode(&pair).arg("--no-such-flag").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

/// Of every command's own arguments and files; nothing is encoded, or it would diverge and say so.
#[test]
fn what_contradicts_itself_is_named_before_any_long_work() {
    let desk = Desk::new();
    desk.pair();
    let write = |name: &str, text: &str| std::fs::write(desk.path(name), text).unwrap();
    let curve = "name = 'curve'\nclip.views = ['left.y4m', 'right.y4m']\n\
                 settings = { learning-rate = 1e30, anchor = 0 }\npoints = [{ label = 'one' }]\n";
    let head = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v\n";
    write("curve.toml", curve);
    write("explicit.toml", &curve.replace("anchor = 0", "anchor = [0, 1]"));
    write("doubled.toml", &curve.replace("anchor = 0", "anchor = [0, 0]"));
    for (name, peers) in [("lost", "none.csv"), ("bad", "bad.csv"), ("own", "own.csv")] {
        write(&format!("{name}.toml"), &format!("peers = ['{peers}']\n{curve}"));
    }
    write("twice.toml", &format!("peers = ['a.csv', 'a.csv']\n{curve}"));
    write("bad.csv", &format!("{head}a,1,2,nan,4,5,6\n"));
    write("own.csv", &format!("{head}iev,1,2,3,4,5,6\n"));
    write("a.csv", &format!("{head}a,1,2,3,4,5,6\n"));
    let far = format!("reference left.y4m -o new --crop {},0,8,8", usize::MAX);
    let rows = [
        ("encode left.y4m right.y4m -o new --anchor 0,0", "anchor names view 0 twice"),
        ("peers left.y4m --out new --codecs x264-fast,x264-fast", "--codecs names x264-fast twice"),
        ("peers left.y4m --out new --qualities 30,24,30", "--qualities names 30 twice"),
        ("reference left.y4m -o new --crop 0,0,8,8 --frames 1,1", "--frames names 1 twice"),
        ("reference left.y4m -o new --crop 0,0,64,8", "0,0,64,8 goes beyond pictures of 32x32"),
        (&far, "goes beyond pictures of 32x32"),
        ("rd curve.toml --only one --only one", "--only names one twice"),
        ("rd doubled.toml", "anchor names view 0 twice"),
        ("rd lost.toml", "none.csv"),
        ("rd bad.toml", "a 1 has NaN kbit/s"),
        ("rd own.toml", "is called \"iev\" as this one is"),
        ("rd twice.toml", "peers names a.csv twice"),
        ("ablate lost.toml", "none.csv"),
        ("ablate curve.toml --without grids --without grids", "--without names grids twice"),
        ("ablate explicit.toml", "point \"one\": every view is explicit"),
    ];
    for (line, part) in rows {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        command.args(line.split(' ')).current_dir(desk.path(""));
        let said = desk.refusal(&mut command);
        assert!(said.contains(part), "{line}: {said}");
    }
}

#[test]
fn an_output_that_cannot_be_is_noticed_before_training() {
    let desk = Desk::new();
    let pair = desk.pair();
    let (view, nowhere) = (name(&pair[0]), name(&desk.path("out/clip")));
    let source = std::fs::read(&pair[0]).unwrap();
    let other = name(&desk.view("other.y4m", (32, 32), 1));
    let rows: [(&[&str], &str); 7] = [
        (&["-o", &nowhere], &nowhere),
        (&["-o", "."], ". is a folder"),
        (&["-o", "-"], "a stream goes to a file"),
        (&["-o", "/dev/stdout"], "two outputs go to standard output"),
        (&["-o", &view], "is the input"),
        (&["-o", &other], "is no IEV stream"),
        (&["-o", &name(&desk.path("clip.iev")), "--report", &nowhere], &nowhere),
    ];
    for (args, named) in rows {
        let mut export = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        export.arg("encode").args(&pair).args(args);
        // Training would diverge, and say so.
        export.args(["--quiet", "--learning-rate", "1e30"]);
        let said = desk.refusal(export.env("IEV_FFMPEG", "/nonexistent/ffmpeg"));
        assert!(said.contains(named), "{args:?}: {said}");
    }
    assert!(std::fs::read(&pair[0]).unwrap() == source);
}

#[test]
fn a_board_that_is_too_small_is_told_before_training() {
    let desk = Desk::new();
    let pair = desk.pair();
    let (name, text) = BUILT_IN[0];
    let line = |line: &str| match line.starts_with("views") {
        true => "views = 1\n".to_owned(),
        false => format!("{line}\n"),
    };
    std::fs::write(desk.path("small.toml"), text.lines().map(line).collect::<String>()).unwrap();
    let small = desk.path("small.toml").display().to_string();
    // Training would diverge, and say so.
    let wild = ["--anchor", "0", "--learning-rate", "1e30", "--board"];
    let said = desk.refusal_with(desk.encode(&pair).args(wild).arg(small), 2);
    let needs = "number of views needs 2, limit is 1: give one view";
    assert_eq!(said, format!("board small will not play this: {needs}"));
    let said = desk.refusal_with(desk.encode(&pair).args(wild).arg("toaster"), 2);
    assert!(said.contains("toaster") && said.contains(name), "{said}");
}

#[test]
fn a_stream_of_every_profile_opens_on_every_board() {
    let desk = Desk::new();
    let pair = desk.pair();
    for profile in &PROFILES {
        let mut export = desk.encode(&pair);
        export.args(["--steps", "1", "--anchor", "0", "--no-verify", "--profile", profile.name]);
        let output = export.args(["--board", BUILT_IN[0].0]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (name, _) in BUILT_IN {
            let board = Board::find(name).unwrap();
            let mut options = Options::new(Backend::new(None, board.session()).opener());
            board.apply(&mut options);
            let player = Player::open(&desk.path("clip.iev"), options);
            assert_eq!(player.unwrap().header().profile().unwrap().name, profile.name, "{name}");
        }
    }
}

#[test]
fn curves_are_compared_at_equal_quality() {
    let desk = Desk::new();
    let curve = |name: &str, rows: &[(&str, f64, f64, f64)]| {
        let mut text = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v,worst_y\n".to_owned();
        for (codec, kbps, luma_db, worst_db) in rows {
            text.push_str(&format!("{codec},1,100,{kbps},{luma_db},40,40,{worst_db}\n"));
        }
        std::fs::write(desk.path(name), text).unwrap();
        desk.path(name)
    };
    let ours = curve("ours.csv", &[("iev", 50.0, 30.0, 29.0), ("iev", 100.0, 36.0, 35.0)]);
    let peers = curve("peers.csv", &[("x", 100.0, 30.0, 30.0), ("x", 200.0, 36.0, 36.0)]);
    let compare = |files: [&Path; 2], more: &[&str]| {
        let mut compare = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        compare.arg("compare").args(files).args(more);
        compare
    };
    let said = compare([&ours, &peers], &["--interval", "32,40"]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    // Half the rate at equal luma; 2^(1/6) of that where the worst view is a dB lower.
    for part in [
        "-50.0 % (30.00 to 36.00 dB)",
        "-50.0 % (32.00 to 36.00 dB)",
        "-43.9 % (30.00 to 35.00 dB)",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let twins = curve("twins.csv", &[("a", 50.0, 30.0, 29.0), ("b", 100.0, 36.0, 35.0)]);
    let refused = desk.refusal(&mut compare([&twins, &peers], &[]));
    assert!(refused.contains("twins.csv has curves of 2 codecs"), "{refused}");
    let refused = desk.refusal(&mut compare([&ours, &peers], &["--interval", "36,32"]));
    assert!(refused.contains("from 36 to 32"), "{refused}");
}

#[test]
fn a_late_point_of_a_curve_is_checked_before_the_first_trains() {
    let desk = Desk::new();
    desk.pair();
    for (wrong, named) in [("anchor = 7", "views 0 to 1"), ("device = 'abacus'", "abacus")] {
        // Training would diverge, and say so.
        let curve = format!(
            "name = 'curve'\n[clip]\nviews = ['left.y4m', 'right.y4m']\n[settings]\nanchor = 0\n\
             learning-rate = 1e30\n[[points]]\nlabel = 'one'\n[[points]]\nlabel = 'two'\n{wrong}\n"
        );
        std::fs::write(desk.path("curve.toml"), curve).unwrap();
        let mut rd = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        rd.arg("rd").arg(desk.path("curve.toml")).arg("--out").arg(desk.path("out")).arg("--quiet");
        let said = desk.refusal(rd.env("IEV_FFMPEG", "/nonexistent/ffmpeg"));
        assert!(said.contains("point \"two\"") && said.contains(named), "{said}");
    }
}

#[test]
fn a_stream_is_verified_as_either_path_paints_it() {
    let desk = Desk::new();
    let pair = desk.pair();
    let trained = desk.train(&pair).args(["--steps", "1", "--no-verify"]).output().unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    let verify = |path: &str| {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        verify.arg("verify").arg(desk.path("clip.iev")).args(&pair).args(["--path", path]);
        verify.args(["--json", "--quiet"]).output().unwrap()
    };
    let [split, full] = ["split", "full"].map(|path| {
        let said: serde_json::Value = serde_json::from_slice(&verify(path).stdout).unwrap();
        assert_eq!(said["verified"]["path"], path);
        serde_json::from_value::<Verification>(said["verified"].clone()).unwrap()
    });
    assert_eq!([split.layers.len(), full.layers.len()], [1, 0], "one graph shows no layers");
    let apart = (split.figures.psnr_y - full.figures.psnr_y).abs();
    assert!(apart < 0.01, "{} and {} dB", split.figures.psnr_y, full.figures.psnr_y);
    let int8 = full.int8_psnr_y.unwrap();
    let apart = (int8 - full.figures.psnr_y).abs();
    assert!(apart < 0.1, "{int8} and {} dB", full.figures.psnr_y);
    let said = String::from_utf8_lossy(&verify("gpu").stderr).into_owned();
    assert!(said.contains("use split or full"), "{said}");
}

#[test]
fn a_missing_onnx_runtime_is_noticed_before_training() {
    let desk = Desk::new();
    let pair = desk.pair();
    let mut command = desk.train(&pair);
    let said = desk.refusal(command.env("ORT_DYLIB_PATH", "/nonexistent/ort.so"));
    assert!(said.contains("cargo xtask ort") && said.contains("/nonexistent"), "{said}");
}

#[test]
fn an_export_without_ffmpeg_or_work_folder_leaves_one_stream_and_nothing_else() {
    let desk = Desk::new();
    let pair = desk.pair();
    let output = desk.train(&pair).args(["--steps", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(desk.listing(), ["clip.iev", "left.y4m", "right.y4m"]);
    let bytes = std::fs::metadata(desk.path("clip.iev")).unwrap().len();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("{bytes} bytes")), "{said}");
}

#[test]
fn openh264_says_that_it_stands_in_for_an_ffmpeg_that_is_not_there() {
    let desk = Desk::new();
    let mut export = Command::new(env!("CARGO_BIN_EXE_iev-export"));
    // Training would diverge, and say so.
    export.arg("encode").args(desk.pair()).arg("-o").arg(desk.path("clip.iev"));
    export.args(["--learning-rate", "1e30"]);
    let output = export.env("IEV_FFMPEG", "/nonexistent/ffmpeg").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("openh264") && said.contains("/nonexistent/ffmpeg"), "{said}");
    assert!(!said.contains("changes nothing"), "{said}");
    export.args(["--x264-params", "me=esa", "--key-offset", "-3"]);
    let said = export.args(["--anchor", "0,1", "--warm-start", "start"]).output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    for setting in ["--x264-params", "--key-offset", "--warm-start"] {
        assert!(said.contains(&format!("{setting} changes nothing")), "{said}");
    }
}

#[test]
fn h264_says_that_it_stands_in_for_av1_where_ffmpeg_lacks_its_encoder() {
    let desk = Desk::new();
    let (pair, ffmpeg) = (desk.pair(), desk.path("ffmpeg"));
    std::fs::write(&ffmpeg, "#!/bin/sh\necho ' V....D libx264  H.264'\nexit 1\n").unwrap();
    std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
    let with = |mut export: Command, codec: &str| {
        export.args(["--codec", codec]).env("IEV_FFMPEG", &ffmpeg);
        export
    };
    let said = desk.refusal(&mut with(desk.encode(&pair), "av1"));
    assert!(said.contains("--codec av1") && said.contains("no libsvtav1"), "{said}");
    // x264 then fails, since there is none in this ffmpeg either.
    let output = with(desk.encode_aloud(&pair), "auto").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("H.264 instead of AV1") && said.contains("no libsvtav1"), "{said}");
    let asked = with(desk.encode_aloud(&pair), "h264").output().unwrap();
    assert!(!String::from_utf8_lossy(&asked.stderr).contains("AV1"), "who asks for H.264 gets it");
    let said = desk.refusal(desk.encode(&pair).args(["--board", "toaster"]));
    assert!(said.contains("toaster"), "{said}");
}

#[test]
fn an_ffmpeg_that_dies_is_told_with_its_own_words() {
    let desk = Desk::new();
    let pair = desk.pair();
    let ffmpeg = desk.path("ffmpeg");
    std::fs::write(&ffmpeg, "#!/bin/sh\necho out of luck >&2\nkill -9 $$\n").unwrap();
    std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = desk.train(&pair);
    let said = desk.refusal(command.args(["--steps", "1"]).env("IEV_FFMPEG", &ffmpeg));
    assert!(said.contains("out of luck"), "{said}");
}

#[test]
fn a_full_disk_is_one_sentence_and_keeps_an_older_stream() {
    let desk = Desk::new();
    let pair = desk.pair();
    std::fs::write(desk.path("clip.iev"), OLDER).unwrap();
    let work = desk.path("work");
    std::fs::create_dir(&work).unwrap();
    // No file may grow beyond nothing, which the system refuses like a full disk.
    let full = |args: &[&str]| {
        let mut export = desk.train(&pair);
        export.args(["--steps", "1"]).args(args);
        desk.refusal(&mut limited(&export, "trap '' XFSZ; ulimit -f 0"))
    };
    let rows = [(vec![], "clip.iev"), (vec!["--work", work.to_str().unwrap()], "work/explicit")];
    for (args, file) in rows {
        let said = full(&args);
        assert!(said.contains(file) && said.contains("File too large"), "{said}");
    }
    assert_eq!(std::fs::read(desk.path("clip.iev")).unwrap(), OLDER);
}

#[test]
fn a_damaged_checkpoint_is_named_and_kept() {
    let desk = Desk::new();
    let pair = desk.pair();
    std::fs::create_dir(desk.path("work")).unwrap();
    std::fs::write(desk.path("work/train.pt"), "half a checkpoint").unwrap();
    for flag in ["--work", "--warm-start"] {
        let mut export = desk.train(&pair);
        export.args(["--learning-rate", "1e30", flag]).arg(desk.path("work"));
        let said = desk.refusal(&mut export);
        assert!(said.contains("train.pt is no checkpoint"), "{flag}: {said}");
    }
    let kept = std::fs::read_to_string(desk.path("work/train.pt")).unwrap();
    assert_eq!(kept, "half a checkpoint");
}

#[test]
fn a_training_that_diverges_says_what_to_do_and_keeps_a_good_checkpoint() {
    let desk = Desk::new();
    let pair = desk.pair();
    let work = desk.path("work");
    std::fs::create_dir(&work).unwrap();
    let wild = || {
        let mut export = desk.train(&pair);
        export.args(["--learning-rate", "1e30", "--checkpoint-every", "0", "--work"]).arg(&work);
        desk.refusal(&mut export)
    };
    let said = wild();
    assert!(said.contains("diverged at step") && said.contains("lower --learning-rate"), "{said}");
    let checkpoint = std::fs::read(work.join("train.pt")).unwrap();
    let state = tch::Tensor::load_multi(work.join("train.pt")).unwrap();
    for (name, tensor) in state {
        assert_eq!(tensor.isfinite().all().int64_value(&[]), 1, "{name}");
    }
    assert_eq!(wild(), said, "gone on from the checkpoint, it meets the same");
    assert!(std::fs::read(work.join("train.pt")).unwrap() == checkpoint);
}

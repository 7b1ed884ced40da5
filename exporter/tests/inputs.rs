//! Inputs with odd names or odd contents: read as they are, or refused by name with what to do.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use desk::Desk;

const INPUT: i32 = 1;
const USAGE: i32 = 2;

/// `reference` reads its views and needs nothing else.
fn reference(desk: &Desk, view: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
    command.args(["reference", "--crop", "0,0,8,8", "-o", "crop.ref", "--", view]);
    command.current_dir(desk.path("")).env("IEV_FFMPEG", "/nonexistent");
    command
}

#[test]
fn damaged_views_are_named_with_what_is_wrong() {
    let desk = Desk::new();
    let good = std::fs::read(desk.view("good.y4m", (32, 32), 2)).unwrap();
    let line = good.iter().position(|byte| *byte == b'\n').unwrap();
    let with = |header: &str| [header.as_bytes(), &good[line..]].concat();
    let rows = [
        ("empty", vec![], "this is empty"),
        ("text", b"hello\n".to_vec(), "a stream starts with YUV4MPEG2"),
        ("crlf", with("YUV4MPEG2 W32 H32 F25:1 C420\r"), "ends with a line feed"),
        ("half", with("YUV4MPEG2 W32 H32 F30000:0 C420"), "the frame rate is a ratio"),
        ("fast", with("YUV4MPEG2 W32 H32 F1000000000:1 C420"), "the frame rate"),
        ("large", with("YUV4MPEG2 W99999 H32 F25:1 C420"), "width and height are 1 to 8192"),
        ("none", with("YUV4MPEG2 F25:1 C420"), "both width and height"),
        ("header", good[..=line].to_vec(), "this has none"),
        ("cut", good[..good.len() - 1].to_vec(), "ends inside frame 1"),
        ("behind", [&good[..], b"more"].concat(), "breaks the rule"),
        ("binary", vec![0; 4096], "a stream starts with YUV4MPEG2"),
    ];
    for (name, bytes, part) in rows {
        let name = format!("{name}.y4m");
        std::fs::write(desk.path(&name), bytes).unwrap();
        let said = desk.refusal_with(&mut reference(&desk, &name), INPUT);
        assert!(said.contains(&name) && said.contains(part), "{name}: {said}");
    }
    std::fs::write(desk.path("void.mp4"), "").unwrap();
    let said = desk.refusal_with(&mut reference(&desk, "void.mp4"), INPUT);
    assert!(said.contains("void.mp4: this is empty"), "{said}");
    let said = desk.refusal_with(reference(&desk, "-").arg("-"), USAGE);
    assert!(said.contains("standard input, which is one view"), "{said}");
    let said = desk.refusal_with(&mut reference(&desk, "not there.y4m"), USAGE);
    assert!(said.contains("not there.y4m"), "{said}");
    let said = desk.refusal_with(&mut reference(&desk, "a\nb.y4m"), USAGE);
    assert!(said.contains("a\\nb.y4m"), "one line: {said}");
}

#[test]
fn what_is_no_view_is_named_with_what_makes_one_of_it() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("jpegs")).unwrap();
    std::fs::create_dir(desk.path("nothing")).unwrap();
    let rows: [(&str, &[u8], &str, &str); 7] = [
        (
            "clip.iev",
            b"\x89IEV\r\n\x1a\n of before",
            "clip.iev",
            "`iev decode clip.iev -o v%v.y4m`",
        ),
        ("stream.mp4", b"\x89IEV\r\n\x1a\n of before", "stream.mp4", "is an IEV stream already"),
        ("mp4.y4m", b"\0\0\0\x20ftypisom", "mp4.y4m", "seems to be MP4"),
        ("png.Y4M", b"\x89PNG\r\n\x1a\n", "png.Y4M", "seems to be PNG"),
        ("bare.yuv", &[128; 1536], "bare.yuv", "-f rawvideo -pix_fmt yuv420p -s WxH"),
        ("jpegs/1.jpg", b"\xff\xd8\xff\xe0", "jpegs", "JPEG: ffmpeg -pattern_type glob"),
        ("nothing/readme", b"hello", "nothing", "this has none"),
    ];
    for (file, bytes, view, part) in rows {
        std::fs::write(desk.path(file), bytes).unwrap();
        let said = desk.refusal_with(&mut reference(&desk, view), INPUT);
        assert!(said.starts_with(view) && said.contains(part), "{file}: {said}");
    }
}

#[test]
fn a_film_without_video_is_said_to_have_none() {
    let desk = Desk::new();
    let ffmpeg = desk.path("ffmpeg");
    let words = "[fatal] Stream map '' matches no streams.";
    std::fs::write(&ffmpeg, format!("#!/bin/sh\necho \"{words}\" >&2\nexit 1\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&ffmpeg, mode).unwrap();
    std::fs::write(desk.path("song.mp4"), "a song").unwrap();
    let said = desk.refusal_with(reference(&desk, "song.mp4").env("IEV_FFMPEG", &ffmpeg), INPUT);
    assert!(said.contains("song.mp4: ffmpeg finds no video in it"), "{said}");
}

#[test]
fn a_film_that_another_takes_the_place_of_is_refused() {
    let desk = Desk::new();
    // Tells of another film each time that it is called, and sends the same pictures.
    let ffmpeg = desk.path("ffmpeg");
    let shown = "[Parsed_showinfo_0 @ 0x1] [info] n: 0 pts: 0 fmt:yuv420p sar:1/1 s:32x32 i:P";
    let script = format!(
        "#!/bin/sh\ncolour=bt709\n[ -e seen ] && colour=smpte170m\n: >seen\necho '{shown}' >&2\n\
         echo \"[Parsed_showinfo_0 @ 0x1] [info] color_range:tv color_space:$colour\" >&2\ncat pictures\n"
    );
    std::fs::write(&ffmpeg, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&ffmpeg, mode).unwrap();
    std::fs::copy(desk.view("good.y4m", (32, 32), 2), desk.path("pictures")).unwrap();
    std::fs::write(desk.path("film.mp4"), "a film").unwrap();
    let film = || {
        let mut command = reference(&desk, "film.mp4");
        command.env("IEV_FFMPEG", &ffmpeg);
        command
    };
    let changed = film().output().unwrap();
    let said = String::from_utf8_lossy(&changed.stderr).into_owned();
    assert!(said.contains("film.mp4: changed while it was read"), "{said}");
    assert_eq!(changed.status.code(), Some(INPUT));
    let calm = film().output().unwrap();
    assert!(calm.status.success(), "{}", String::from_utf8_lossy(&calm.stderr));
}

#[test]
fn a_view_that_changes_while_it_is_read_is_refused() {
    let desk = Desk::new();
    std::fs::copy(desk.view("good.y4m", (32, 32), 2), desk.path("pictures")).unwrap();
    let shown = "[Parsed_showinfo_0 @ 0x1] [info] n: 0 pts: 0 fmt:yuv420p sar:1/1 s:32x32 i:P";
    for (name, change) in [("grows", "echo more >>film.mp4"), ("goes", "rm -f film.mp4")] {
        // Reads the film as it is, and then it is another.
        let ffmpeg = desk.path(name);
        let script = format!("#!/bin/sh\necho '{shown}' >&2\ncat pictures\n{change}\n");
        std::fs::write(&ffmpeg, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&ffmpeg, mode).unwrap();
        std::fs::write(desk.path("film.mp4"), "a film").unwrap();
        let output = reference(&desk, "film.mp4").env("IEV_FFMPEG", &ffmpeg).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("film.mp4: changed while it was read"), "{name}: {said}");
        assert_eq!(output.status.code(), Some(INPUT), "{name}");
    }
    // A picture that waits for its bytes; meanwhile its folder gets another one.
    std::fs::create_dir(desk.path("folder")).unwrap();
    let pipe = desk.path("folder/1.png");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[9; 64]).unwrap();
    let later = desk.path("folder/2.png");
    let writer = std::thread::spawn(move || {
        let mut to = File::options().write(true).open(pipe).unwrap();
        // Longer than the file system's clock ticks.
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::fs::write(later, &picture).unwrap();
        to.write_all(&picture).unwrap();
    });
    let output = reference(&desk, "folder").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("folder: changed while it was read"), "{said}");
    writer.join().unwrap();
}

#[test]
fn views_with_odd_names_and_standard_input_are_read() {
    let desk = Desk::new();
    let crops = |command: &mut Command| {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command:?}: {said}");
        std::fs::read(desk.path("crop.ref")).unwrap()
    };
    let plain = desk.view("plain.y4m", (32, 32), 2);
    let expected = crops(&mut reference(&desk, "plain.y4m"));
    for name in ["http:a.y4m", "-x.Y4M", "50%.y4m", "%v.y4m", "a b.y4m", "ünï\n.y4m"] {
        desk.view(name, (32, 32), 2);
        assert!(crops(&mut reference(&desk, name)) == expected, "{name}");
    }
    let piped = |path: &PathBuf| File::open(path).unwrap();
    assert!(crops(reference(&desk, "-").stdin(piped(&plain))) == expected);
    // A pipe is y4m by whatever name.
    let mut cat = Command::new("cat").arg(&plain).stdout(Stdio::piped()).spawn().unwrap();
    let pipe = cat.stdout.take().unwrap();
    assert!(crops(reference(&desk, "/dev/stdin").stdin(pipe)) == expected);
    assert!(cat.wait().unwrap().success());
    assert!(Command::new("mkfifo").arg(desk.path("pipe.mp4")).status().unwrap().success());
    let (from, to) = (plain.clone(), desk.path("pipe.mp4"));
    let writer = std::thread::spawn(move || std::fs::copy(from, to).unwrap());
    assert!(crops(&mut reference(&desk, "pipe.mp4")) == expected);
    writer.join().unwrap();
}

#[test]
fn ffmpeg_is_given_files_by_whatever_name() {
    let desk = Desk::new();
    // Says what it is asked to read, and fails.
    let ffmpeg = desk.path("ffmpeg");
    std::fs::write(
        &ffmpeg,
        "#!/bin/sh\nfor a; do case $a in file:*) echo \"<$a>\" >&2;; esac; done\nexit 1\n",
    )
    .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&ffmpeg, mode).unwrap();
    for name in ["cam:1.mp4", "http:a.mkv", "-i.mkv", "a%03d.mkv"] {
        std::fs::write(desk.path(name), "a film").unwrap();
        let said = desk.refusal_with(reference(&desk, name).env("IEV_FFMPEG", &ffmpeg), INPUT);
        assert!(said.contains(&format!("<file:{name}>")), "{said}");
    }
}

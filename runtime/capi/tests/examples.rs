//! Examples: the program of the README compiles and runs as it stands there, and the one in Python saves the picture
//! that the player in Rust gives.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod built;

use std::process::{Command, Output};

use iev_runtime::picture::rgb::Rgb;
use iev_runtime::{Backend, FrameIndex, Options, Player, Source, ViewId};

#[test]
fn the_program_of_the_readme_plays_the_sample() {
    let readme = std::fs::read_to_string(built::own("../../README.md")).unwrap();
    let (_, after) = readme.split_once("```c\n").unwrap();
    let (program, _) = after.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    built::install(folder.path());
    let source = folder.path().join("readme.c");
    std::fs::write(&source, program).unwrap();
    let program = built::compile(folder.path(), &source, &[]).unwrap();
    let run = || Command::new(&program).current_dir(folder.path()).output().unwrap();
    let Output { status, stderr, .. } = run();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.code() == Some(1) && said.contains("models/sample.iev: No such file"), "{said}");
    std::fs::create_dir(folder.path().join("models")).unwrap();
    std::fs::write(folder.path().join("models/sample.iev"), iev_models::SAMPLE).unwrap();
    assert!(run().status.success());
}

#[test]
fn python_saves_a_picture() {
    let python = Command::new("python3").arg("--version").output();
    if iev_skips::fetched("python3", python).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    built::install(folder.path());
    let stream = folder.path().join("sample.iev");
    std::fs::write(&stream, iev_models::SAMPLE).unwrap();
    let save = |stream: &str| {
        let mut python = Command::new("python3");
        python.arg(built::own("examples/save_frame.py")).args([stream, "2", "30", "picture.png"]);
        python.env("LIBIEV", folder.path().join("libiev.so")).current_dir(folder.path());
        python.output().unwrap()
    };
    let refusal = save("none.iev");
    let said = String::from_utf8_lossy(&refusal.stderr);
    assert!(!refusal.status.success() && said.contains("none.iev: No such file"), "{said}");
    let saved = save("sample.iev");
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));

    let file = std::fs::File::open(folder.path().join("picture.png")).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgba).unwrap();
    let options = Options::new(Backend::default().opener());
    let player = Player::over(Source::from(iev_models::SAMPLE.to_vec()), options).unwrap();
    let shown = player.at([ViewId(2)].into_iter().collect(), FrameIndex(30)).unwrap();
    let rgb = Rgb::of(&shown.pictures[0].picture, player.header().colour);
    assert_eq!((reader.info().width, reader.info().height), (480, 272));
    assert!(rgba.chunks(4).map(|p| &p[..3]).eq(rgb.pixels.chunks(3)));
}

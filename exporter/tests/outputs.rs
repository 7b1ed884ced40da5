//! Outputs of `iev-export` never eat its inputs or each other, and are asked for before any long work.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use std::os::unix::fs::symlink;
use std::process::Command;

use desk::Desk;

const USAGE: i32 = 2;

/// A desk with two views, a stream as far as anyone looks, a curve of both, and further names of them.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.pair();
    let curve = "name = 'curve'\npeers = ['peers.csv']\n[clip]\nviews = ['left.y4m', 'right.y4m']\n\
                 [settings]\nlearning-rate = 1e30\nanchor = 0\n[[points]]\nlabel = 'one'\n";
    let peers = "codec,quality,bytes,kbps,psnr_y,psnr_u,psnr_v\na,1,2,3,4,5,6\n";
    let farm = "name = 'farm'\n[[jobs]]\nname = 'job'\npoints = [{ label = 'one' }]\n\
                clip = { views = ['left.y4m', 'right.y4m'], cameras = 'rig.json' }\n";
    std::fs::write(desk.path("curve.toml"), curve).unwrap();
    std::fs::write(desk.path("jobs.toml"), farm).unwrap();
    std::fs::write(desk.path("rig.json"), "{}").unwrap();
    for (folder, name) in [("script", "farm.sbatch"), ("table", "job.csv")] {
        std::fs::create_dir(desk.path(folder)).unwrap();
        std::fs::hard_link(desk.path("rig.json"), desk.path(folder).join(name)).unwrap();
    }
    std::fs::create_dir(desk.path("views")).unwrap();
    symlink("../right.y4m", desk.path("views/farm.csv")).unwrap();
    std::fs::write(desk.path("peers.csv"), peers).unwrap();
    std::fs::write(desk.path("clip.iev"), desk::OLDER).unwrap();
    std::fs::hard_link(desk.path("right.y4m"), desk.path("hard")).unwrap();
    symlink("right.y4m", desk.path("soft")).unwrap();
    symlink(".", desk.path("here")).unwrap();
    std::fs::create_dir(desk.path("pictures")).unwrap();
    std::fs::write(desk.path("pictures/1.png"), "a picture").unwrap();
    std::fs::hard_link(desk.path("pictures/1.png"), desk.path("picture")).unwrap();
    std::fs::create_dir(desk.path("csv")).unwrap();
    std::fs::hard_link(desk.path("peers.csv"), desk.path("csv/curve.csv")).unwrap();
    std::fs::create_dir(desk.path("start")).unwrap();
    std::fs::write(desk.path("start/train.pt"), "a checkpoint").unwrap();
    std::fs::write(desk.path("start/notes"), "").unwrap();
    desk
}

/// The program, to be started at the desk as `line` says.
fn program(desk: &Desk, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
    command.args(line.split(' ')).current_dir(desk.path(""));
    command
}

/// What is said to a command that must fail for how it is called, and change nothing.
fn refusal(desk: &Desk, line: &str) -> String {
    let mut command = program(desk, line);
    command.env("IEV_FFMPEG", "/nonexistent");
    let files = ["left.y4m", "right.y4m", "clip.iev", "peers.csv", "curve.toml", "pictures/1.png"];
    let files = files.into_iter().chain(["jobs.toml", "rig.json"]);
    let contents =
        || files.clone().map(|name| std::fs::read(desk.path(name)).unwrap()).collect::<Vec<_>>();
    let before = contents();
    let said = desk.refusal_with(&mut command, USAGE);
    assert!(contents() == before, "{line} changed an input");
    said
}

#[test]
fn no_output_of_any_command_is_an_input() {
    let desk = desk();
    let outputs = [
        "encode left.y4m right.y4m -o",
        "encode left.y4m right.y4m -o new.iev --report",
        "verify clip.iev left.y4m right.y4m --report",
        "reference left.y4m right.y4m --crop 0,0,8,8 -o",
        "peers left.y4m right.y4m --out",
    ];
    for output in outputs {
        for name in ["right.y4m", "hard", "soft", "here/right.y4m", "pictures/../right.y4m"] {
            let said = refusal(&desk, &format!("{output} {name}"));
            assert!(said.contains("is the input right.y4m"), "{output} {name}: {said}");
        }
        let said = refusal(&desk, &format!("{output} no/such"));
        assert!(said.contains("no/such: there is no folder no"), "{output}: {said}");
        let said = refusal(&desk, &format!("{output} pictures"));
        assert!(said.contains("pictures is a folder"), "{output}: {said}");
    }
    let rows = [
        ("verify clip.iev left.y4m right.y4m --report clip.iev", "is the input clip.iev"),
        ("encode pictures right.y4m -o pictures/1.png", "is the input pictures/1.png"),
        ("encode pictures right.y4m -o picture", "is the input pictures/1.png"),
        ("encode pictures right.y4m -o pictures/clip.iev", "lies in the input folder pictures"),
        ("encode pictures right.y4m -o new.iev --work pictures", "is the input folder pictures"),
        ("encode left.y4m right.y4m -o new.iev --work left.y4m/work", "left.y4m/work"),
        ("encode left.y4m right.y4m -o new.iev --work start --warm-start start", "train.pt"),
        ("encode left.y4m right.y4m -o start/notes --warm-start start", "is the input start/notes"),
        ("peers left.y4m right.y4m --out new.csv --work left.y4m", "is the input left.y4m"),
        ("rd curve.toml --out csv", "csv/curve.csv is the input"),
        ("rd curve.toml --out curve.toml", "is the input curve.toml"),
        ("ablate curve.toml --out left.y4m/out", "left.y4m/out"),
        ("encode left.y4m right.y4m --cameras rig.json -o rig.json", "is the input rig.json"),
        ("farm jobs.toml --out script", "script/farm.sbatch is the input"),
        ("farm jobs.toml --out table --gather", "table/job.csv is the input"),
        ("farm jobs.toml --out views", "views/farm.csv is the input"),
        ("farm jobs.toml --out jobs.toml", "is the input jobs.toml"),
        ("lower --models left.y4m", "left.y4m"),
        ("encode left.y4m -o new.iev --work clip.iev", "clip.iev is no folder"),
        ("peers left.y4m --out new.csv --work clip.iev", "clip.iev is no folder"),
        ("rd curve.toml --out clip.iev", "clip.iev is no folder"),
    ];
    for (line, part) in rows {
        let said = refusal(&desk, line);
        assert!(said.contains(part), "{line}: {said}");
    }
}

#[test]
fn what_is_printed_goes_into_no_input() {
    let desk = desk();
    let rows = [
        ("encode left.y4m right.y4m -o new.iev", "right.y4m"),
        ("verify clip.iev left.y4m right.y4m", "clip.iev"),
        ("verify clip.iev left.y4m --floor peers.csv", "peers.csv"),
        ("peers left.y4m --out new.csv", "left.y4m"),
        ("reference left.y4m --crop 0,0,8,8 -o -", "left.y4m"),
        ("rd curve.toml --report-only", "peers.csv"),
        ("ablate curve.toml", "curve.toml"),
        ("farm jobs.toml --out new --gather", "rig.json"),
        ("lint clip.iev", "clip.iev"),
    ];
    for (line, name) in rows {
        let before = std::fs::read(desk.path(name)).unwrap();
        let mut command = program(&desk, line);
        let end = std::fs::File::options().append(true).open(desk.path(name)).unwrap();
        let output = command.stdout(end).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(USAGE), "{line}: {said}");
        assert!(said.contains("standard output is the input"), "{line}: {said}");
        assert!(std::fs::read(desk.path(name)).unwrap() == before, "{line} changed {name}");
    }
}

#[test]
fn no_output_is_another() {
    let desk = desk();
    let rows = [
        ("encode left.y4m right.y4m -o clip.iev --report clip.iev", "two outputs go to clip.iev"),
        ("encode left.y4m right.y4m -o new.iev --report here/new.iev", "are one file"),
        ("encode left.y4m right.y4m -o new.iev --report -", "two outputs go to standard output"),
        ("encode left.y4m right.y4m -o new --work new", "two outputs go to new"),
        ("verify clip.iev left.y4m --report /dev/stdout", "two outputs go to standard output"),
        ("peers left.y4m --out -", "two outputs go to standard output"),
        ("peers left.y4m --out new --work here/new", "are one file"),
        ("farm jobs.toml --out -", "two outputs go to standard output"),
    ];
    for (line, part) in rows {
        let said = refusal(&desk, line);
        assert!(said.contains(part), "{line}: {said}");
    }
}

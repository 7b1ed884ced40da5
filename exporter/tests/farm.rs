//! A farm's elements, without a cluster: its script, its variables and its signal are all that an element sees.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use desk::{Desk, interrupt_training};

/// A curve in its own file beside one that is written into the farm's.
const JOBS: &str = "name = 'farm'\nslurm = { cpus-per-task = 1 }\n[[jobs]]\nname = 'pair'\n\
                    clip.views = ['left.y4m', 'right.y4m']\nsettings = { anchor = 0, steps = 20 }\n\
                    points = [{ label = 'one' }]\n[[jobs]]\ncurve = 'curve.toml'\n";
const CURVE: &str =
    "name = 'curve'\nclip.views = ['left.y4m', 'right.y4m']\npoints = [{ label = 'two' }]\n";

/// The folder of a farm whose cluster notes what is queued again.
fn farm() -> Desk {
    let desk = Desk::new();
    desk.pair();
    std::fs::write(desk.path("jobs.toml"), JOBS).unwrap();
    std::fs::write(desk.path("curve.toml"), CURVE).unwrap();
    std::fs::create_dir(desk.path("bin")).unwrap();
    let scontrol = format!("#!/bin/sh\necho \"$*\" >>'{}'\n", desk.path("queued").display());
    std::fs::write(desk.path("bin/scontrol"), scontrol).unwrap();
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(desk.path("bin/scontrol"), runs).unwrap();
    desk
}

fn export(desk: &Desk, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
    command.args(line.split(' ')).current_dir(desk.path(""));
    command.env("IEV_FFMPEG", "/nonexistent/ffmpeg").stdin(Stdio::null());
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Element 0 of array job 7, as Slurm starts it.
fn element(desk: &Desk) -> Command {
    let mut script = Command::new("bash");
    let path = std::env::var("PATH").unwrap();
    script.arg(desk.path("out/farm.sbatch")).current_dir("/").stdin(Stdio::null());
    script.env("PATH", format!("{}:{path}", desk.path("bin").display()));
    script.env("IEV_FFMPEG", "/nonexistent/ffmpeg");
    script.envs([
        ("SLURM_ARRAY_JOB_ID", "7"),
        ("SLURM_ARRAY_TASK_ID", "0"),
        ("SLURM_CPUS_PER_TASK", "1"),
    ]);
    script
}

#[test]
fn an_element_that_is_preempted_is_queued_again_and_ends_with_the_bytes_of_an_undisturbed_one() {
    let desk = farm();
    assert_eq!(said(&mut export(&desk, "farm jobs.toml --out out")), "sbatch out/farm.sbatch\n");
    let (status, lines) = interrupt_training(&mut element(&desk), "-TERM");
    assert_eq!(status.code(), Some(75), "{lines:?}");
    assert_eq!(std::fs::read_to_string(desk.path("queued")).unwrap(), "requeue 7_0\n");
    assert!(desk.path("out/pair/one/train.pt").exists(), "it keeps its steps: {lines:?}");

    let waiting = said(&mut export(&desk, "farm jobs.toml --out out --gather"));
    assert!(waiting.contains("point one is not encoded yet"), "{waiting}");
    said(&mut element(&desk));
    said(&mut export(&desk, "farm jobs.toml --out undisturbed --index 0"));
    let stream = |out: &str| std::fs::read(desk.path(out).join("pair/one/stream.iev")).unwrap();
    assert!(stream("out") == stream("undisturbed"), "as if it had not been stopped");

    let gathered = said(&mut export(&desk, "farm jobs.toml --out out --gather"));
    assert!(gathered.contains("point two is not encoded yet"), "{gathered}");
    let table = std::fs::read_to_string(desk.path("out/farm.csv")).unwrap();
    let rows: Vec<&str> = table.lines().map(|l| l.split(",psnr").next().unwrap()).collect();
    assert_eq!(rows[0], "clip,codec,quality,bytes,kbps", "{table}");
    assert!(rows.len() == 2 && rows[1].starts_with("pair,iev,one,"), "{table}");
    assert!(desk.path("out/curve.html").exists(), "every curve has its page");
}

#[test]
fn a_farm_that_makes_no_sense_is_refused() {
    let desk = farm();
    let shared = JOBS.replace("name = 'pair'", "name = 'farm'");
    std::fs::write(desk.path("shared.toml"), shared).unwrap();
    let rows = [
        ("farm jobs.toml --out out --index 2", "there is no job 2: the farm has jobs 0 to 1"),
        ("farm jobs.toml --out left.y4m", "is the input left.y4m"),
        ("farm shared.toml --out out", "two outputs go to out/farm.csv"),
        ("farm left.y4m --out out", "reading left.y4m"),
    ];
    std::fs::write(desk.path("typo.toml"), JOBS.replace("right.y4m", "rihgt.y4m")).unwrap();
    let typo = export(&desk, "farm typo.toml --out out").output().unwrap();
    let warning = String::from_utf8_lossy(&typo.stderr).into_owned();
    assert!(warning.contains("rihgt.y4m, which job pair reads, is not there"), "{warning}");
    std::fs::remove_dir_all(desk.path("out")).unwrap();
    for (line, part) in rows {
        let refusal = desk.refusal(&mut export(&desk, line));
        assert!(refusal.contains(part), "{line}: {refusal}");
    }
}

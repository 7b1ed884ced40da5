//! Sandbox: anchors decoded by a child process are the same pictures, and whatever becomes of the child
//! is one error and no zombie.
#![cfg(all(feature = "cli", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iev_runtime::anchor::sandbox::Sandbox;
use iev_runtime::format::table::Kind;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::{Error, Result};
use small_stream::{SIZE, explicit_stream, options, right_checksums, small_stream};

/// Tests of this file look at the children of this process, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Pictures of a GOP: more than the pipeline is ahead.
const GOP: u32 = 32;

fn sandboxed() -> Options {
    with(Sandbox::new(env!("CARGO_BIN_EXE_iev").into()))
}

fn with(sandbox: Sandbox) -> Options {
    Options { anchors: sandbox.opener(), ..options(None) }
}

fn all(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.frames())
}

fn pictures(shown: impl Iterator<Item = Result<ShownFrame>>) -> Vec<Vec<u8>> {
    let views = shown.flat_map(|shown| shown.unwrap().pictures);
    views.map(|view| view.picture.i420().to_vec()).collect()
}

/// Processes whose parent is this one, ended ones that nobody waited for included.
fn children() -> Vec<u32> {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Number (name) state parent.
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
        parent == Some(&own)
    };
    numbers.filter(is_child).collect()
}

fn the_child() -> u32 {
    let children = children();
    assert_eq!(children.len(), 1, "a child per playback: {children:?}");
    children[0]
}

fn send(signal: &str) {
    let sent = Command::new("kill").args([signal, &the_child().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn pictures_are_the_same_and_no_child_remains() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for bytes in [small_stream(), explicit_stream(SIZE, 3, 4)] {
        let open = |options| Player::over(bytes.clone().into(), options).unwrap();
        let (own, other) = (open(options(None)), open(sandboxed()));
        let wanted = pictures(own.decode_serial(&all(&own)).unwrap());
        assert!(wanted == pictures(other.decode_serial(&all(&other)).unwrap()));
        assert!(wanted == pictures(other.play(&all(&other)).unwrap()));
        let last = all(&other).frames.end - 1;
        let sought = other.at(ViewSet::all(other.header()), iev_runtime::FrameIndex(last)).unwrap();
        assert!(wanted.ends_with(&pictures([Ok(sought)].into_iter())));
        assert_eq!(children(), [0u32; 0]);
    }
}

/// Pictures, then the words of the error that ended them, if one did.
fn told(bytes: &[u8], options: Options) -> (Vec<Vec<u8>>, Option<String>) {
    let player = Player::over(bytes.to_vec().into(), options).unwrap();
    let mut good = Vec::new();
    for shown in player.decode_serial(&all(&player)).unwrap() {
        match shown {
            Ok(shown) => good.extend(pictures([Ok(shown)].into_iter())),
            Err(Error::Anchor { picture, source }) => {
                return (good, Some(format!("{picture}: {source}")));
            }
            Err(other) => return (good, Some(other.to_string())),
        }
    }
    (good, None)
}

#[test]
fn what_openh264_makes_of_damage_is_the_same() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let good = explicit_stream(SIZE, 1, 3);
    let player = Player::over(good.clone().into(), options(None)).unwrap();
    let section = player.reader().covering(Kind::Anchor, 0, 0).unwrap();
    let mut refused = 0;
    for at in (section.offset as usize..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        right_checksums(&mut bytes);
        let own = told(&bytes, options(None));
        assert!(own == told(&bytes, sandboxed()), "byte {at}: {:?}", own.1);
        refused += usize::from(own.1.is_some_and(|words| words.contains("OpenH264")));
    }
    assert!(refused > 0, "openh264 itself refuses some of it");
    assert_eq!(children(), [0u32; 0]);
}

#[test]
fn the_child_has_no_rights() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let player = Player::over(explicit_stream(SIZE, 1, GOP).into(), sandboxed()).unwrap();
    let mut shown = player.decode_serial(&all(&player)).unwrap();
    shown.next().unwrap().unwrap();
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", the_child())).unwrap();
    let status = read("status");
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{status}");
    }
    let limits = read("limits");
    for (limit, most) in [("Max open files", 0), ("Max core file size", 0)] {
        assert_eq!(number_behind(limit, &limits), most, "{limits}");
    }
    let memory = number_behind("Max data size", &limits);
    assert!((64 << 20..128 << 20).contains(&memory), "{memory} bytes");
    assert_eq!(read("environ"), "");
    assert_eq!(
        std::fs::read_link(format!("/proc/{}/cwd", the_child())).unwrap(),
        PathBuf::from("/")
    );
}

/// The soft limit called `name`.
fn number_behind(name: &str, limits: &str) -> u64 {
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_child_that_is_killed_is_one_error_naming_the_gop() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let player = Player::over(explicit_stream(SIZE, 2, GOP).into(), sandboxed()).unwrap();
    let mut shown = player.decode_serial(&all(&player)).unwrap();
    (0..GOP + 2).for_each(|_| drop(shown.next().unwrap().unwrap()));
    send("-KILL");
    let error = shown.next().unwrap().err().unwrap();
    assert!(error.is_of_the_stream());
    let Error::Anchor { picture, source } = error else { panic!("{error}") };
    assert_eq!(
        (picture.frame.0, source.to_string()),
        (
            GOP + 2,
            format!("the sandbox of the GOP from frame {GOP} on ended with signal: 9 (SIGKILL)"),
        )
    );
    assert!(shown.next().is_none());
    drop(shown);
    assert_eq!(children(), [0u32; 0]);
}

#[test]
fn a_child_that_hangs_is_stopped() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let patience = Duration::from_millis(300);
    let sandbox = Sandbox { patience, ..Sandbox::new(env!("CARGO_BIN_EXE_iev").into()) };
    let player = Player::over(explicit_stream(SIZE, 1, GOP).into(), with(sandbox)).unwrap();
    let mut shown = player.play(&all(&player)).unwrap();
    shown.next().unwrap().unwrap();
    send("-STOP");
    let error = shown.find_map(Result::err).unwrap();
    let Error::Anchor { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().ends_with("was stopped: it took too long"), "{source}");
    drop(shown);
    assert_eq!(children(), [0u32; 0]);
}

#[test]
fn a_player_that_keeps_going_recovers_with_a_new_child() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let player = Player::over(explicit_stream(SIZE, 3, GOP).into(), sandboxed()).unwrap();
    let wanted = pictures(player.play(&all(&player)).unwrap());
    let mut going = player.keep_going(&all(&player)).unwrap();
    let first = pictures(going.by_ref().take(1));
    let first_child = the_child();
    send("-KILL");
    let shown = [first, pictures(going.by_ref().take(2 * GOP as usize - 1))].concat();
    assert_ne!(the_child(), first_child);
    let rest = pictures(going.by_ref());
    let (lost, error) = going.lost();
    assert!((1..GOP).contains(&lost), "{lost} of the first GOP are held");
    assert!(matches!(error, Some(Error::Anchor { .. })), "{error:?}");
    let good = (GOP - lost) as usize;
    assert!(shown[..good] == wanted[..good], "until it was killed");
    assert!(shown[good..GOP as usize].iter().all(|held| *held == wanted[good - 1]), "held");
    assert!([shown, rest].concat()[GOP as usize..] == wanted[GOP as usize..], "recovered");
    drop(going);
    assert_eq!(children(), [0u32; 0]);
}

#[test]
fn a_program_that_is_no_sandbox_is_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = |program: &str| {
        let options = with(Sandbox::new(program.into()));
        let player = Player::over(explicit_stream(SIZE, 1, 1).into(), options).unwrap();
        player.play(&all(&player)).and_then(|mut shown| shown.next().unwrap()).err().unwrap()
    };
    let missing = open("/no/such/iev");
    assert!(matches!(missing, Error::Backend { .. }), "{missing}");
    assert!(missing.to_string().contains("/no/such/iev"), "{missing}");
    let other = open("/bin/true");
    assert!(matches!(other, Error::Anchor { .. }), "{other}");
    let nonsense = open("/bin/echo");
    assert!(matches!(nonsense, Error::Anchor { .. }), "{nonsense}");
    assert_eq!(children(), [0u32; 0]);
}

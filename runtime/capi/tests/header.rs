//! Header: `iev.h` and the library say the same: functions with their arguments, layouts, numbers, version; it is C and
//! C++, and the library shows nothing else.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

#[allow(dead_code, reason = "only layouts and numbers are looked at")]
#[path = "../src/abi.rs"]
mod abi;
mod built;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::mem::offset_of;
use std::process::Command;

use object::{Object, ObjectSymbol};

fn header() -> String {
    fs::read_to_string(built::own("include/iev.h")).unwrap()
}

fn without_comments(text: &str) -> String {
    let after =
        |part: &str| part.split_once("*/").map_or(String::new(), |(_, code)| code.to_owned());
    let mut parts = text.split("/*");
    let start = parts.next().unwrap_or_default().to_owned();
    parts.fold(start, |code, part| code + &after(part))
}

/// Without white space but for one between words.
fn closed_up(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    [" *", "* ", " (", "( ", " )", ", "].iter().fold(text, |t, pair| t.replace(pair, pair.trim()))
}

/// Prototypes of the header, without white space.
fn declared() -> BTreeSet<String> {
    let code = without_comments(&header());
    let lines = code.split(';').filter_map(|s| {
        let from = s.find("iev_")?;
        let start = s[..from].rfind('\n').map_or(0, |at| at + 1);
        let prototype = closed_up(&s[start..]);
        let is_one =
            prototype.ends_with(')') && !prototype.contains("typedef") && !prototype.contains("(*");
        is_one.then_some(prototype)
    });
    lines.collect()
}

/// The type in C of a type in Rust.
fn in_c(rust: &str) -> String {
    if let Some(of) = rust.strip_prefix("*const ") {
        return format!("const {}*", in_c(of));
    }
    if let Some(of) = rust.strip_prefix("*mut ") {
        return format!("{}*", in_c(of));
    }
    match rust {
        "c_char" => "char".into(),
        "c_void" => "void".into(),
        "f64" => "double".into(),
        "u32" | "i32" => format!("{}int32_t", if rust == "u32" { "u" } else { "" }),
        "usize" => "size_t".into(),
        "Handle" => "iev_player".into(),
        own => format!("iev_{}", own.trim_start_matches("abi::").to_lowercase()),
    }
}

/// Prototypes of the functions in Rust.
fn defined() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(built::own("src")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for function in text.split("#[unsafe(no_mangle)]").skip(1) {
            let (signature, _) = function.split_once('{').unwrap();
            let (_, signature) = signature.split_once("fn ").unwrap();
            let (name, rest) = signature.split_once('(').unwrap();
            let (arguments, answer) = rest.rsplit_once(')').unwrap();
            let arguments = arguments.split(',').map(str::trim).filter(|a| !a.is_empty());
            let arguments = arguments.map(|argument| {
                let (name, kind) = argument.split_once(": ").unwrap();
                let kind = in_c(kind);
                let joint = if kind.ends_with('*') { "" } else { " " };
                format!("{kind}{joint}{name}")
            });
            let arguments = arguments.collect::<Vec<_>>().join(",");
            let arguments = if arguments.is_empty() { "void".into() } else { arguments };
            let answer = answer.trim().strip_prefix("-> ").map_or("void".into(), in_c);
            let joint = if answer.ends_with('*') { "" } else { " " };
            found.insert(format!("{answer}{joint}{name}({arguments})"));
        }
    }
    found
}

#[test]
fn the_header_declares_every_function_as_it_is() {
    let (declared, defined) = (declared(), defined());
    let apart: Vec<_> = declared.symmetric_difference(&defined).collect();
    assert!(apart.is_empty(), "in one of both alone: {apart:#?}");
    assert_eq!(declared.len(), 20);
}

#[test]
fn the_library_shows_these_functions_and_nothing_else() {
    let bytes = fs::read(built::library()).unwrap();
    let library = object::File::parse(&*bytes).unwrap();
    let shown = library.dynamic_symbols().filter(|s| s.is_definition() && s.is_global());
    let shown: BTreeSet<_> = shown.map(|s| s.name().unwrap().to_owned()).collect();
    let name = |prototype: &String| {
        let (before, _) = prototype.split_once('(').unwrap();
        before.rsplit([' ', '*']).next().unwrap().to_owned()
    };
    assert_eq!(shown, declared().iter().map(name).collect());
}

/// Assertions in C of a struct's size and its fields' places.
macro_rules! layouts {
    ($($name:ident { $($field:ident),+ })+) => {{
        let mut text = String::new();
        $(
            let c = format!("iev_{}", stringify!($name).to_lowercase());
            let bytes = size_of::<abi::$name>();
            writeln!(text, "_Static_assert(sizeof({c}) == {bytes}, \"{c}\");").unwrap();
            $(
                let (field, at) = (stringify!($field), offset_of!(abi::$name, $field));
                writeln!(text, "_Static_assert(offsetof({c}, {field}) == {at}, \"{c}.{field}\");").unwrap();
            )+
        )+
        text
    }};
}

fn assertions() -> String {
    let mut text = String::from("#include <iev.h>\n");
    text += &layouts! {
        Options { board, onnx_runtime, sandbox, threads, precision }
        Source { user, bytes, read_at, close }
        Header {
            width_px, height_px, rate_frames, rate_seconds, frames, views, implicit_views, aspect_width, aspect_height,
            chroma_location, primaries, transfer, matrix, full_range, cameras
        }
        Camera { position, rotation_wxyz, focal_px, centre_px }
        Extent { width_px, height_px }
        Frame { number, views }
        Picture { planes, strides }
        Plane { samples, stride, bytes }
    };
    let numbers = [
        ("IEV_OK", abi::OK),
        ("IEV_END", abi::END),
        ("IEV_LATER", abi::LATER),
        ("IEV_ERROR_STREAM", abi::ERROR_STREAM),
        ("IEV_ERROR_USAGE", abi::ERROR_USAGE),
        ("IEV_ERROR_BACKEND", abi::ERROR_BACKEND),
        ("IEV_ERROR_SOURCE", abi::ERROR_SOURCE),
        ("IEV_ERROR_BUG", abi::ERROR_BUG),
    ];
    for (name, number) in numbers {
        writeln!(text, "_Static_assert({name} == {number}, \"{name}\");").unwrap();
    }
    for name in ["IEV_ALL_VIEWS", "IEV_TO_THE_END"] {
        writeln!(text, "_Static_assert({name} == {}u, \"{name}\");", abi::ALL).unwrap();
    }
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let number = match part {
            "MAJOR" => env!("CARGO_PKG_VERSION_MAJOR"),
            "MINOR" => env!("CARGO_PKG_VERSION_MINOR"),
            _ => env!("CARGO_PKG_VERSION_PATCH"),
        };
        writeln!(text, "_Static_assert(IEV_VERSION_{part} == {number}, \"{part}\");").unwrap();
    }
    text
}

/// What a compiler says of a file.
fn compiled(compiler: &str, standard: &str, file: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::write(&path, text).unwrap();
    let mut compiler = Command::new(compiler);
    compiler.args([standard, "-fsyntax-only", "-pedantic", "-Wall", "-Wextra", "-Werror"]);
    let output = compiler.arg("-I").arg(built::own("include")).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn layouts_and_numbers_are_the_same_on_both_sides() {
    compiled("cc", "-std=c11", "layouts.c", &assertions());
}

#[test]
fn the_header_is_plain_c_and_cpp() {
    compiled("cc", "-std=c99", "alone.c", "#include <iev.h>\nint main(void) { return 0; }\n");
    compiled("c++", "-std=c++98", "alone.cpp", "#include <iev.h>\nint main() { return 0; }\n");
}

#[test]
fn the_library_is_named_by_its_minor_version() {
    let bytes = fs::read(built::library()).unwrap();
    let name = built::SONAME.as_bytes();
    assert!(bytes.windows(name.len()).any(|window| window == name), "{}", built::SONAME);
    assert!(header().contains("libiev.so.0.MINOR"));
}

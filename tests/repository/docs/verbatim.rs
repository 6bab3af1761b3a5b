//! The first pages as a newcomer follows them: their shell blocks run as they stand, in one folder and one shell.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::pages;

/// Stands in for cargo: what it would build is built already.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
    "run --release -- "*) shift 3; exec scanmill "$@" ;;
    "install --locked --path .") exit 0 ;;
    *) echo "cargo $*: not a command of the first pages" >&2; exit 2 ;;
esac
"#;

/// Runs the blocks of a page, as they stand, and gives what they printed.
fn follow(page: &str) -> String {
    // What goes on until Ctrl-C is not followed to its end, but for an engine, which there is no other way to rows.
    follow_with(page, |line| match line.split_once('#') {
        Some((command, comment)) if comment.contains("Ctrl-C") && command.starts_with("scanmill run") => {
            format!("{command} --until-empty")
        }
        _ if line.contains("--keep") => String::new(),
        _ => line.to_owned(),
    })
}

/// The same with lines that cannot stand in one shell, or would take minutes, brought into a form that can.
fn follow_with(page: &str, line: impl Fn(&str) -> String) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let programs = folder.path().join("programs");
    fs::create_dir_all(home.join("photos")).expect("a home");
    fs::create_dir(&programs).expect("a folder");
    pages::program(&programs.join("cargo"), CARGO);
    photos(&home.join("photos"), folder.path());
    let here = folder.path().join("here");
    fs::create_dir(&here).expect("a folder");

    let script = pages::page(page).blocks("sh").concat();
    let script: String = script.lines().map(|text| format!("{}\n", line(text))).collect();
    let output = pages::shell(&script, &here, &programs)
        .env("HOME", &home)
        // Two pages must not want one port.
        .env("SCANMILL_METRICS_LISTEN", "127.0.0.1:0")
        .output()
        .expect("bash");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}\n{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// Some photos of codes, as a phone would have left them.
fn photos(into: &Path, folder: &Path) {
    let made = folder.join("made");
    let status = Command::new(env!("CARGO_BIN_EXE_scanmill"))
        .args(["pump", "--no-wait", "--quiet", "--count", "40", "--root"])
        .arg(&made)
        .env_remove("SCANMILL_CONFIG")
        .status()
        .expect("starts");
    assert!(status.success());
    let mut waiting = vec![made.join("inbox")];
    while let Some(place) = waiting.pop() {
        for entry in fs::read_dir(&place).expect("a folder") {
            let path = entry.expect("an entry").path();
            if fs::metadata(&path).expect("there").is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "jpg") {
                fs::copy(&path, into.join(path.file_name().expect("a name"))).expect("a copy");
            }
        }
    }
}

#[test]
fn the_readme_leads_to_rows() {
    let printed = follow("README.md");
    assert!(printed.contains("0 lost, 0 duplicated, 0 wrong"), "{printed}");
    assert!(printed.contains("scans"), "{printed}");
}

#[test]
fn the_first_steps_lead_to_rows() {
    let printed = follow("docs/start.md");
    assert!(printed.contains("0 lost, 0 duplicated, 0 wrong"), "{printed}");
    assert!(printed.contains("\"product_url\""), "decode prints JSON: {printed}");
}

#[test]
fn the_guide_to_sizing_measures_this_machine() {
    let printed = follow("docs/guides/sizing.md");
    assert!(printed.contains("asked for 50/s over 20.0 s") && printed.contains("for a million photos"), "{printed}");
}

#[test]
fn the_guide_to_load_tests_drives_an_engine_and_tells_stories() {
    let printed = follow_with("docs/guides/load-tests.md", |line| {
        // Two terminals are one shell here, and its minutes seconds.
        let line = line.replace("--for 2m", "--for 5s").replace("--count 40000", "--count 4000");
        match line.split_once("# in one terminal") {
            Some((command, _)) => format!("{command} &\nengine=$!\ntrap 'kill $engine; wait $engine' EXIT"),
            None => line,
        }
    });
    assert!(printed.contains("asked for 100/s over 5.0 s") && printed.contains("they must lead to"), "{printed}");
}

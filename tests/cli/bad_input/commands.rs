//! Arguments, configuration and roots that are wrong.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use super::{drop_photos, each, says};
use crate::process::{Root, Running, photo, scanmill};

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_configuration_with_five_mistakes_lists_five_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, root) = (folder.path().join("bad.toml"), folder.path().join("root"));
    let text = "[batch]\nmax_rwos = 10\nmax_bytes = \"much\"\n[queue]\nwait_seconds = 99\n[bacth]\n[store]\n\
                results = \"inbox\"\n";
    std::fs::write(&file, text).unwrap();
    for command in ["run", "report", "verify", "schema", "rejections list"] {
        let mut arguments = scanmill();
        arguments.args(command.split(' ')).arg("--config").arg(&file).arg("--root").arg(&root);
        let ended = Running::start(arguments).ended();
        assert_eq!(ended.code, Some(2), "{command}: {}", ended.stderr);
        says(&ended.stderr, &["configuration: 5 mistakes", "did you mean `batch.max_rows`?"]);
        assert_eq!(ended.stderr.matches("bad.toml:").count(), 5, "{command}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches("hint: ").count(), 5, "{command}: {}", ended.stderr);
        assert_eq!(names_in(folder.path()), ["bad.toml"], "{command}");
    }
}

#[test]
fn run_makes_a_missing_root_and_what_only_asks_says_that_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing"), folder.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    for root in [&missing, &empty] {
        for command in ["report", "rejections list", "rejections replay", "verify", "schema", "check"] {
            let words: Vec<&str> = command.split(' ').collect();
            let ended = Root::at(root).ended(&words);
            let shown = root.display().to_string();
            match command {
                "schema" => {
                    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
                    says(&ended.stdout, &["CREATE TABLE", "CREATE VIEW mart_photo"]);
                }
                "check" => assert_eq!(ended.code, Some(0), "{}", ended.stdout),
                _ => {
                    assert_eq!(ended.code, Some(3), "{command}: {}", ended.stderr);
                    says(&ended.stderr, &["error: ", &shown, "hint: "]);
                }
            }
            assert_eq!(names_in(folder.path()), ["empty"], "{command} makes nothing");
            assert!(names_in(&empty).is_empty(), "{command} makes nothing in an empty root");
        }
    }
    let root = Root::at(&missing);
    root.run_until_empty();
    assert!(root.inbox().try_exists().unwrap());
    let report = root.ended(&["report"]);
    assert_eq!((report.code, report.stderr.as_str()), (Some(0), ""), "{}", report.stdout);
}

#[test]
fn the_root_may_come_from_configuration_and_environment_for_every_command() {
    let root = Root::new();
    drop_photos(&root, 1);
    root.run_until_empty();
    let file = root.file("conf.toml");
    std::fs::write(&file, format!("[local]\nroot = {:?}\n", root.path())).unwrap();
    for command in ["report --json", "rejections list", "schema --marts"] {
        let mut by_file = scanmill();
        by_file.args(command.split(' ')).arg("--config").arg(&file);
        let mut by_environment = scanmill();
        by_environment.args(command.split(' ')).env("SCANMILL_LOCAL_ROOT", root.path());
        for arguments in [by_file, by_environment] {
            let ended = Running::start(arguments).ended();
            assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
            assert!(!ended.stderr.contains("none in the warehouse"), "{command}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_root_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "this is mine").unwrap();
    for command in ["run", "report", "rejections list", "schema --apply", "pump"] {
        let words: Vec<&str> = command.split(' ').collect();
        let ended = Root::at(&file).ended(&words);
        assert_eq!(ended.code, Some(3), "{command}: {}", ended.stderr);
        says(&ended.stderr, &["error: ", &file.display().to_string(), "hint: "]);
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"this is mine");
}

#[test]
fn a_port_in_use_stops_the_start_before_any_photo_is_touched() {
    let root = Root::new();
    let rows = drop_photos(&root, 1);
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = root.ended(&["run", "--until-empty", "--metrics", &address]);
    assert_eq!(ended.code, Some(3));
    says(&ended.stderr, &["error: cannot serve metrics on", &address, "hint: ", "--metrics 127.0.0.1:0"]);
    assert_eq!(root.depth(), (0, 0, 0));
    root.run_until_empty();
    assert_eq!(root.scans(), rows);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let root = Root::new();
    drop_photos(&root, 1);
    root.drop_photo("blank.png", &photo::blank());
    root.run_until_empty();
    let photo = root.inbox().join("0.jpg");
    let photo = photo.to_str().unwrap();
    let key = root.file("answer-key.jsonl");
    assert_eq!(root.ended(&["pump", "--count", "1", "--no-faults", "--size", "small"]).code, Some(0));
    root.run_until_empty();
    assert!(key.try_exists().unwrap());
    let commands: [&[&str]; 9] = [
        &["run", "--until-empty"],
        &["report"],
        &["report", "--json"],
        &["rejections", "list"],
        &["rejections", "list", "--json", "--limit", "1"],
        &["rejections", "replay", "--dry-run"],
        &["schema"],
        &["verify", "--json"],
        &["decode", photo],
    ];
    each(commands, |words| {
        for closed in ["stdout", "stderr", "both"] {
            let mut command = root.command(words);
            let nobody = || Stdio::from(OwnedFd::from(std::io::pipe().unwrap().1));
            command.stdout(if closed == "stderr" { Stdio::null() } else { nobody() });
            command.stderr(if closed == "stdout" { Stdio::piped() } else { nobody() });
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            // `verify` finds photos that the key does not name: an answer, not a failure.
            let expected = if words[0] == "verify" { [Some(0), Some(1)] } else { [Some(0); 2] };
            assert!(expected.contains(&output.status.code()), "{words:?} {closed}: {:?} {said}", output.status);
            assert!(!said.contains("panicked") && !said.contains("error:"), "{words:?} {closed}: {said}");
        }
    });
}

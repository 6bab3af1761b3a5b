//! The binary as a script or a person meets it: help, exit codes, stdout and stderr, mistakes.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use scanmill::config::{keys, reference};
use serde_json::Value;

/// The binary, in its own folder and without the caller's configuration.
fn scanmill(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanmill"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("SCANMILL_CONFIG");
    for key in keys::all() {
        command.env_remove(key.variable());
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    outcome(scanmill(folder).args(arguments).output().expect("starts"))
}

fn outcome(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn help_shows_an_example_and_the_exit_codes() {
    let (code, stdout, stderr) = run(folder().path(), &["--help"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for part in ["scanmill demo", "Examples:", "Exit codes:", "130", "--config", "--set", "check"] {
        assert!(stdout.contains(part), "{part}\n{stdout}");
    }
}

#[test]
fn wrong_arguments_exit_with_2() {
    let folder = folder();
    for arguments in [&["no-such-command"][..], &[], &["check", "--nonsense"], &["check", "--quiet", "--verbose"]] {
        let (code, stdout, _) = run(folder.path(), arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
    }
    let (code, _, stderr) = run(folder.path(), &["check", "--set", "batch.max_rows"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--set batch.max_rows: expected KEY=VALUE") && stderr.contains("hint:"), "{stderr}");
}

#[test]
fn too_few_open_files_are_a_mistake_told_with_its_remedy() {
    let folder = folder();
    for files in ["8", "12", "14", "20"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n $0; exec \"$@\"", files, env!("CARGO_BIN_EXE_scanmill")]);
        let run = shell.args(["run", "--until-empty", "--metrics", "off", "--root", "root"]).current_dir(folder.path());
        let (code, _, stderr) = outcome(run.output().expect("starts"));
        assert_eq!(code, 3, "{files}: {stderr}");
        assert!(stderr.contains(&format!("this process may open {files} files, and needs 64")), "{files}: {stderr}");
        assert!(stderr.contains("hint: raise the limit: `ulimit -n 64`"), "{files}: {stderr}");
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = folder();
    for (shell, part) in [("bash", "_scanmill"), ("zsh", "#compdef scanmill"), ("fish", "complete -c scanmill")] {
        let (code, stdout, _) = run(folder.path(), &["completions", shell]);
        assert_eq!(code, 0);
        assert!(stdout.contains(part) && stdout.contains("rejections"), "{shell}");
    }
    assert_eq!(run(folder.path(), &["completions", "abacus"]).0, 2);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let folder = folder();
    for arguments in [&["completions", "bash"][..], &["check", "--defaults"], &["check", "--json"], &["check"]] {
        let mut child = scanmill(folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("UTF-8");
        assert_eq!((child.wait().expect("ends").code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = scanmill(folder().path()).args(["completions", "bash"]).stdout(full).output().expect("starts");
    let (code, _, stderr) = outcome(output);
    assert_eq!(code, 3);
    assert!(stderr.starts_with("error: cannot write to stdout") && stderr.contains("hint:"), "{stderr}");
}

#[test]
fn check_of_a_fresh_folder_is_fine_and_creates_nothing() {
    let folder = folder();
    let (code, stdout, stderr) = run(folder.path(), &["check", "--metrics", "127.0.0.1:0"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("data/queue.sqlite will be created by run"), "{stdout}");
    assert!(stdout.ends_with(" 0 failed\n"), "{stdout}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
}

#[test]
fn check_lists_every_mistake_of_the_configuration() {
    let folder = folder();
    let text =
        "[batch]\nmax_row = 1\nmax_bytes = true\n[queue]\nwait_seconds = 99\n[lod]\n[store]\nresults = \"inbox\"\n";
    std::fs::write(folder.path().join("bad.toml"), text).expect("written");
    let (code, stdout, _) = run(folder.path(), &["check", "--json", "--config", "bad.toml"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(report["ok"], false);
    let checks = report["checks"].as_array().expect("a list");
    assert_eq!(checks.len(), 5, "{stdout}");
    for check in checks {
        assert_eq!((&check["name"], &check["status"]), (&"configuration".into(), &"fail".into()));
        assert!(check["message"].as_str().is_some_and(|message| message.contains("bad.toml:")), "{check}");
        assert!(check["hint"].is_string());
    }
}

#[test]
fn check_finds_what_stands_in_the_way() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    std::fs::create_dir(path("data")).expect("created");
    std::fs::write(path("data/inbox"), "a file").expect("written");
    std::fs::write(path("data/queue.sqlite"), "this is not a database").expect("written");
    std::fs::create_dir(path("data/warehouse.sqlite")).expect("created");
    let (code, stdout, _) = run(folder.path(), &["check", "--json", "--metrics", &address]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    let failed: Vec<&str> = report["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|check| check["status"] == "fail")
        .filter_map(|check| check["name"].as_str())
        .collect();
    assert_eq!(failed, ["inbox folder", "queue file", "warehouse file", "metrics port"]);
    assert!(stdout.contains("is not an SQLite database") && stdout.contains("--metrics 127.0.0.1:0"), "{stdout}");
}

#[test]
fn check_warns_of_an_address_that_others_can_reach() {
    let (code, stdout, _) = run(folder().path(), &["check", "--metrics", "0.0.0.0:0"]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("warn  configuration") && stdout.contains("without a password"), "{stdout}");
}

#[test]
fn defaults_are_printed_as_the_commented_file() {
    let (code, stdout, _) = run(folder().path(), &["check", "--defaults"]);
    assert_eq!((code, stdout), (0, reference::commented()));
}

#[test]
fn environment_sets_keys_and_unknown_names_are_told() {
    let folder = folder();
    let mut command = scanmill(folder.path());
    let output = command.args(["check"]).env("SCANMILL_LOCAL_ROOT", "from-env").output().expect("starts");
    assert!(outcome(output).1.contains("from-env/queue.sqlite"));
    let mut command = scanmill(folder.path());
    let output = command.args(["check", "--root", "x"]).env("SCANMILL_LOCAL_ROTO", "y").output().expect("starts");
    let (code, stdout, _) = outcome(output);
    assert_eq!(code, 1);
    assert!(stdout.contains("did you mean `SCANMILL_LOCAL_ROOT`?"), "{stdout}");
}

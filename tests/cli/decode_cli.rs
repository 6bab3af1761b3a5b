//! `scanmill decode` as scripts see it: one JSON object a line, in the order given, exit 0 whatever the files hold, 1 when
//! one could not be opened.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::decode_scene::{Place, Scene, code};
use serde_json::{Value, json};

fn scanmill(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanmill"));
    command.current_dir(folder).arg("decode").env_remove("SCANMILL_CONFIG");
    command
}

fn lines(output: &Output) -> Vec<Value> {
    lines_with(0, output)
}

fn lines_with(exit: i32, output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(exit), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn photo(folder: &Path, name: &str, text: &str) {
    let scene = Scene::paper(240, 200).draw(&code(text), Place::at(120.0, 100.0, 4.0));
    std::fs::write(folder.join(name), scene.png()).unwrap();
}

#[test]
fn a_line_has_every_key_and_nulls_for_what_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    photo(folder.path(), "a.png", "just words");
    let output = scanmill(folder.path()).arg("a.png").output().unwrap();
    let line = lines(&output).remove(0);
    let keys = [
        "path",
        "width",
        "height",
        "format",
        "codes",
        "captured_at",
        "captured_local",
        "utc_offset_minutes",
        "captured_at_source",
        "latitude",
        "longitude",
        "altitude_m",
        "geo_source",
        "country",
        "region",
        "city",
        "camera_make",
        "camera_model",
        "reason",
        "decode_ms",
        "more_codes_likely",
    ];
    assert_eq!(line.as_object().unwrap().len(), keys.len());
    assert!(keys.iter().all(|key| line.get(key).is_some()), "{line}");
    assert_eq!((&line["path"], &line["width"], &line["format"]), (&json!("a.png"), &json!(240), &json!("png")));
    assert_eq!(
        (&line["reason"], &line["captured_at"], &line["geo_source"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let code = &line["codes"][0];
    assert_eq!(
        (&code["text"], &code["kind"], &code["product_url"]),
        (&json!("just words"), &json!("text"), &Value::Null)
    );
    assert_eq!(code["rung"], "zxing_500");
    assert_eq!(code["corners"].as_array().map(Vec::len), Some(4));
    assert_eq!((&code["version"], &code["ecc_level"], &code["ecc_used"]), (&json!(1), &json!("M"), &json!(0.0)));
    assert_eq!((&code["product_id"], &code["product_id_source"]), (&Value::Null, &json!("none")));
    let keys = [
        "text",
        "text_encoding",
        "symbology",
        "kind",
        "product_url",
        "product_id",
        "product_id_source",
        "part_index",
        "part_count",
        "rung",
        "corners",
        "version",
        "ecc_level",
        "ecc_used",
    ];
    assert_eq!(code.as_object().unwrap().len(), keys.len());
    assert!(keys.iter().all(|key| code.get(key).is_some()), "{code}");
}

#[test]
fn order_is_kept_with_many_threads_and_bad_files_are_lines_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut list = String::new();
    let mut expected: Vec<(String, Option<&str>)> = Vec::new();
    for index in 0..40 {
        let name = format!("photo {index} +%é.png");
        photo(folder.path(), &name, &format!("text {index}"));
        list.push_str(&format!("{name}\n"));
        expected.push((name, None));
    }
    std::fs::write(path("empty.jpg"), b"").unwrap();
    std::fs::write(path("zip.jpg"), b"PK\x03\x04").unwrap();
    std::fs::create_dir(path("folder.jpg")).unwrap();
    let fifo = Command::new("mkfifo").arg(path("fifo.jpg")).status().unwrap();
    assert!(fifo.success());
    let bad = [
        ("empty.jpg", "empty"),
        ("zip.jpg", "unsupported"),
        ("folder.jpg", "not_a_regular_file"),
        ("fifo.jpg", "not_a_regular_file"),
        ("missing.jpg", "missing_object"),
        ("empty.jpg/below", "missing_object"),
    ];
    for (name, reason) in bad {
        list.push_str(&format!("{name}\r\n\n"));
        expected.push((name.to_owned(), Some(reason)));
    }
    std::fs::write(path("list.txt"), &list).unwrap();

    for threads in ["1", "3", "64"] {
        let output = scanmill(folder.path()).args(["--threads", threads, "--from-list", "list.txt"]).output().unwrap();
        let seen: Vec<_> = lines_with(1, &output)
            .iter()
            .map(|line| (line["path"].as_str().unwrap().to_owned(), line["reason"].as_str().map(str::to_owned)))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, reason)| (name.clone(), reason.map(str::to_owned))).collect();
        assert_eq!(seen, expected);
        let said = String::from_utf8_lossy(&output.stderr);
        let refused = ["folder.jpg", "fifo.jpg", "missing.jpg", "empty.jpg/below"];
        assert_eq!(said.lines().count(), refused.len(), "{said}");
        assert!(said.lines().zip(refused).all(|(line, name)| line.contains(&format!("`{name}`"))), "{said}");
    }
}

#[test]
fn folders_pipes_and_standard_input_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("photos/below/.hidden")).unwrap();
    std::fs::create_dir(path("empty")).unwrap();
    photo(folder.path(), "photos/b.png", "b");
    photo(folder.path(), "photos/below/a.png", "a");
    photo(folder.path(), "photos/below/.hidden/c.png", "c");
    std::os::unix::fs::symlink("..", path("photos/below/up")).unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    assert!(Command::new("mkfifo").arg(path("photos/pipe")).status().unwrap().success());
    photo(folder.path(), "p.png", "through a pipe");
    photo(folder.path(), "i.png", "standard input");
    let bytes = std::fs::read(path("p.png")).unwrap();
    let pipe = path("pipe");
    let writer = std::thread::spawn(move || std::fs::write(pipe, bytes).unwrap());
    let output = scanmill(folder.path())
        .args(["pipe", "photos", "empty", "-"])
        .stdin(std::fs::File::open(path("i.png")).unwrap())
        .output()
        .unwrap();
    writer.join().unwrap();
    // A pipe in a folder was not asked for, and nobody may ever write to it.
    let seen: Vec<_> = lines_with(1, &output)
        .iter()
        .map(|line| (line["path"].clone(), line["codes"][0]["text"].clone(), line["reason"].clone()))
        .collect();
    let read = |path: &str, text: &str| (json!(path), json!(text), Value::Null);
    assert_eq!(
        seen,
        [
            read("pipe", "through a pipe"),
            read("photos/b.png", "b"),
            read("photos/below/a.png", "a"),
            (json!("photos/pipe"), Value::Null, json!("not_a_regular_file")),
            read("-", "standard input"),
        ]
    );
}

#[test]
fn a_folder_without_photos_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("empty/below")).unwrap();
    std::fs::write(folder.path().join("empty/.hidden.png"), b"x").unwrap();
    photo(folder.path(), "a.png", "just words");
    let output = scanmill(folder.path()).args(["empty", "a.png"]).output().unwrap();
    assert_eq!(lines(&output).len(), 1);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no photo in the folder `empty`"), "{said}");
}

#[test]
fn a_missing_file_is_said_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    photo(folder.path(), "a.png", "a");
    let output = scanmill(folder.path()).args(["missing", "a.png"]).output().unwrap();
    let reasons: Vec<_> = lines_with(1, &output).iter().map(|line| line["reason"].clone()).collect();
    assert_eq!(reasons, [json!("missing_object"), Value::Null]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: ") && said.contains("`missing`"), "{said}");
}

#[test]
fn paths_come_from_arguments_and_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    photo(folder.path(), "a.png", "a");
    photo(folder.path(), "b.png", "b");
    let mut child = scanmill(folder.path())
        .args(["b.png", "--from-list", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"a.png\n").unwrap();
    let lines = lines(&child.wait_with_output().unwrap());
    let texts: Vec<_> = lines.iter().map(|line| line["codes"][0]["text"].clone()).collect();
    assert_eq!(texts, ["b", "a"]);
}

#[test]
fn wrong_arguments_are_no_success() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&[][..], &["--threads", "0", "a.png"], &["--from-list", "missing.txt"], &["-", "--from-list", "-"]]
    {
        let output = scanmill(folder.path()).args(arguments).output().unwrap();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    photo(folder.path(), "a.png", "a");
    let list = "a.png\n".repeat(3_000);
    std::fs::write(folder.path().join("list.txt"), list).unwrap();
    let unread = |arguments: &[&str]| {
        let mut command = scanmill(folder.path());
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(unread(&["--from-list", "list.txt"]), (Some(0), String::new()));
    let (code, said) = unread(&["missing.jpg"]);
    assert!(code == Some(1) && said.contains("missing.jpg"), "{code:?} {said}");
}

#[test]
fn help_has_an_example() {
    let output = scanmill(Path::new(".")).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Example:") && text.contains("printed as they are"), "{text}");
}

#[test]
fn a_line_says_how_a_code_was_read_and_which_part_it_is() {
    use crate::stream::Item;
    let draw = |scene: Scene, place: usize, items: &[Item]| {
        scene.draw_modules(
            &crate::decode_scene::symbol(crate::stream::encode(items, 4), 4),
            Place::at(130.0 + 260.0 * place as f32, 130.0, 5.0),
        )
    };
    let byte = |text: &str| Item::Byte(text.as_bytes().to_vec());
    let (text, parity) =
        ("https://shop.example/p/4711", b"https://shop.example/p/4711".iter().fold(0, |sum, byte| sum ^ byte));
    let scene = draw(Scene::paper(1040, 260), 0, &[Item::Gs1, Item::Numeric("0109506000134352".into())]);
    let scene = draw(scene, 1, &[Item::Part(1, 2, parity), byte(&text[9..])]);
    let scene = draw(scene, 2, &[Item::Part(0, 2, parity), byte(&text[..9])]);
    let scene = draw(scene, 3, &[Item::Part(2, 3, 1), Item::Eci(26), byte("größe")]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.png"), scene.png()).unwrap();
    let line = lines(&scanmill(folder.path()).arg("a.png").output().unwrap()).remove(0);
    let keys = ["text", "kind", "symbology", "text_encoding", "part_index", "part_count", "product_url"];
    let mut found: Vec<Value> = line["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| keys.iter().map(|key| code[key].clone()).collect())
        .collect();
    // Side by side, their order is a matter of a pixel.
    found.sort_by_key(|code| code[0].to_string());
    assert_eq!(
        found,
        [
            json!(["0109506000134352", "gs1_element_string", "]Q3", "ascii", null, null, null]),
            json!(["größe", "fragment", "]Q2", "eci:utf-8", 2, 3, null]),
            json!([text, "url", "]Q1", "ascii", null, 2, text]),
        ]
    );
}

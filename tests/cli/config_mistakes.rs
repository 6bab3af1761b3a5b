//! Every mistake is found in one go, and each says which key, where it stands and what would be right.

use std::ffi::OsString;
use std::path::Path;

use scanmill::config::{self, FlagValue, Origin, Problem, Sources};

fn problems_of(
    path: Option<&Path>,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str, &str)],
) -> Vec<Problem> {
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    let flags = flags
        .iter()
        .map(|(flag, key, value)| FlagValue { flag, key: (*key).to_owned(), value: (*value).into() })
        .collect();
    match config::load(&Sources { file: path, environment, flags }) {
        Ok(loaded) => panic!("accepted: {:?}", loaded.settings),
        Err(problems) => {
            for problem in &problems.0 {
                assert!(!problem.hint.is_empty() && !problem.message.is_empty(), "{problem:?}");
            }
            problems.0
        }
    }
}

fn in_file(text: &[u8]) -> Vec<Problem> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    problems_of(Some(file.path()), &[], &[])
}

fn place(problem: &Problem) -> (usize, usize) {
    match problem.origin {
        Origin::File { line, column, .. } => (line, column),
        ref other => panic!("expected a place in the file, found {other:?}"),
    }
}

#[test]
fn a_file_with_five_mistakes_lists_five() {
    let text = "\
[batch]
max_row = 10
max_bytes = \"8 megs\"

[queue]
max_in_flight = 0
visibility_timeout_seconds = 3

[lod]
interval_ms = 5
";
    let found = in_file(text.as_bytes());
    let summary: Vec<(&str, (usize, usize))> = found.iter().map(|p| (p.key.as_str(), place(p))).collect();
    let expected = [
        ("batch.max_row", (2, 1)),
        ("lod", (9, 2)),
        ("batch.max_bytes", (3, 1)),
        ("queue.max_in_flight", (6, 1)),
        ("queue.visibility_timeout_seconds", (7, 1)),
    ];
    assert_eq!(summary, expected);
    let hints: Vec<&str> = found.iter().map(|p| p.hint.as_str()).collect();
    assert_eq!(hints[0], "did you mean `batch.max_rows`?");
    assert_eq!(hints[1], "did you mean `load`?");
    assert_eq!(
        hints[2],
        "\"auto\", or a whole number of bytes from 1_024 to 1_073_741_824, or a size like 64MiB, 1.5GB (KiB, MiB, GiB by \
         1024; kB, MB, GB by 1000)"
    );
    assert_eq!(hints[4], "at least 8 seconds");
    assert!(found[2].message.contains("8 megs"), "{}", found[2].message);
}

#[test]
fn each_single_mistake_is_one_problem_with_its_key() {
    for (text, key, part) in [
        ("[store]\nresults = \"inbox\"", "store.results", "its own output"),
        ("[store]\ninbox = \"results\"", "store.inbox", "its own output"),
        ("[store]\naccept = \"results\"", "store.accept", "scanmill would read its own output"),
        ("[store]\naccept = \"photos, No\"", "store.accept", "cannot use `photos, No`"),
        ("[queue]\nkey_encoding = \"url\"", "queue.key_encoding", "cannot use `url`"),
        ("[queue]\ndead_letter_after = 5", "queue.dead_letter_after", "not above queue.max_receives"),
        ("[queue]\nmax_receives = 25", "queue.max_receives", "not above queue.max_receives"),
        ("[batch]\nmax_age_ms = 58_000", "batch.max_age_ms", "delivered twice"),
        ("[scale]\nmax_fetches = 64\nmin_fetches = 65", "scale.max_fetches", "below scale.min_fetches"),
        ("[batch]\nmax_rows = 2001\n[queue]\nmax_in_flight = 2000", "batch.max_rows", "could never be reached"),
        ("[scale]\nmin_fetches = 51\n[queue]\nmax_in_flight = 50", "scale.min_fetches", "could never be reached"),
        ("[scale]\nmax_decodes = 2\nmin_decodes = 3", "scale.max_decodes", "below scale.min_decodes"),
        ("[memory]\nfetched_bytes = 33_554_431", "memory.fetched_bytes", "could never be fetched"),
        // With `auto` the budgets would follow the limits.
        (
            "[memory]\nfetched_bytes = 67_108_864\n[limits]\nmax_file_bytes = 67_108_865",
            "memory.fetched_bytes",
            "could never be fetched",
        ),
        ("[memory]\ndecode_bytes = 268_435_456\n[limits]\nmax_megapixels = 68", "memory.decode_bytes", "too little"),
        ("[memory]\ndecode_bytes = 255_999_999", "memory.decode_bytes", "too little"),
        ("[store]\ninbox = \"../up\"", "store.inbox", "cannot use"),
        ("[store]\ninbox = \"Inbox\"", "store.inbox", "cannot use"),
        ("[store]\ninbox = \"ab\"", "store.inbox", "cannot use"),
        ("[store]\ninbox = \"192.168.0.1\"", "store.inbox", "cannot use"),
        ("[local]\nroot = \"\"", "local.root", "empty"),
        ("[local]\nroot = 5", "local.root", "found the number 5"),
        ("[local]\nroot = \"/tmp/..\"", "local.root", "is the top of the file system"),
        ("[local]\nwatch = \"yes\"", "local.watch", "found the text \"yes\""),
        ("[decode]\ncodes = \"some\"", "decode.codes", "cannot use `some`"),
        ("[decode]\ncodes = [\"all\"]", "decode.codes", "found a list"),
        ("[queue]\nmax_receives = -1", "queue.max_receives", "-1 is out of range"),
        ("[queue]\nmax_receives = 1.5", "queue.max_receives", "found a number with a fraction"),
        ("[queue]\nmax_receives = 99999999999999999999999999", "queue.max_receives", "out of range"),
        ("[queue]\nmax_receives = { a = 1 }", "queue.max_receives", "found a section"),
        ("[queue]\nwait_seconds = 21", "queue.wait_seconds", "out of range"),
        ("[metrics]\nlisten = \"engine-1:9464\"", "metrics.listen", "cannot use"),
        ("[metrics]\nlisten = \"localhost\"", "metrics.listen", "cannot use"),
        ("[metrics]\nlisten = \"localhost:+1\"", "metrics.listen", "cannot use"),
        // One unit for another, more than there is, less than the key's own.
        ("[batch]\nmax_bytes = \"2s\"", "batch.max_bytes", "`2s` is a time, and this is a size"),
        ("[batch]\nmax_age_ms = \"2MiB\"", "batch.max_age_ms", "`2MiB` is a size, and this is a time"),
        ("[batch]\nmax_age_ms = \"1500us\"", "batch.max_age_ms", "`1500us` is not a whole number of milliseconds"),
        ("[queue]\nwait_seconds = \"500ms\"", "queue.wait_seconds", "`500ms` is not a whole number of seconds"),
        ("[queue]\nwait_seconds = \"1m\"", "queue.wait_seconds", "`1m` is 60 seconds, which is out of range"),
        ("[batch]\nmax_age_ms = \"2h\"", "batch.max_age_ms", "`2h` is 7_200_000 milliseconds, which is out of range"),
        ("[batch]\nmax_bytes = \"64M\"", "batch.max_bytes", "found the text \"64M\""),
        ("[batch]\nmax_rows = \"64KB\"", "batch.max_rows", "found the text \"64KB\""),
        ("[batch]\nmax_age_ms = \"2000\"", "batch.max_age_ms", "found the text \"2000\""),
        ("[retention]\nbatch_days = \"5MB\"", "retention.batch_days", "`5MB` is a size, and this is a time"),
        ("[log]\nfilter = \"scanmill=loud\"", "log.filter", "cannot use"),
        ("[log]\nfilter = \"\"", "log.filter", "cannot use"),
        ("batch = 3", "batch", "expected a section"),
        ("[[batch]]\nmax_rows = 1", "batch", "expected a section"),
        ("max_rows = 3", "max_rows", "unknown section"),
        ("[scale]\nmax_rows = 3", "scale.max_rows", "unknown key"),
    ] {
        let found = in_file(text.as_bytes());
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].key, key, "{text}");
        assert!(found[0].message.contains(part), "{text}: {}", found[0].message);
        place(&found[0]);
    }
}

#[test]
fn hints_point_to_the_right_place() {
    for (text, hint) in [
        ("max_rows = 3", "`max_rows` belongs under `[batch]`"),
        ("[scale]\nmax_rows = 3", "did you mean `batch.max_rows`?"),
        ("[memroy]\nfetched_bytes = 3", "did you mean `memory`?"),
        ("[output]\ncolour = 3", "[output] has: per_photo_json"),
        ("[store]\nresults = \"inbox\"", "give results and inbox different names"),
    ] {
        assert_eq!(in_file(text.as_bytes())[0].hint, hint, "{text}");
    }
}

#[test]
fn environment_and_flags_are_named_as_the_origin() {
    let environment = [
        ("SCANMILL_BATCH_MAX_ROW", "1"),
        ("SCANMILL_LOCAL_WATCH", "maybe"),
        ("SCANMILL_QUEUE_MAX_RECEIVES", "many"),
        ("SCANMILL_CONFIG", "handled by the command line"),
        ("SCANMILL_SHARED", "for tests"),
        ("SCANMILLER", "not ours"),
    ];
    let flags = [
        ("--set", "batch", "1"),
        ("--set", "load.interval", "1"),
        ("--root", "local.root", ""),
        ("--metrics", "metrics.listen", "9464"),
    ];
    let found: Vec<String> =
        problems_of(None, &environment, &flags).iter().map(|p| format!("{p} | {}", p.hint)).collect();
    let expected = [
        "environment SCANMILL_BATCH_MAX_ROW: no key has this name | did you mean `SCANMILL_BATCH_MAX_ROWS`?",
        "batch (flag --set): unknown key | ",
        "load.interval (flag --set): unknown key | did you mean `load.interval_ms`?",
        "local.watch (environment SCANMILL_LOCAL_WATCH): `maybe` is neither true nor false | ",
        "queue.max_receives (environment SCANMILL_QUEUE_MAX_RECEIVES): `many` is not a whole number | ",
        "local.root (flag --root): empty | ",
        "metrics.listen (flag --metrics): cannot use `9464` | expected an IP address or `localhost`, with port",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn a_mistake_that_an_override_hides_is_told_too() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "[batch]\nmax_rows = 0\n").expect("written");
    let found = problems_of(Some(file.path()), &[("SCANMILL_BATCH_MAX_ROWS", "5")], &[]);
    assert_eq!(found.len(), 1);
    assert_eq!(place(&found[0]), (2, 1));
}

#[test]
fn files_that_are_no_toml_say_where() {
    let broken = in_file(b"[batch]\nmax_rows = \n[queue\nmax_receives = 3\n");
    assert!(broken.iter().any(|p| place(p).0 == 2), "{broken:?}");
    assert!(broken.iter().any(|p| place(p).0 == 3), "{broken:?}");
    let twice = in_file(b"[batch]\nmax_rows = 1\nmax_rows = 2\n");
    assert_eq!((twice.len(), place(&twice[0]).0), (1, 3), "{twice:?}");
    let latin = in_file(b"[local]\nroot = \"caf\xe9\"\n");
    assert_eq!((latin[0].message.as_str(), place(&latin[0])), ("not UTF-8 text", (2, 12)));
    let large = in_file(&vec![b'#'; (1 << 20) + 1]);
    assert!(large[0].message.contains("larger than"), "{large:?}");
    assert!(in_file(b"\0\0\0")[0].message.starts_with("not TOML"));
}

#[test]
fn a_file_that_cannot_be_read_is_one_clear_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [folder.path().join("missing.toml"), folder.path().to_owned()] {
        let found = problems_of(Some(&path), &[], &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].origin, Origin::WholeFile(path));
        assert!(found[0].message.starts_with("cannot read the configuration file: "), "{}", found[0].message);
    }
}

#[test]
fn any_bytes_give_an_answer_and_no_panic() {
    use proptest::prelude::*;
    let file = tempfile::NamedTempFile::new().expect("a file");
    proptest!(ProptestConfig::with_cases(300), |(text in "(\\[?(batch|queue|local|x)\\]?|max_rows|=|\\.|\"|'|[0-9é\n \\]{}#,-]|true){0,24}")| {
        std::fs::write(file.path(), &text).expect("written");
        let _ = config::load(&Sources { file: Some(file.path()), ..Sources::default() });
    });
}

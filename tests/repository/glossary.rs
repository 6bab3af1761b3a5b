//! Words that were replaced by the field's terms stay out of messages, help, comments and pages.
//!
//! Of prose, comments, string literals and Markdown are looked at; of code, the names that it defines. A word that is part
//! of a stored name goes into `ALLOWED`.

use std::path::{Path, PathBuf};

/// What is not written any more, and what is written instead.
const GONE: &[(&str, &str)] = &[
    ("heed", "follow, honour"),
    ("heeded", "followed, honoured"),
    ("in vain", "without success"),
    ("mend", "fix, correct"),
    ("mended", "fixed, corrected"),
    ("mends", "fixes, corrects"),
    ("not well yet", "check failed"),
    ("planted", "injected"),
    ("reckon", "estimate"),
    ("reckoned", "estimated"),
    ("reckons", "estimates"),
    ("run dry", "drain"),
    ("spoilt", "damaged"),
    ("telling of it", "random seed"),
    ("is no error", "is not an error"),
    ("is no key", "is not a key"),
    ("is no object", "is not an object"),
    ("is no photo", "is not a photo"),
    ("is no row", "is not a row"),
    ("is no time", "is not a time"),
    ("no row is doubled", "no row is duplicated"),
];

/// Types, functions and modules that have other names now.
const GONE_NAMES: &[(&str, &str)] = &[
    ("Around", "NodeWindow"),
    ("Desk", "ReceiveBuffer"),
    ("Flaw", "HeaderError"),
    ("Halves", "LocalClasses"),
    ("Pace", "ReceiveLimiter"),
    ("PassedOver", "SkipReason"),
    ("Reject", "Rejection"),
    ("Sighting", "Detection"),
    ("Ticket", "MessageProgress"),
    ("Tried", "FailedAttempts"),
    ("contain", "catch_panic"),
    ("is_vain", "should_skip"),
    ("obey", "handle_command"),
    ("strays", "unread_candidates"),
    ("untake", "undo_receive"),
];

/// Stored names that hold such a word: a prefix in the results bucket, which lifecycle rules of users name.
const ALLOWED: &[&str] = &["mended/", "mended-batches"];

const FOLDERS: &[&str] = &["src", "crates", "docs", "dashboards"];
const PAGES: &[&str] = &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];

fn is_letter(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

/// Whether `text` has `words` as whole words; "there is no row" is good English.
fn says(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        !text[..at].ends_with("there ")
            && !is_letter(text[..at].chars().next_back())
            && !is_letter(text[at + words.len()..].chars().next())
    })
}

/// The comments and string literals of a source, in lines of the source.
fn prose(source: &str) -> String {
    let mut prose = String::new();
    let (mut letters, mut is_in_string) = (source.chars().peekable(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if is_in_string => drop(letters.next()),
            '"' => is_in_string = !is_in_string,
            // A quote as a character opens no string.
            '\'' if !is_in_string && letters.peek() == Some(&'"') => drop(letters.next()),
            '/' if !is_in_string && letters.peek() == Some(&'/') => {
                prose.extend(letters.by_ref().take_while(|letter| *letter != '\n'));
                prose.push('\n');
            }
            _ if is_in_string || letter == '\n' => prose.push(letter),
            _ => {}
        }
    }
    prose
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

#[test]
fn replaced_words_do_not_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all: Vec<PathBuf> = PAGES.iter().map(|page| root.join(page)).collect();
    FOLDERS.iter().for_each(|folder| files(&root.join(folder), &mut all));
    let mut back = Vec::new();
    for path in all {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if !["rs", "md", "sql", "yml"].contains(&kind) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let mut text = if kind == "rs" { prose(&text) } else { text };
        ALLOWED.iter().for_each(|allowed| text = text.replace(allowed, ""));
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            for (words, instead) in GONE.iter().filter(|(words, _)| says(&line, words)) {
                let place = path.strip_prefix(root).expect("a file of the repository").display();
                back.push(format!("{place}:{}: `{words}`; write: {instead}", number + 1));
            }
        }
    }
    assert!(back.is_empty(), "replaced words are back:\n{}", back.join("\n"));
}

/// The names that a source defines.
fn defined(source: &str) -> impl Iterator<Item = &str> {
    let words = ["struct ", "enum ", "trait ", "type ", "fn ", "mod "];
    source.lines().filter_map(move |line| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub").map_or(line, |rest| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
        let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
        rest.split(|letter: char| !is_letter(Some(letter))).next()
    })
}

#[test]
fn replaced_names_do_not_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    ["src", "crates"].iter().for_each(|folder| files(&root.join(folder), &mut all));
    let mut back = Vec::new();
    for path in all.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")) {
        let source = std::fs::read_to_string(&path).expect("a readable file");
        for name in defined(&source) {
            if let Some((_, instead)) = GONE_NAMES.iter().find(|(gone, _)| *gone == name) {
                back.push(format!("{}: `{name}` is called `{instead}` now", path.display()));
            }
        }
    }
    assert!(back.is_empty(), "replaced names are back:\n{}", back.join("\n"));
}

#[test]
fn definitions_are_found_whoever_may_see_them() {
    let source = "pub(super) struct Flaw;\n    fn obey<T>() {}\npub mod a;\nuse b::Flaw;\nlet x = Desk::new();";
    assert_eq!(defined(source).collect::<Vec<_>>(), ["Flaw", "obey", "a"]);
}

#[test]
fn prose_is_found_and_code_is_not() {
    let source = "fn mend() { // Spoilt,\n    print(\"it is \\\"no\\\" error\", '\"');\n}\n";
    let prose = prose(source);
    assert!(says(&prose.to_lowercase(), "spoilt") && prose.contains("error") && !prose.contains("mend"), "{prose}");
    assert!(!says("mended", "mend") && says("to mend it", "mend"));
    assert!(says("it is no row", "is no row") && !says("there is no row", "is no row"));
}

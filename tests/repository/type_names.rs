//! One name means one thing: a type's name that several modules use for different things tells a reader nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Modules that may define a type of the same name.
const MOST: usize = 2;

/// Macros that define the types named at the beginning of their blocks.
const DEFINING: [&str; 2] = ["closed_list! {", "observed! {"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let entry = entry.expect("an entry");
        let path = entry.path();
        if entry.file_type().expect("a type").is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// Names of the types that a source defines outside of its tests.
fn defined(source: &str) -> BTreeSet<&str> {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut is_in_macro = false;
    for line in source.lines() {
        if DEFINING.contains(&line.trim()) || DEFINING.iter().any(|begin| line.trim().ends_with(begin)) {
            is_in_macro = true;
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().skip_while(|word| word.starts_with("pub")).collect();
        let name = match words.as_slice() {
            // `pub(in crate::actors)` is two words.
            [_, "struct" | "enum" | "trait" | "union", name, ..] if line.trim_start().starts_with("pub(in") => *name,
            ["struct" | "enum" | "trait" | "union", name, ..] => *name,
            // Without indentation: within a block it is what a trait asks for.
            ["type", name, ..] if !line.starts_with(' ') => *name,
            [name, "{"] if is_in_macro => *name,
            [counters, "shown", "as", state, "{"] if is_in_macro => {
                names.insert(*counters);
                *state
            }
            _ => continue,
        };
        is_in_macro = false;
        let name = name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        if name.starts_with(char::is_uppercase) {
            names.insert(name);
        }
    }
    names
}

#[test]
fn no_type_name_is_used_for_three_things() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    sources(&root.join("src"), &mut all);
    for crate_folder in std::fs::read_dir(root.join("crates")).expect("the crates") {
        sources(&crate_folder.expect("an entry").path().join("src"), &mut all);
    }
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in all {
        let source = std::fs::read_to_string(&path).expect("a readable file");
        let place = path.strip_prefix(root).expect("a file of the repository").display().to_string();
        for name in defined(&source) {
            places.entry(name.to_owned()).or_default().push(place.clone());
        }
    }
    assert!(places.len() > 500, "only {} types were found", places.len());
    let many: Vec<String> = places
        .into_iter()
        .filter(|(_, places)| places.len() > MOST)
        .map(|(name, places)| format!("`{name}` is defined in {}", places.join(", ")))
        .collect();
    assert!(many.is_empty(), "give each the name of what it holds:\n{}", many.join("\n"));
}

#[test]
fn what_defines_a_type_is_seen() {
    let source = "pub(super) struct Held<'a> {\nenum Kind {}\n    struct Row(u8);\n    type Item = u8;\ntype Line = u8;\n\
                  crate::closed_list! {\n    /// Why.\n    Reason {\n    First {\n}\nobserved! {\n    Counts shown as Shown {\n\
                  \n#[cfg(test)]\nmod tests {\n    struct Double;\n}\n";
    assert_eq!(defined(source), BTreeSet::from(["Counts", "Held", "Kind", "Line", "Reason", "Row", "Shown"]));
}

//! Which files a key is in: one, several, or all of a folder. Each run writes one of its own, so that none is
//! overwritten and the photos of every run are verified.

use std::path::{Path, PathBuf};

use super::answer_key::partial;

use scanmill_core::error::{Error, Result};

/// What the keys in a root are called, where nobody names them: `answer-key.jsonl`, `answer-key-2.jsonl`, …
const STEM: &str = "answer-key";
const ENDING: &str = ".jsonl";

fn numbered(root: &Path, number: u32) -> PathBuf {
    match number {
        1 => root.join(format!("{STEM}{ENDING}")),
        number => root.join(format!("{STEM}-{number}{ENDING}")),
    }
}

/// The number of a key called so.
fn number_of(name: &str) -> Option<u32> {
    let rest = name.strip_prefix(STEM)?.strip_suffix(ENDING)?;
    match rest.strip_prefix('-') {
        None => rest.is_empty().then_some(1),
        Some(number) => number.parse().ok().filter(|number| *number > 1),
    }
}

/// Where the next run's key goes in `root`: the first name that no key has, sealed or not.
pub fn free_key(root: &Path) -> PathBuf {
    // What cannot be looked at is taken for free: making the file says why it is not.
    let is_taken = |path: &Path| [path, &partial(path)].iter().any(|path| std::fs::symlink_metadata(path).is_ok());
    let all = (1..=u32::MAX).map(|number| numbered(root, number));
    all.into_iter().find(|path| !is_taken(path)).unwrap_or_else(|| numbered(root, 1))
}

/// The keys of all runs in a root, and those that are not sealed. Where there is none, the first one's name: opening it
/// says what is wrong.
///
/// # Errors
/// A root that is not there or cannot be read.
pub fn keys_of_root(root: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let failed = |error| Error::io("cannot look for answer keys in", root, error);
    let (mut sealed, mut unsealed): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    let entries = std::fs::read_dir(root).map_err(|error| {
        failed(error).with_hint(
            "a root is the folder that `pump` was given: --root, SCANMILL_LOCAL_ROOT or `local.root` name it",
        )
    })?;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        match name.strip_suffix(".partial") {
            Some(name) => unsealed.extend(number_of(name)),
            None => sealed.extend(number_of(&name)),
        }
    }
    if sealed.is_empty() {
        sealed.push(1);
    }
    sealed.sort_unstable();
    unsealed.sort_unstable();
    let paths = |numbers: Vec<u32>| numbers.into_iter().map(|number| numbered(root, number)).collect();
    Ok((paths(sealed), paths(unsealed)))
}

/// The answer keys that `named` means: files as they are, and of a folder every `*.jsonl` in it.
///
/// # Errors
/// A folder that cannot be read or has no key; one with a key that is not sealed, for its photos would look unexpected.
pub fn key_files(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        // What cannot be looked at is taken for a file: opening it says why.
        if std::fs::metadata(path).is_ok_and(|found| found.is_dir()) {
            files.extend(keys_in(path)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn keys_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("cannot look for answer keys in", folder, error);
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".jsonl.partial") {
            return Err(Error::permanent(format!("answer key `{}` is not sealed yet", path.display())).with_hint(
                "the pump that writes it has not ended, or was killed; end it, or pump again, or remove the file",
            ));
        }
        if name.ends_with(".jsonl") {
            keys.push(path);
        }
    }
    if keys.is_empty() {
        return Err(Error::missing(format!("the folder `{}` has no answer key", folder.display()))
            .with_hint("`scanmill pump` writes them; their names end in `.jsonl`"));
    }
    keys.sort();
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_a_name_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let missing = keys_of_root(&at("nowhere")).unwrap_err().report().to_string();
        assert!(missing.contains("nowhere`") && !missing.contains("answer-key.jsonl"), "{missing}");
        assert_eq!(keys_of_root(root.path()).unwrap().0, [at("answer-key.jsonl")]);
        for name in ["answer-key.jsonl", "answer-key-2.jsonl.partial", "answer-key-3.jsonl", "answer-key-10.jsonl"] {
            assert_eq!(free_key(root.path()) == at("answer-key.jsonl"), name == "answer-key.jsonl");
            std::fs::write(at(name), "").unwrap();
        }
        for name in ["answer-key-.jsonl", "answer-key-1.jsonl", "answer-key-x.jsonl", "answer-key.json", "key.jsonl"] {
            std::fs::write(at(name), "").unwrap();
        }
        assert_eq!(free_key(root.path()), at("answer-key-4.jsonl"));
        let (sealed, unsealed) = keys_of_root(root.path()).unwrap();
        assert_eq!(sealed, [at("answer-key.jsonl"), at("answer-key-3.jsonl"), at("answer-key-10.jsonl")]);
        assert_eq!(unsealed, [at("answer-key-2.jsonl")]);
    }

    #[test]
    fn a_folder_means_its_keys_and_none_that_is_unsealed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let named = vec![folder.path().to_owned(), at("elsewhere.json")];
        assert!(key_files(&named).unwrap_err().to_string().contains("has no answer key"));
        for name in ["b.jsonl", "a.jsonl", "notes.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        assert_eq!(key_files(&named).unwrap(), [at("a.jsonl"), at("b.jsonl"), at("elsewhere.json")]);
        std::fs::write(at("c.jsonl.partial"), "").unwrap();
        let error = key_files(&named).unwrap_err();
        assert!(error.to_string().contains("c.jsonl.partial"), "{error}");
    }
}

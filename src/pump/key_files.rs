//! Which files a key is in: one, several, or all of a folder.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

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
            return Err(Error::permanent(format!("answer key `{}` is not sealed yet", path.display())).hint(
                "the pump that writes it has not ended, or was killed; end it, or pump again, or remove the file",
            ));
        }
        if name.ends_with(".jsonl") {
            keys.push(path);
        }
    }
    if keys.is_empty() {
        return Err(Error::missing(format!("the folder `{}` has no answer key", folder.display()))
            .hint("`scanmill pump` writes them; their names end in `.jsonl`"));
    }
    keys.sort();
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! The pages: those at the top and what is under `docs/`, and their shell blocks as somebody would run them.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One Markdown file of the repository.
pub struct Page {
    /// Where it is, from the repository's root.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Those at the top, `docs/` and the other Markdown files that people are led to.
pub fn all() -> Vec<Page> {
    let mut paths =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from).to_vec();
    let beside = ["dashboards", "benches", "tests/rig", "config"];
    for folder in std::iter::once("docs").chain(beside) {
        collect(Path::new(folder), &mut paths);
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| Page { text: std::fs::read_to_string(repository().join(&path)).expect("a readable page"), path })
        .collect()
}

/// The page at this path.
pub fn page(path: &str) -> Page {
    all().into_iter().find(|page| page.path == Path::new(path)).expect("the page")
}

/// A shell that runs `script` in `folder` and ends at the first command that fails. `scanmill` and what is in `programs`, a
/// folder that is there, come first in its path.
pub fn shell(script: &str, folder: &Path, programs: &Path) -> Command {
    symlink(env!("CARGO_BIN_EXE_scanmill"), programs.join("scanmill")).expect("a link");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").expect("a path"));
    let mut bash = Command::new("bash");
    bash.args(["-e", "-u", "-o", "pipefail", "-c", script]).current_dir(folder).stdin(Stdio::null());
    bash.env("PATH", path).env_remove("SCANMILL_CONFIG");
    bash
}

/// Makes a program of this text.
pub fn program(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a script");
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).expect("a mode");
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(repository().join(folder)).expect("a folder of the repository") {
        let entry = entry.expect("an entry");
        let path = folder.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}

impl Page {
    /// The fenced blocks of this language, without their fences.
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut open: Option<(bool, String)> = None;
        for line in self.text.lines() {
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (None, Some(info)) => open = Some((info.trim() == language, String::new())),
                (Some((wanted, block)), Some(_)) => {
                    if *wanted {
                        blocks.push(std::mem::take(block));
                    }
                    open = None;
                }
                (Some((_, block)), None) => {
                    block.push_str(line);
                    block.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block that does not end", self.path.display());
        blocks
    }

    /// The lines outside fenced blocks.
    pub fn prose(&self) -> String {
        let mut fenced = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }
}

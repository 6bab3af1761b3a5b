//! `~` in paths that no shell has seen: in the configuration, in the environment, behind `=` of a flag.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The path with a leading `~` as the home folder. A folder of that name is `./~`.
///
/// # Errors
/// Nobody says where the home folder is, or it is that of another user.
pub fn expand(path: PathBuf) -> Result<PathBuf, &'static str> {
    expand_by(path, std::env::var_os("HOME"))
}

fn expand_by(path: PathBuf, home: Option<OsString>) -> Result<PathBuf, &'static str> {
    let Some(Component::Normal(first)) = path.components().next() else { return Ok(path) };
    if first != "~" {
        return Ok(path);
    }
    let home =
        home.filter(|home| !home.is_empty()).ok_or("`~` is the home folder, and HOME does not say where that is")?;
    let rest = path.strip_prefix("~").unwrap_or(Path::new(""));
    Ok(if rest.as_os_str().is_empty() { home.into() } else { Path::new(&home).join(rest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leading_tilde_alone_is_the_home_folder() {
        let expanded = |path: &str| expand_by(path.into(), Some("/home/ada".into()));
        for (path, expected) in [
            ("~", "/home/ada"),
            ("~/", "/home/ada"),
            ("~/scan", "/home/ada/scan"),
            ("./~/scan", "./~/scan"),
            ("data/~", "data/~"),
            ("~$photo.jpg", "~$photo.jpg"),
            ("/srv/scan", "/srv/scan"),
            ("", ""),
            ("-", "-"),
        ] {
            assert_eq!(expanded(path), Ok(expected.into()), "{path}");
        }
        assert!(expand_by("~/scan".into(), None).is_err());
        assert!(expand_by("~".into(), Some("".into())).is_err());
    }
}

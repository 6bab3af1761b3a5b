//! Keys that are not photos by their names: what the configuration excludes, and what computers leave beside photos.

use glob::{MatchOptions, Pattern};

/// What NAS systems, desktops, cameras' cards and unfinished copies leave in folders of photos: thumbnails of photos that
/// are there already, deleted photos, the system's own files, halves of files. Patterns for one name of a path, with a
/// star at its beginning or its end at most.
pub const HOUSEKEEPING: &[&str] = &[
    // NAS: Synology, QNAP, snapshots.
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "@__thumb",
    "#recycle",
    "#snapshot",
    // Windows.
    "$RECYCLE.BIN",
    "RECYCLER",
    "System Volume Information",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    // macOS, also inside its ZIP archives.
    "__MACOSX",
    ".DS_Store",
    "._*",
    ".AppleDouble",
    ".Spotlight-V100",
    ".TemporaryItems",
    ".fseventsd",
    // Linux desktops and disks.
    ".Trash",
    ".Trash-*",
    ".Trashes",
    ".thumbnails",
    "lost+found",
    // Copies and downloads that are not finished.
    "*.part",
    "*.partial",
    "*.filepart",
    "*.crdownload",
    "*.opdownload",
    "*.tmp",
    "*.temp",
    "*.!sync",
    "*.!ut",
    // What editors keep beside a file that is open.
    "*.swp",
    "*.swo",
    "*~",
    "~$*",
];

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: false, require_literal_separator: true, require_literal_leading_dot: false };

/// Which keys are excluded.
#[derive(Clone, Debug, PartialEq)]
pub struct Exclusions {
    /// For one name of the path, folder or file.
    names: Vec<Pattern>,
    /// For the path from its beginning.
    paths: Vec<Pattern>,
    housekeeping: bool,
}

impl Default for Exclusions {
    /// Housekeeping alone.
    fn default() -> Exclusions {
        Exclusions { names: Vec::new(), paths: Vec::new(), housekeeping: true }
    }
}

impl Exclusions {
    /// Whether to exclude [`HOUSEKEEPING`].
    #[must_use]
    pub fn with_housekeeping(self, housekeeping: bool) -> Exclusions {
        Exclusions { housekeeping, ..self }
    }

    /// Globs separated by commas, letters of either case: `*` and `?` within a name, `**` over folders, `[abc]`. One
    /// without a slash is for any folder or file name of a key, one with a slash for the key from its beginning. What
    /// fits a folder excludes everything in it.
    ///
    /// # Errors
    /// What is wrong with the first glob that is none.
    pub fn with_globs(self, globs: &str) -> Result<Exclusions, &'static str> {
        let (mut names, mut paths) = (Vec::new(), Vec::new());
        for glob in globs.split(',').map(str::trim).filter(|glob| !glob.is_empty()) {
            if glob.starts_with('/') || glob.contains("//") {
                return Err("no glob with an empty name: keys begin without a slash");
            }
            if glob.contains(['{', '}']) {
                return Err("one glob each instead of braces");
            }
            // `raw/` is what people write for a folder.
            let (glob, is_path) = match glob.strip_suffix('/') {
                Some(folder) => (folder, folder.contains('/')),
                None => (glob, glob.contains('/')),
            };
            let pattern = Pattern::new(glob).map_err(|_| "globs like `*.tmp`, `raw` or `2025/**/raw`")?;
            if is_path { paths.push(pattern) } else { names.push(pattern) }
        }
        Ok(Exclusions { names, paths, ..self })
    }

    /// Whether the key, or a folder it lies in, is excluded.
    pub fn excludes(&self, key: &str) -> bool {
        let ends = key.match_indices('/').map(|(at, _)| at).chain([key.len()]);
        ends.into_iter().any(|end| self.excludes_entry(key.get(..end).unwrap_or(key)))
    }

    /// The same for one folder or file alone, given by its path without a slash at the end.
    pub fn excludes_entry(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let fits = |patterns: &[Pattern], text: &str| patterns.iter().any(|one| one.matches_with(text, OPTIONS));
        (self.housekeeping && is_housekeeping(name)) || fits(&self.names, name) || fits(&self.paths, path)
    }
}

/// Whether a name fits one of [`HOUSEKEEPING`]. Every name of every key is asked for several times, and forty globs take many
/// times as long.
fn is_housekeeping(name: &str) -> bool {
    let name = name.as_bytes();
    HOUSEKEEPING.iter().map(|pattern| pattern.as_bytes()).any(|pattern| {
        let (part, place) = match pattern {
            [b'*', end @ ..] => (end, name.len().checked_sub(end.len()).map(|at| at..name.len())),
            [start @ .., b'*'] => (start, Some(0..start.len())),
            whole => (whole, Some(0..name.len())),
        };
        place.and_then(|place| name.get(place)).is_some_and(|there| there.eq_ignore_ascii_case(part))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn housekeeping_fits_as_globs_do(pattern in 0..HOUSEKEEPING.len(), letters in "[a~$.éİ]{0,3}", cut in 0usize..4) {
            let globs: Vec<Pattern> = HOUSEKEEPING.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect();
            let filled = HOUSEKEEPING[pattern].replace('*', &letters);
            let cut: String = filled.chars().skip(cut).collect();
            let cases = [filled.to_uppercase(), filled.to_lowercase(), format!("{letters}{filled}"), filled + &letters, cut, letters];
            for name in cases {
                let expected = globs.iter().any(|glob| glob.matches_with(&name, OPTIONS));
                prop_assert_eq!(is_housekeeping(&name), expected, "{}", name);
            }
        }
    }

    #[test]
    fn what_computers_leave_beside_photos_is_excluded() {
        let exclusions = Exclusions::default();
        for key in [
            "2026/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
            "#recycle/a.jpg",
            "$Recycle.Bin/S-1-5/a.jpg",
            "__MACOSX/._a.jpg",
            "2026/._a.jpg",
            ".Trash-1000/files/a.jpg",
            ".thumbnails/large/0f.png",
            "thumbs.db",
            "lost+found/#123",
            "a/photo.jpg.part",
            "a/photo.jpg.crdownload",
            "a/photo.jpg.tmp",
            "a/.photo.jpg.swp",
            "a/photo.jpg~",
            "a/~$photo.jpg",
            "photo.jpg.!sync",
        ] {
            assert!(exclusions.excludes(key), "{key}");
            assert!(!exclusions.clone().with_housekeeping(false).excludes(key), "{key}");
        }
        for key in
            ["a.jpg", "eaDir/a.jpg", "recycle/a.jpg", "apartment.jpg", "a/parts/1.jpg", "macosx/a.jpg", "a.part.jpg"]
        {
            assert!(!exclusions.excludes(key), "{key}");
        }
    }

    #[test]
    fn globs_fit_names_anywhere_and_paths_from_their_beginning() {
        let exclusions = Exclusions::default().with_globs("*.tmp, raw/, 2025/*/small , **/proof/*.png,x?.jpg").unwrap();
        for (key, expected) in [
            ("a.TMP", true),
            ("b/a.tmp", true),
            ("a.tmp/b.jpg", true),
            ("a/raw/b/c.jpg", true),
            ("rawer/c.jpg", false),
            ("2025/01/small/a.jpg", true),
            ("2025/01/02/small/a.jpg", false),
            ("in/2025/01/small/a.jpg", false),
            ("a/b/proof/c.png", true),
            ("a/b/proof/c.jpg", false),
            ("x1.jpg", true),
            ("x12.jpg", false),
        ] {
            assert_eq!(exclusions.excludes(key), expected, "{key}");
        }
        for wrong in ["/up", "a//b", "*.{jpg,png}", "[a", "a***b"] {
            assert!(Exclusions::default().with_globs(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Exclusions::default().with_globs(" , ").unwrap(), Exclusions::default());
    }
}

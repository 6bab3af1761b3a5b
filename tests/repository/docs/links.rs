//! Links between pages, to files and to headings.

use std::collections::BTreeSet;

use super::pages::{self, Page};

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        })
        .collect()
}

fn anchors(page: &Page) -> BTreeSet<String> {
    page.prose().lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// What stands in `](…)`.
fn targets(prose: &str) -> Vec<&str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages::all();
    let mut dead = Vec::new();
    for page in &pages {
        for target in targets(&page.prose()) {
            if target.starts_with("http://") || target.starts_with("https://") {
                continue;
            }
            let (file, heading) =
                target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
            let folder = page.path.parent().expect("a file has a folder");
            let path = if file.is_empty() {
                pages::repository().join(&page.path)
            } else {
                pages::repository().join(folder).join(file)
            };
            let Ok(path) = path.canonicalize() else {
                dead.push(format!("{}: {target}", page.path.display()));
                continue;
            };
            let Some(heading) = heading else { continue };
            let there = pages
                .iter()
                .find(|other| pages::repository().join(&other.path).canonicalize().ok() == Some(path.clone()));
            if !there.is_some_and(|other| anchors(other).contains(heading)) {
                dead.push(format!("{}: no heading for {target}", page.path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let pages = pages::all();
    let mut reached = BTreeSet::from([std::path::PathBuf::from("README.md")]);
    loop {
        let before = reached.len();
        for page in pages.iter().filter(|page| reached.contains(&page.path)).collect::<Vec<_>>() {
            for target in targets(&page.prose()) {
                let file = target.split('#').next().unwrap_or_default();
                let path = pages::repository().join(page.path.parent().expect("a folder")).join(file);
                if let Some(path) = path.canonicalize().ok().filter(|_| file.ends_with(".md")) {
                    let root = pages::repository().canonicalize().expect("the repository");
                    reached.extend(path.strip_prefix(root).map(std::path::Path::to_path_buf));
                }
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let lost: Vec<_> = pages
        .iter()
        .map(|page| &page.path)
        .filter(|path| path.starts_with("docs") && !reached.contains(*path))
        .collect();
    assert!(lost.is_empty(), "no link leads to {lost:?}");
}

/// The first page is read whole or not at all.
#[test]
fn the_readme_is_short() {
    let size = std::fs::metadata(pages::repository().join("README.md")).expect("README.md").len();
    assert!(size < 10_000, "README.md has {size} bytes; what it says more belongs under docs/");
}

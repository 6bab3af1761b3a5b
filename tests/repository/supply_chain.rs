//! What is linked into scanmill, by cargo's own metadata, against `deny.toml`: licences, duplicates, sources.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// A crate in the graph of the release.
#[derive(Debug)]
struct Linked {
    name: String,
    version: String,
    licence: String,
    /// `None`: of this repository.
    source: Option<String>,
}

/// What the binary is made of, build scripts included, dev-dependencies not.
fn linked() -> Vec<Linked> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        list.as_array().unwrap().iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one.clone())).collect()
    };
    let (packages, nodes) = (by_id(&metadata["packages"]), by_id(&metadata["resolve"]["nodes"]));
    let root = packages.iter().find(|(_, package)| package["name"] == "scanmill").unwrap().0.clone();
    let (mut seen, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if seen.insert(id.clone()) {
            let needs = nodes[&id]["deps"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|needed| needed["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev"));
            open.extend(needs.map(|needed| needed["pkg"].as_str().unwrap().to_owned()));
        }
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    seen.iter()
        .map(|id| &packages[id])
        .map(|package| Linked {
            name: text(&package["name"]).unwrap(),
            version: text(&package["version"]).unwrap(),
            licence: text(&package["license"]).unwrap_or_default(),
            source: text(&package["source"]),
        })
        .collect()
}

fn rules() -> toml::Table {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap().parse().unwrap()
}

fn texts(list: &toml::Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Whether an SPDX expression can be met with these licences.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (met, rest) = either(&words, allowed);
    met && rest.is_empty()
}

fn either<'a>(words: &'a [&'a str], allowed: &[&str]) -> (bool, &'a [&'a str]) {
    let (mut met, mut rest) = both(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (other, left) = both(after, allowed);
        (met, rest) = (met || other, left);
    }
    (met, rest)
}

fn both<'a>(words: &'a [&'a str], allowed: &[&str]) -> (bool, &'a [&'a str]) {
    let (mut met, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (other, left) = one(after, allowed);
        (met, rest) = (met && other, left);
    }
    (met, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &[&str]) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => {
            let (met, rest) = either(inner, allowed);
            (met, rest.strip_prefix(&[")"]).unwrap_or(rest))
        }
        [licence, "WITH", exception, rest @ ..] => {
            (allowed.contains(&format!("{licence} WITH {exception}").as_str()), rest)
        }
        [licence, rest @ ..] => (allowed.contains(licence), rest),
        [] => (false, words),
    }
}

#[test]
fn expressions_are_read_as_spdx_has_them() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"];
    for met in ["MIT", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND Zlib", "GPL-3.0/MIT", "Apache-2.0 WITH LLVM-exception"] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for not in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND GPL-3.0", "Apache-2.0", "GPL-3.0 AND MIT OR GPL-3.0"]
    {
        assert!(!is_met(not, &allowed), "{not}");
    }
}

#[test]
fn licences_are_allowed_and_sources_known() {
    let rules = rules();
    let (allowed, exceptions) =
        (texts(&rules["licenses"]["allow"]), rules["licenses"]["exceptions"].as_array().unwrap());
    let registries = texts(&rules["sources"]["allow-registry"]);
    let linked = linked();
    assert!(linked.len() > 100, "{}", linked.len());
    for Linked { name, version, licence, source } in &linked {
        let mut here = allowed.clone();
        let own = exceptions.iter().filter(|exception| exception["crate"].as_str() == Some(name.as_str()));
        own.for_each(|exception| here.extend(texts(&exception["allow"])));
        assert!(is_met(licence, &here), "{name} {version}: {licence}");
        let known =
            source.as_ref().is_none_or(|source| registries.iter().any(|one| *source == format!("registry+{one}")));
        assert!(known, "{name} {version} comes from {source:?}");
    }
    for exception in exceptions {
        assert!(linked.iter().any(|one| exception["crate"].as_str() == Some(&one.name)), "{exception} is for nobody");
    }
}

#[test]
fn what_is_linked_twice_is_known() {
    let rules = rules();
    let skipped: BTreeSet<(&str, &str)> = rules["bans"]["skip"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skip| skip["crate"].as_str().and_then(|name| name.split_once('@')).unwrap())
        .collect();
    let linked = linked();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    linked.iter().for_each(|one| versions.entry(&one.name).or_default().push(&one.version));
    let is_of = |version: &str, wanted: &str| version.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'));
    let mut used = BTreeSet::new();
    for (name, all) in &versions {
        let left: Vec<&&str> = all
            .iter()
            .filter(|version| match skipped.iter().find(|(skip, wanted)| skip == name && is_of(version, wanted)) {
                Some(skip) => {
                    used.insert(*skip);
                    false
                }
                None => true,
            })
            .collect();
        assert!(left.len() < 2, "{name} is linked {} times: {left:?}", left.len());
    }
    assert_eq!(used, skipped, "deny.toml skips what is not there");
}

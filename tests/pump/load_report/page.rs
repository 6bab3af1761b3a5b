//! The page and the text: well-formed, complete, self-contained, and nothing in them is taken for markup.

use scanmill::config::Settings;
use scanmill::pump::load_report::compare::{Meaning, compare};
use scanmill::pump::load_report::{EngineSettings, LoadReport, Parts};

use super::scene::{self, Engine};

/// Elements that have no end tag.
const VOID: &[&str] = &["meta", "br", "img", "link", "hr", "input"];

/// Every tag of a page: checks that each is closed in order, that attributes stand in quotes, and returns `(name,
/// attributes)`.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    let (mut open, mut all): (Vec<String>, Vec<_>) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a stray > before: {}", &rest[..at + 20]);
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag ends");
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let is_empty = tag.ends_with('/');
        let tag = tag.trim_end_matches('/').trim();
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric()), "tag `{name}`");
        all.push((name.to_owned(), attribute_list(attributes)));
        if name == "style" || name == "script" {
            let close = format!("</{name}>");
            rest = rest.split_once(&close).expect("its end").1;
        } else if !is_empty {
            assert!(!VOID.contains(&name), "{name} without its slash");
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

fn attribute_list(text: &str) -> Vec<(String, String)> {
    let mut rest = text.trim();
    let mut list = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("attribute without quotes: {rest}"));
        let (value, after) = after.split_once('"').expect("its end");
        assert!(!name.contains(char::is_whitespace) && !value.contains('<'), "{name} {value}");
        list.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    list
}

fn has_id(page: &str, id: &str) -> bool {
    page.contains(&format!("id=\"{id}\""))
}

#[test]
fn the_page_is_well_formed_and_has_every_section() {
    let report = scene::report(&Engine { heic: (1, 1, 0), ..Engine::default() }, Some(60.0));
    let page = report.to_html(None);
    let tags = tags(&page);
    let sections = ["bottleneck", "ceilings", "notes", "rate", "queue", "latency", "lag", "fetches", "decodes", "heic"];
    for id in sections.into_iter().chain(["cpu", "memory", "stages", "costs", "figures", "details"]) {
        assert!(has_id(&page, id), "no section {id}");
    }
    let mut ids: Vec<&str> =
        tags.iter().flat_map(|(_, list)| list).filter(|(name, _)| name == "id").map(|(_, id)| id.as_str()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id twice");
    let plots = tags.iter().filter(|(name, _)| name == "svg").count();
    assert_eq!(plots, 9);
    assert_eq!(page.matches("<title id=").count(), plots, "each plot has a title for screen readers");
    assert_eq!(page.matches("<desc id=").count(), plots);
    for bad in ["NaN", "inf ", "inf\"", "-0 ", "None", "Some("] {
        assert!(!page.contains(bad), "{bad}");
    }
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let report = scene::report(&Engine::default(), None);
    let page = report.to_html(Some(&report));
    assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
    for foreign in
        ["http://", "https://", "//cdn", "@import", "url(", "fetch(", "XMLHttp", "import(", "innerHTML", "eval("]
    {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for (tag, attributes) in tags(&page) {
        assert!(!["link", "img", "iframe", "object", "embed", "base", "form"].contains(&tag.as_str()), "{tag}");
        for (name, _) in attributes {
            let loads = ["src", "href", "srcset", "xlink:href", "action", "poster", "data"].contains(&name.as_str());
            assert!(!loads && !name.starts_with("on"), "{tag} {name}");
        }
    }
}

#[test]
fn every_text_is_escaped() {
    let mut report = scene::report(&Engine::default(), None);
    let evil = "</style><script>alert(1)</script>\"'&\u{1}";
    for text in [
        &mut report.ran.story,
        &mut report.ran.size,
        &mut report.ran.arrival,
        &mut report.ran.ports,
        &mut report.ran.version,
        &mut report.bottleneck.title,
        &mut report.bottleneck.evidence,
        &mut report.bottleneck.remedy,
    ] {
        evil.clone_into(text);
    }
    report.notes.push(evil.into());
    report.ceilings[0].name = evil.into();
    for looked in &mut report.bottleneck.looked_at {
        looked.says = evil.into();
    }
    report.durable.as_mut().unwrap().measured_from = evil.into();
    let engine = report.engine.as_mut().unwrap();
    engine.version = evil.into();
    engine.sealed_by.insert(evil.into(), 3);
    engine.stages[0].stage = evil.into();
    engine.limits[0].stage = evil.into();
    let costs = report.costs.as_mut().unwrap();
    costs.prices.instance = evil.into();
    costs.ways[0].name = evil.into();
    costs.ways[0].lines[0].formula = evil.into();
    costs.break_even.formula = evil.into();
    costs.redshift_as_loaded_here.formula = evil.into();
    let old = scene::report(&Engine::default(), None);
    for page in [report.to_html(None), report.to_html(Some(&old)), old.to_html(Some(&report))] {
        assert!(!page.contains("alert(1)</script>") && !page.contains('\u{1}'));
        tags(&page);
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[test]
fn a_report_without_an_engine_says_what_is_missing() {
    let whole = scene::report(&Engine::default(), Some(50.0));
    let parts = Parts {
        ran: whole.ran,
        pump: whole.pump,
        durable: None,
        put_to_durable: None,
        row: None,
        flow: None,
        engine: None,
        loaded_seconds: None,
        verdict: None,
    };
    let report = LoadReport::new(parts, &EngineSettings::from(&Settings::default()));
    assert!(report.notes.iter().any(|note| note.contains("metrics.listen")), "{:?}", report.notes);
    assert!(report.costs.is_none() && report.ceilings.is_empty());
    let page = report.to_html(None);
    tags(&page);
    assert!(has_id(&page, "rate") && !has_id(&page, "cpu") && !has_id(&page, "costs"));
    let text = report.to_text();
    assert!(text.contains("asked 50/s, held") && text.contains("Bottleneck: not known"), "{text}");
}

#[test]
fn the_text_is_compact_and_has_what_matters() {
    let text = scene::report(&Engine { cpu_per_second: 1.9, ..Engine::default() }, Some(60.0)).to_text();
    for part in [
        "story launch, seed 1, 1,000 photos",
        "asked 60/s, NOT held: 50/s; put 50/s, durable 50/s",
        "0 lost, 0 duplicated, 0 wrong",
        "until durable  400 ms  800 ms  1.60 s",
        "measured from when it was due",
        "batch wait",
        "Bottleneck: CPU",
        "c7i.large pays from",
        "note: measured on the embedded queue",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    assert!(text.lines().count() < 70 && text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn a_report_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let report = scene::report(&Engine::default(), Some(50.0));
    let json = report.to_json().unwrap();
    std::fs::write(&path, &json).unwrap();
    let again = LoadReport::read(&path).unwrap();
    assert_eq!(again.to_text(), report.to_text());
    assert_eq!(again.to_html(None), report.to_html(None));
    for (content, expected) in [
        (json.replacen("\"version\":1", "\"version\":2", 1), "load report of version 2"),
        (json.replacen("scanmill load report", "shopping list", 1), "it says it is a `shopping list`"),
        (json[..json.len() / 2].to_owned(), "is not a load report"),
        ("{}".to_owned(), "is not a load report"),
        (json.replacen("\"pump\"", "\"pumps\"", 1), "is not a load report"),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = LoadReport::read(&path).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint_text().is_some());
    }
    assert!(LoadReport::read(&folder.path().join("none.json")).is_err());
}

/// Texts are rounded, so a number that comes back as its neighbour shows now and then alone: all are compared.
#[test]
fn every_number_of_a_report_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    for numerator in 1..2_000 {
        let mut report = scene::report(&Engine::default(), Some(50.0));
        report.loaded_seconds = Some(f64::from(numerator) / 7.0);
        std::fs::write(&path, report.to_json().unwrap()).unwrap();
        assert_eq!(LoadReport::read(&path).unwrap(), report);
    }
}

#[test]
fn a_comparison_says_what_became_better_and_what_is_noise() {
    let old = scene::report(&Engine::default(), None);
    let faster = Engine { rate: 80, cpu_per_second: 0.52, means: [0.8, 0.02, 0.2, 0.01, 1.0], ..Engine::default() };
    let mut new = scene::report(&faster, None);
    new.verdict.as_mut().unwrap().lost = 3;
    let comparison = compare(&new, &old);
    let meaning = |group: &str, name: &str| {
        let change = comparison.changes.iter().find(|change| change.group == group && change.name == name);
        let change = change.unwrap_or_else(|| panic!("no {group}: {name}"));
        (change.meaning, change.shown())
    };
    assert_eq!(meaning("rate", "durable"), (Meaning::Better, "+60 %".into()));
    assert_eq!(meaning("engine", "CPU a photo").0, Meaning::Better);
    assert_eq!(meaning("stage", "fetch mean"), (Meaning::Worse, "×4".into()));
    assert_eq!(meaning("until row", "p99").0, Meaning::Noise);
    assert_eq!(meaning("rows", "lost"), (Meaning::Worse, "from nothing".into()));
    assert_eq!(meaning("pump", "photos").0, Meaning::Neutral);
    assert!(comparison.warnings.iter().any(|warning| warning.contains("number of photos")), "{comparison:?}");
    let text = comparison.to_text();
    assert!(text.contains("rate: durable") && text.contains("mean little"), "{text}");
    let page = new.to_html(Some(&old));
    tags(&page);
    assert!(has_id(&page, "changes") && page.contains("durable, before") && page.contains("to row, before"));
    let same = compare(&old, &old);
    assert!(same.changes.iter().all(|change| change.meaning == Meaning::Noise) && same.warnings.is_empty());
}

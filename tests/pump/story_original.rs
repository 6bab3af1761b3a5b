//! The original's two files, taken as they are: weights honoured, dates, hours and longitudes right.

use std::collections::HashMap;
use std::path::PathBuf;

use jiff::tz::Offset;
use scanmill::pump::story::original::parse_orchestrator;
use scanmill::pump::story::source::Language;
use scanmill::pump::story::summary::{KindSummary, Summary, summary};
use scanmill::pump::story::{Span, Story, StoryOptions, StorySource};

const STORY: &str = include_str!("../story_fixtures/story.json");
const ORCHESTRATOR: &str = include_str!("../story_fixtures/orchestrator.json");

fn source(text: &str) -> StorySource {
    StorySource { name: "original".into(), language: Language::Original, text: text.to_owned() }
}

fn story(text: &str, count: u64) -> Story {
    Story::new(&source(text), StoryOptions { count, ..StoryOptions::default() }, "o/".into()).unwrap()
}

fn refusal(text: &str) -> String {
    Story::new(&source(text), StoryOptions::default(), String::new()).unwrap_err().report()
}

/// Every stamp of an orchestrator's file, offered to a story.
fn told(story_text: &str, orchestrator: &str) -> (Story, Summary) {
    let order = parse_orchestrator(orchestrator).unwrap();
    let story = story(story_text, order.count);
    let span = Span { from: order.from, to: order.to };
    story.covers(span).unwrap();
    let summary = summary(&story, (0..order.count).map(|index| story.candidate(index, order.count, span)));
    (story, summary)
}

fn chi_square(rows: &[KindSummary]) -> (f64, f64) {
    let likely = rows.iter().filter(|row| row.expected.is_some_and(|expected| expected > 0.0));
    let terms: Vec<f64> = likely
        .map(|row| {
            let expected = row.expected.unwrap();
            (row.found as f64 - expected).powi(2) / expected
        })
        .collect();
    (terms.iter().sum(), terms.len() as f64 - 1.0)
}

/// Within 3σ: each month, product and hour; and the places as a whole, since of two hundred some lie farther out.
fn assert_close(summary: &Summary) {
    for rows in [&summary.months, &summary.products, &summary.hours] {
        for row in rows {
            let sigmas = row.sigmas.unwrap();
            assert!(sigmas.abs() < 3.0, "{row:?}");
        }
    }
    for rows in [&summary.places, &summary.products, &summary.hours] {
        let (chi, freedom) = chi_square(rows);
        assert!((chi - freedom) / (2.0 * freedom).sqrt() < 3.0, "{chi} at {freedom}");
    }
    // Bonferroni: three σ for one, so many more for the farthest of n.
    for row in &summary.places {
        assert!(row.sigmas.unwrap().abs() < 3.0 + (summary.places.len() as f64).ln().sqrt() / 2.0, "{row:?}");
    }
}

#[test]
fn the_weights_of_a_small_story_are_honoured() {
    let (story, summary) = told(STORY, ORCHESTRATOR);
    assert_close(&summary);
    assert_eq!(summary.offered, 30_000);
    let months: Vec<(&str, u64)> = summary.months.iter().map(|row| (&*row.name, row.offered.unwrap())).collect();
    assert_eq!(months.iter().map(|month| month.0).collect::<Vec<_>>(), ["2024-01", "2024-02", "2024-03"]);
    // March takes every stamp; the first rule that matches takes most of late February away.
    assert_eq!(summary.months[2].found, summary.months[2].offered.unwrap());
    let february = summary.months[1].expected.unwrap() / summary.months[1].offered.unwrap() as f64;
    assert!((february - (19.0 * 0.4 + 10.0 * 0.1) / 29.0).abs() < 1e-3, "{february}");
    // New York stands twice; its weights are added. The weights add up to 100.3.
    assert_eq!(story.world().places.len(), 4);
    let newyork = summary.places.iter().find(|row| row.name == "40.71,-74.01").unwrap();
    assert!((newyork.expected.unwrap() / summary.accepted as f64 - 40.0 / 100.3).abs() < 1e-9);
    assert_eq!(summary.sections().iter().filter(|(_, rows)| rows.is_empty()).count(), 0);
    let text = summary.to_text();
    assert!(text.contains("2024-02") && text.contains("SLATE 7") && text.contains("61.22,-149.90"), "{text}");
}

#[test]
fn a_photo_keeps_the_date_of_its_stamp_and_the_side_of_greenwich() {
    let story = story(STORY, 4_000);
    let order = parse_orchestrator(ORCHESTRATOR).unwrap();
    let span = Span { from: order.from, to: order.to };
    let mut offsets: HashMap<String, Vec<i32>> = HashMap::new();
    let mut names = HashMap::new();
    for index in 0..4_000 {
        let stamp = story.candidate(index, 4_000, span);
        let photo = story.photo(stamp);
        let facts = photo.capture.as_ref().unwrap();
        assert_eq!(facts.local.date(), Offset::UTC.to_datetime(stamp.at).date());
        assert!([9, 13, 23].contains(&facts.local.hour()));
        let place = facts.place.unwrap();
        assert_eq!(place.longitude > 0.0, place.latitude < 0.0, "only Sydney is east");
        assert!(photo.key.starts_with(&format!("o/2024/{:02}/", facts.local.month())), "{}", photo.key);
        assert!(photo.key.contains(&format!("/{}/", photo.city)), "{}", photo.key);
        assert_eq!(photo.fault, None);
        let [code] = photo.codes.as_slice() else { panic!("{photo:?}") };
        assert_eq!(code.product, None, "the original does not say");
        names.insert(code.title.to_string(), code.clone());
        let minutes = offsets.entry(photo.city.to_string()).or_default();
        if !minutes.contains(&facts.offset_minutes) {
            minutes.push(facts.offset_minutes);
        }
    }
    // Summer time begins on 10 March in New York and Anchorage, never in Phoenix, and ends in April in Sydney.
    assert_eq!(offsets["40.71,-74.01"], [-300, -240]);
    assert_eq!(offsets["61.22,-149.90"], [-540, -480]);
    assert_eq!(offsets["33.45,-112.07"], [-420]);
    assert_eq!(offsets["-33.87,151.21"], [660]);
    let mut titles: Vec<&String> = names.keys().collect();
    titles.sort();
    assert_eq!(titles, ["DIAL", "SLATE 7", "WWW ORCHARD EXAM"]);
    let dial = &names["DIAL"];
    assert_eq!(dial.payload, "https://www.orchard.example/dial/?utm_source=box&utm_campaign=one");
    assert_eq!((dial.utm.source.as_deref(), dial.utm.campaign.as_deref()), (Some("box"), Some("one")));
}

#[test]
fn a_count_spreads_the_story_over_its_own_span() {
    let story = story(STORY, 9_000);
    assert_eq!(story.span().from.to_string(), "2024-01-01T00:00:00Z");
    assert_eq!(story.span().to.to_string(), "2024-04-01T00:00:00Z");
    let summary = summary(&story, (0..9_000).map(|index| story.stamp(index)));
    assert_eq!(summary.accepted, 9_000);
    let weights = [31.0 * 0.4, 19.0 * 0.4 + 10.0 * 0.1, 31.0];
    for (row, weight) in summary.months.iter().zip(weights) {
        let expected = 9_000.0 * weight / weights.iter().sum::<f64>();
        assert!((row.found as f64 - expected).abs() <= 2.0, "{row:?}: {expected}");
    }
}

#[test]
fn a_date_that_no_rule_matches_is_refused_and_named() {
    let gap = STORY.replace("in(1,2)", "eq(1)");
    let report = refusal(&gap);
    assert!(report.contains("no rule of `time_function` matches 2024-02-01 00:00"), "{report}");
    assert!(report.contains("add a last rule"), "{report}");
    let mended =
        gap.replace("\"time_function\": [", "\"time_function\": [{\"date_spec\": {\"month\": \"eq(2)\"}, \"pct\": 0},");
    assert!(Story::new(&source(&mended), StoryOptions::default(), String::new()).is_ok());
    let story = story(STORY, 10);
    let date = |text: &str| text.parse().unwrap();
    let late = Span { from: date("2024-03-30T00:00:00Z"), to: date("2024-04-02T00:00:00Z") };
    assert!(story.covers(late).unwrap_err().to_string().contains("2024-04-01 00:00"));
    let empty = Span { from: late.to, to: late.from };
    assert!(story.covers(empty).is_err());
}

#[test]
fn hours_and_minutes_are_told_apart_too() {
    let text = STORY.replace(
        "\"time_function\": [",
        "\"time_function\": [{\"date_spec\": {\"year\": \"eq(2024)\", \"month\": \"le(3)\", \"hour\": \"lt(6)\"}, \"pct\": 0}, \
         {\"date_spec\": {\"year\": \"eq(2024)\", \"month\": \"le(3)\", \"min\": \"ge(30)\"}, \"pct\": 25},",
    );
    let story = story(&text, 2_000);
    let chance = |at: &str| {
        let at = at.parse().unwrap();
        story.acceptance(scanmill::pump::story::Stamp { index: 0, at, certain: false })
    };
    assert_eq!(chance("2024-01-10T05:59:00Z"), 0.0);
    assert_eq!(chance("2024-01-10T06:00:00Z"), 0.4);
    assert_eq!(chance("2024-01-10T06:30:00Z"), 0.25);
    for index in 0..2_000 {
        let at = Offset::UTC.to_datetime(story.stamp(index).at);
        assert!(at.hour() >= 6, "{at}");
    }
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let broken = STORY
        .replace("\"eq(3)\"", "\"ne(3)\"")
        .replace("\"day\"", "\"dya\"")
        .replace("\"hour\": 23", "\"hour\": 24")
        .replace("\"pct\": 2.5", "\"pct\": -2.5")
        .replace("151.2092955", "191.2");
    let report = refusal(&broken);
    for part in [
        "5 mistakes",
        "time_function[2].date_spec.month",
        "found \"ne(3)\"",
        "time_function[0].date_spec.dya",
        "hour_distribution[2].hour",
        "geolocations[0].pct",
        "geolocations[4]",
    ] {
        assert!(report.contains(part), "no {part} in\n{report}");
    }
    assert!(refusal("{}").contains("specification"));
    assert!(refusal(&STORY.replace("\"pct\": 60", "\"pct\": 60, \"colour\": 1")).contains("line 17"));
}

#[test]
fn the_orchestrators_file_is_read_or_refused() {
    let order = parse_orchestrator(ORCHESTRATOR).unwrap();
    assert_eq!((order.from.to_string(), order.count), ("2024-01-01T00:00:00Z".to_owned(), 30_000));
    for (from, to, part) in [
        ("30000", "0", "`count` of 0"),
        ("2024-04-01", "2023-04-01", "not after its start"),
        ("2024-01-01", "1.1.2024", "\"1.1.2024 00:00:00\" as `start_date`"),
        ("count", "number", "does not parse"),
    ] {
        let report = parse_orchestrator(&ORCHESTRATOR.replace(from, to)).unwrap_err().report();
        assert!(report.contains(part) && report.contains("start_date"), "{report}");
    }
}

/// The real files, where they are at hand: 40,000 stamps over three months of 2015.
#[test]
fn the_original_s_own_files_run_unchanged() {
    let shared = std::env::var("SCANMILL_SHARED").map_or_else(|_| PathBuf::from("../shared"), PathBuf::from);
    let read = |name: &str| std::fs::read_to_string(shared.join("seed").join(name));
    let (Ok(text), Ok(order)) = (read("story-specification.json"), read("orchestrator-specification.json")) else {
        eprintln!("skipped: no seed files in {}/seed (SCANMILL_SHARED names the folder)", shared.display());
        return;
    };
    let (story, summary) = told(&text, &order);
    eprintln!("{}", summary.to_text());
    assert_eq!(summary.offered, 40_000);
    assert_eq!(story.world().places.len(), 223);
    assert_close(&summary);
    for (row, share) in summary.months.iter().zip([0.5, 0.75, 1.0]) {
        let expected = row.offered.unwrap() as f64 * share;
        assert!((row.expected.unwrap() - expected).abs() < 1e-6, "{row:?}");
    }
    let names = ["IPAD AIR 2", "IPHONE 6", "MACBOOK PRO", "WATCH"];
    for (name, share) in names.into_iter().zip([0.5, 0.3, 0.1, 0.1]) {
        let row = summary.products.iter().find(|row| row.name == name).unwrap();
        assert!((row.expected.unwrap() - summary.accepted as f64 * share).abs() < 1e-6, "{row:?}");
    }
    // Every place is in the western hemisphere, and its photos carry the offset of its zone.
    for index in 0..500 {
        let photo = story.photo(story.stamp(index));
        let facts = photo.capture.unwrap();
        assert!(facts.place.unwrap().longitude < -60.0);
        assert!((-600..=-240).contains(&facts.offset_minutes), "{} {}", photo.city, facts.offset_minutes);
    }
}

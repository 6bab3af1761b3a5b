//! The pump's two halves as processes: stamps through the queue, any number of workers, some of them killed; and what
//! they must not do.

use std::collections::BTreeMap;
use std::path::Path;

use crate::process::{Ended, Root, Running, runtime};
use rustix::process::Signal;
use scanmill::app;
use scanmill::config::Settings;
use scanmill::pump::answer_key::{ExpectedPhoto, KeyReader, Seal};
use scanmill::pump::photo::PhotoMaker;
use scanmill::pump::run_plan::RunPlan;
use scanmill::pump::stamp_message::StampMessage;
use scanmill::pump::story::Stamp;
use scanmill::queue::Queue;
use serde_json::Value;

/// Leases that end soon, so that what a killed worker held comes again within the test.
const SHORT_LEASES: &[&str] = &[
    "--set",
    "queue.visibility_timeout_seconds=4",
    "--set",
    "batch.max_age_ms=150",
    "--set",
    "limits.photo_time_budget_ms=3000",
];
const STORY: &[&str] = &["--size", "small", "--pictures", "1", "--seed", "7"];

/// Every file of the inbox with its bytes.
fn inbox(root: &Root) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, under: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                walk(&path, under, found);
            } else if !entry.file_name().to_string_lossy().starts_with('.') {
                let key = path.strip_prefix(under).unwrap().to_string_lossy().into_owned();
                // A file may be on its way to its name.
                found.extend(std::fs::read(&path).ok().map(|bytes| (key, bytes)));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root.inbox(), &root.inbox(), &mut found);
    found
}

fn settings(root: &Root) -> Settings {
    let mut settings = Settings::default();
    settings.local.root = root.path().to_owned();
    app::make_folders(&settings).unwrap();
    settings
}

fn stamp_queue(root: &Root) -> std::sync::Arc<dyn Queue> {
    app::open_stamp_queue(&settings(root)).unwrap()
}

fn orchestrate(root: &Root, more: &[&str]) -> Value {
    let ended = root.ended(&[&["orchestrate", "--json"], STORY, more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn worker(root: &Root, more: &[&str]) -> Running {
    Running::start(root.command(&[&["distribute", "--json"], SHORT_LEASES, more].concat()))
}

fn figures(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

fn key(root: &Root) -> (Vec<ExpectedPhoto>, Seal) {
    let mut reader = KeyReader::open(&root.file("answer-key.jsonl")).unwrap();
    let photos = std::iter::from_fn(|| reader.next_photo().unwrap()).collect();
    (photos, reader.seal().unwrap())
}

/// The key names exactly the objects that are there.
fn assert_key_names(root: &Root, objects: &BTreeMap<String, Vec<u8>>) {
    let (photos, seal) = key(root);
    assert!(seal.complete);
    let mut named: Vec<&str> = photos.iter().map(|photo| photo.key.as_str()).collect();
    named.sort_unstable();
    assert!(named.iter().copied().eq(objects.keys().map(String::as_str)), "{} {}", named.len(), objects.len());
}

#[test]
fn one_worker_three_and_three_of_which_one_is_killed_make_the_same_objects() {
    const COUNT: &str = "240";
    let alone = Root::new();
    let sent = orchestrate(&alone, &["--count", COUNT]);
    assert_eq!((sent["stamps"].to_string().as_str(), sent["complete"].as_bool()), (COUNT, Some(true)));
    let done = figures(&worker(&alone, &["--until-empty", "--threads", "1"]).ended());
    assert_eq!((done["stamps"].to_string().as_str(), done["pump"]["photos"].to_string().as_str()), (COUNT, COUNT));
    let objects = inbox(&alone);
    assert_eq!(objects.len().to_string(), COUNT);
    assert_key_names(&alone, &objects);

    let three = Root::new();
    orchestrate(&three, &["--count", COUNT]);
    let workers = [(); 3].map(|()| worker(&three, &["--until-empty", "--workers", "1"]));
    let stamps: u64 = workers.map(|worker| figures(&worker.ended())["stamps"].as_u64().unwrap()).iter().sum();
    assert_eq!(stamps.to_string(), COUNT, "each stamp went to one of them");
    assert!(inbox(&three) == objects);

    // When they are due changes no photo, and gives time to kill in the middle.
    let killed = Root::new();
    let schedule = ["--rate", "40/s", "--count", COUNT, "--start-in", "1s"];
    let sender = Running::start(killed.command(&[&["orchestrate"], STORY, &schedule].concat()));
    sender.wait_until("a plan is written", || killed.path().join("results/pump").try_exists().unwrap());
    let [first, second, third] = [(); 3].map(|()| worker(&killed, &["--threads", "1"]));
    first.wait_until("a quarter is put", || inbox(&killed).len() >= 60);
    first.signal(Signal::KILL);
    let ended = first.ended();
    assert_eq!(ended.code, None, "killed: {}", ended.stderr);
    assert!(inbox(&killed).len() < 240, "nothing was left to do");
    assert_eq!(sender.ended().code, Some(0));
    figures(&worker(&killed, &["--until-empty"]).ended());
    for worker in [second, third] {
        figures(&worker.drained());
    }
    let after = inbox(&killed);
    let unlike = |a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
        a.iter().filter(|(key, bytes)| b.get(*key) != Some(bytes)).map(|(key, _)| key.clone()).collect()
    };
    let (too_few, too_many) = (unlike(&objects, &after), unlike(&after, &objects));
    assert!(too_few.is_empty() && too_many.is_empty(), "after a kill without {too_few:?}, with {too_many:?}");
    assert_key_names(&killed, &objects);
    let (photos, _) = key(&killed);
    assert!(photos.iter().all(|photo| photo.due_at.is_some() && photo.put_at.is_none()));

    // Any slice can be made again by whoever has the plan.
    let ports = alone.ports();
    let name = sent["plan_key"].as_str().unwrap();
    let plan = runtime().block_on(RunPlan::read(&*ports.store, "results", name)).unwrap();
    let (story, maker) = (plan.tell().unwrap(), PhotoMaker::new(16 << 20));
    for index in [200, 3, 77] {
        let photo = story.photo(story.stamp(index));
        assert!(maker.make(&photo).unwrap() == objects[&photo.key], "{}", photo.key);
    }

    // A stamp that comes again changes nothing.
    let again: Vec<String> =
        (0..20).map(|index| StampMessage::new("results", name, story.stamp(index), None).body().unwrap()).collect();
    runtime().block_on(stamp_queue(&alone).send(&again)).unwrap();
    let done = figures(&worker(&alone, &["--until-empty"]).ended());
    assert_eq!(done["pump"]["photos"], 20);
    assert!(inbox(&alone) == objects);
}

#[test]
fn the_originals_specification_goes_through_workers_and_engine_and_is_right() {
    let root = Root::new();
    let spec = root.file("orchestrator.json");
    let text = r#"{"start_date": "2024-01-01 00:00:00", "end_date": "2024-04-01 00:00:00", "count": 90}"#;
    std::fs::write(&spec, text).unwrap();
    let story = root.file("rules.json");
    std::fs::write(&story, include_str!("../story_fixtures/story.json")).unwrap();
    let sent = orchestrate(&root, &["--spec", spec.to_str().unwrap(), "--story", story.to_str().unwrap()]);
    assert_eq!(sent["stamps"], 90);
    assert!(sent["photos"].as_u64().unwrap() < 90, "most of the winter's are not taken");
    let workers = [(); 2].map(|()| worker(&root, &["--until-empty", "--threads", "1"]));
    let photos: u64 = workers.map(|worker| figures(&worker.ended())["pump"]["photos"].as_u64().unwrap()).iter().sum();
    assert_eq!(Some(photos), sent["photos"].as_u64(), "orchestrator and workers decide alike");
    root.run_until_empty();
    let verdict = root.ended(&["verify", "--json"]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.stdout);
    let verdict: Value = serde_json::from_str(&verdict.stdout).unwrap();
    assert_eq!(verdict["photos"].as_u64(), Some(photos));
}

#[test]
fn a_replay_reaches_the_inbox_whole() {
    let root = Root::new();
    let day = ["--replay", "--from", "2026-03-12", "--to", "2026-03-13", "--speed-up", "86400", "--start-in", "1s"];
    let sent = orchestrate(&root, &day);
    assert!(sent["photos"].as_u64().unwrap() > 5, "{sent}");
    let done = figures(&worker(&root, &["--until-empty"]).ended());
    assert_eq!(done["pump"]["photos"], sent["photos"]);
    assert_eq!(done["pump"]["late_ms"]["count"], sent["photos"]);
    assert_key_names(&root, &inbox(&root));
}

#[test]
fn ctrl_c_seals_the_key_for_the_stamps_that_were_sent() {
    let root = Root::new();
    let slow = ["--rate", "5/s", "--count", "5000", "--start-in", "1s", "--json"];
    let sender = Running::start(root.command(&[&["orchestrate"], STORY, &slow].concat()));
    sender.wait_until("stamps are sent", || {
        root.file("stamps.sqlite").try_exists().unwrap()
            && runtime().block_on(stamp_queue(&root).depth()).is_ok_and(|depth| depth.ready >= 32)
    });
    sender.signal(Signal::INT);
    let ended = sender.ended();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let sent: Value = serde_json::from_str(&ended.stdout).unwrap();
    let (photos, seal) = key(&root);
    let depth = runtime().block_on(stamp_queue(&root).depth()).unwrap();
    assert!(!seal.complete);
    assert_eq!((photos.len() as u64, sent["stamps"].as_u64()), (depth.ready, Some(depth.ready)));
    assert!(depth.ready < 5_000);
}

/// A worker that finds these messages.
fn told(root: &Root, messages: &[String], more: &[&str]) -> Ended {
    runtime().block_on(stamp_queue(root).send(messages)).unwrap();
    worker(root, &[&["--until-empty"], more].concat()).ended()
}

#[test]
fn a_worker_refuses_a_plan_it_cannot_use_and_gives_the_stamps_back() {
    let stamp = Stamp { index: 0, at: "2026-03-12T16:00:00Z".parse().unwrap(), certain: true };
    let message = |name: &str| StampMessage::new("results", name, stamp, None).body().unwrap();

    let root = Root::new();
    let ended = told(&root, &[message("pump/gone/plan.json")], &[]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("a stamp names a plan that is not there"), "{}", ended.stderr);
    assert!(ended.stderr.contains("compare store.results"), "{}", ended.stderr);
    let depth = runtime().block_on(stamp_queue(&root).depth()).unwrap();
    assert_eq!((depth.ready, depth.in_flight), (1, 0), "given back at once");

    let root = Root::new();
    let sent = orchestrate(&root, &["--count", "3"]);
    let name = sent["plan_key"].as_str().unwrap();
    let ended = worker(&root, &["--until-empty", "--set", "store.inbox=elsewhere"]).ended();
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("puts photos into `inbox`, and this worker's store.inbox is `elsewhere`"));
    assert!(inbox(&root).is_empty());

    let path = root.path().join("results").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    for (text, expected) in [
        (text.replace("\"version\": 1", "\"version\": 2"), "it has version 2, this binary reads 1"),
        (text[..text.len() / 2].to_owned(), "it is damaged"),
    ] {
        std::fs::write(&path, text).unwrap();
        let ended = worker(&root, &["--until-empty"]).ended();
        assert_eq!(ended.code, Some(3));
        assert!(ended.stderr.contains(&format!("plan `results/{name}`: {expected}")), "{}", ended.stderr);
    }
    let depth = runtime().block_on(stamp_queue(&root).depth()).unwrap();
    assert_eq!((depth.ready, depth.in_flight), (3, 0));
}

#[test]
fn what_is_no_stamp_ends_in_the_dead_letters_and_holds_nothing_up() {
    let root = Root::new();
    orchestrate(&root, &["--count", "4"]);
    let few = ["--set", "queue.max_receives=1", "--set", "queue.dead_letter_after=2"];
    let ended = told(&root, &["{\"Records\":[]}".to_owned()], &few);
    let done = figures(&ended);
    assert_eq!((&done["pump"]["photos"], &done["dead"]), (&4.into(), &1.into()));
    assert!(ended.stderr.contains("a message is not a stamp"), "{}", ended.stderr);
}

#[test]
fn both_halves_stand_under_pump_too_and_wrong_options_say_what_to_do() {
    let root = Root::new();
    let under_pump = |more: &[&str]| {
        let mut command = crate::process::scanmill();
        command.arg("pump").args(more).arg("--root").arg(root.path());
        Running::start(command).ended()
    };
    let ended = under_pump(&["orchestrate", "--count", "3", "--size", "small"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(under_pump(&["distribute", "--until-empty"]).code, Some(0));
    assert_eq!(inbox(&root).len(), 3);
    let ended = root.ended(&["orchestrate", "--spec", "x.json", "--rate", "5/s"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--spec and --rate together") && ended.stderr.contains("hint:"), "{}", ended.stderr);
}

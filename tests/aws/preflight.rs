//! What cannot work is named by `check`, and `run` refuses to start.

use serde_json::json;

use super::place::Place;
use crate::rig::{DataApi, Ministack};

/// Each setting that makes the place wrong, and what both commands must say.
#[test]
fn check_names_it_and_run_refuses() {
    // With 3 it may be started again: a bucket or a queue may be made meanwhile. With 2 that does not help.
    let cases: &[(&[&str], &str, i32)] = &[
        (&["store.inbox=nobody-made-this"], "nobody-made-this", 3),
        (&["store.results=nobody-made-this"], "nobody-made-this", 3),
        (&["sqs.queue_url=http://127.0.0.1:1/000000000000/no-such-queue"], "no-such-queue", 3),
        (&["redshift.workgroup=no-such-workgroup"], "no-such-workgroup", 2),
        (&["redshift.database=no_such_database"], "no_such_database", 2),
    ];
    for (settings, says, code) in cases {
        let mut place = Place::new();
        place.more.extend(settings.iter().map(|pair| (*pair).to_owned()));
        let check = place.ended(&["check", "--metrics", "off"]);
        assert_eq!(check.code, Some(1), "{settings:?}\n{}\n{}", check.stdout, check.stderr);
        let line = check.stdout.lines().find(|line| line.starts_with("fail") && line.contains(says));
        assert!(line.is_some(), "{settings:?}\n{}", check.stdout);
        let run = place.ended(&["run", "--metrics", "off"]);
        assert_eq!(run.code, Some(*code), "{settings:?}\n{}", run.stderr);
        assert!(run.stderr.contains(says), "{settings:?}\n{}", run.stderr);
    }
}

#[test]
fn a_missing_permission_is_named_with_its_action() {
    let api = DataApi::start(Ministack::shared().server.endpoint()).unwrap();
    let place = Place::on(Ministack::shared().aws(), &api);
    api.settings(&json!({ "denied_actions": ["BatchExecuteStatement"] })).unwrap();
    let check = place.ended(&["check", "--metrics", "off"]);
    assert_eq!(check.code, Some(1), "{}", check.stdout);
    assert!(check.stdout.contains("redshift-data:BatchExecuteStatement"), "{}", check.stdout);
    let run = place.ended(&["run", "--metrics", "off"]);
    // Not 3: starting again does not fix it, and `RestartPreventExitStatus=2` says so to systemd.
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("redshift-data:BatchExecuteStatement"), "{}", run.stderr);
}

#[test]
fn a_place_that_is_well_passes() {
    let place = Place::new();
    let schema = place.ended(&["schema", "--apply"]);
    assert_eq!(schema.code, Some(0), "{}", schema.stderr);
    let check = place.ended(&["check", "--metrics", "off"]);
    assert_eq!(check.code, Some(0), "{}", check.stdout);
}

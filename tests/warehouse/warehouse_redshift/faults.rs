//! Whatever fails on the way, each photo stands once, and what cannot go on says why.

use std::time::Duration;

use scanmill::error::Class;
use scanmill::probe::Probe;
use scanmill::warehouse::{Loaded, Warehouse};
use serde_json::{Value, json};

use super::place::Place;
use crate::warehouse_support::{rejection, rules, scans, standing};

/// Two batches, one of which is loaded; the photo `two` stands in both. On a stand-in of its own, whose faults nobody
/// else sets.
async fn half_loaded() -> Place {
    let mut place = Place::with_own_api();
    load_half(&mut place).await;
    place
}

/// The same in another database of the same stand-in.
async fn load_half(place: &mut Place) {
    place.options.database = place.api().create_database().unwrap();
    place.warehouse().prepare().await.unwrap();
    rules::add(place, "b1", vec![scans("one", 0, 2), scans("two", 0, 1)]);
    rules::add(place, "b2", vec![scans("two", 1, 2), rejection("bad", 0, "no_code")]);
    place.load(&place.warehouse(), &["b1"]).await.unwrap();
}

const WHOLE: [&str; 5] =
    ["bad 0 no_code b2", "one 0 scan one#0 b1", "one 0 scan one#1 b1", "two 1 scan two#0 b2", "two 1 scan two#1 b2"];

/// The rule, for this place's database only.
fn strike(place: &Place, mut rule: Value) {
    rule["database"] = json!(place.options.database);
    place.api().faults(&json!([rule])).unwrap();
}

#[tokio::test]
async fn a_failure_at_any_statement_rolls_back_and_the_next_load_completes() {
    // Faults are the stand-in's, not the database's: a stand-in of one's own.
    let mut place = Place::with_own_api();
    let warehouse = place.warehouse();
    warehouse.prepare().await.unwrap();
    rules::add(&mut place, "b0", vec![]);
    place.load(&warehouse, &["b0"]).await.unwrap();
    let texts = place.api().sql().unwrap();
    let last = texts.iter().rposition(|text| text.starts_with("SET search_path")).unwrap();
    let statements = texts.len() - last;
    assert!(statements > 15, "{statements}");
    for number in 1..=statements {
        // The first question, of the ledger, has two statements too: it is let pass where it is long enough.
        let skip = u32::from(number <= 2);
        let (one, two) = (format!("f{number}a"), format!("f{number}b"));
        rules::add(&mut place, &one, vec![scans(&one, 0, 1)]);
        rules::add(&mut place, &two, vec![scans(&two, 0, 1), scans(&one, 1, 1)]);
        place.load(&warehouse, &[&one]).await.unwrap();
        let before = standing(&warehouse).await;
        strike(
            &place,
            json!({ "at": "statement", "number": number, "do": "fail", "skip": skip, "text": "no such luck" }),
        );
        let error = place.load(&warehouse, &[&two]).await.unwrap_err();
        assert!(error.class() == Class::Permanent && error.to_string().contains("no such luck"), "{number}: {error}");
        assert_eq!(standing(&warehouse).await, before, "statement {number}");
        let loaded = place.load(&warehouse, &[&two]).await.unwrap();
        let expected = Loaded { batches: 1, scans: 2, photos_replaced: 1, ..Loaded::default() };
        assert_eq!(loaded, expected, "statement {number}");
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_inside_the_load() {
    let rules: [Value; 6] = [
        json!({ "at": "statement", "number": 15, "do": "fail", "text": "serializable", "times": 2 }),
        json!({ "at": "commit", "do": "fail", "text": "serializable", "skip": 1 }),
        json!({ "at": "statement", "number": 12, "do": "kill" }),
        json!({ "at": "statement", "number": 2, "do": "kill" }),
        json!({ "at": "commit", "do": "kill", "skip": 1 }),
        json!({ "at": "answer", "action": "BatchExecuteStatement", "do": "disconnect", "skip": 1 }),
    ];
    let mut place = Place::with_own_api();
    for rule in rules {
        load_half(&mut place).await;
        let warehouse = place.warehouse();
        strike(&place, rule.clone());
        let loaded = place.load(&warehouse, &["b1", "b2"]).await.unwrap();
        let expected =
            Loaded { batches: 1, batches_known: 1, scans: 2, rejections: 1, photos_replaced: 1, ..Loaded::default() };
        assert_eq!(loaded, expected, "{rule}");
        assert_eq!(standing(&warehouse).await, WHOLE, "{rule}");
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_commit_doubles_nothing() {
    let place = half_loaded().await;
    let warehouse = place.warehouse();
    strike(&place, json!({ "at": "committed", "do": "fail", "text": "connection lost", "skip": 1 }));
    let loaded = place.load(&warehouse, &["b2"]).await.unwrap();
    assert_eq!(loaded, Loaded { batches_known: 1, ..Loaded::default() });
    assert_eq!(standing(&warehouse).await, WHOLE);
}

#[tokio::test]
async fn refusals_have_the_class_that_decides_what_follows() {
    // The SDK tries throttled and lost calls again by itself: one attempt shows what reaches the engine.
    let mut place = half_loaded().await;
    place.attempts = 1;
    let table: [(&str, u32, Class); 5] = [
        ("ActiveStatementsExceededException", 1, Class::Throttled),
        ("ThrottlingException", 1, Class::Throttled),
        ("AccessDeniedException", 1, Class::Refused),
        ("ExpiredTokenException", 3, Class::Transient),
        ("InternalServerException", 3, Class::Transient),
    ];
    for (code, times, class) in table {
        let warehouse = place.warehouse();
        strike(
            &place,
            json!({ "at": "call", "action": "BatchExecuteStatement", "do": "error", "error": code, "times": times }),
        );
        let error = place.load(&warehouse, &["b2"]).await.unwrap_err();
        assert_eq!(error.class(), class, "{code}: {error}");
        assert!(error.to_string().contains(code), "{error}");
    }
    // Fewer than the submission is tried: the load goes through, under one token.
    strike(
        &place,
        json!({ "at": "call", "action": "BatchExecuteStatement", "do": "error", "error": "ExpiredTokenException", "times": 2 }),
    );
    place.load(&place.warehouse(), &["b2"]).await.unwrap();
    assert_eq!(standing(&place.warehouse()).await, WHOLE);
}

#[tokio::test]
async fn a_lost_submission_is_the_same_submission_again() {
    let mut place = Place::with_own_api();
    place.attempts = 1;
    let warehouse = place.warehouse();
    warehouse.prepare().await.unwrap();
    rules::add(&mut place, "b1", vec![scans("one", 0, 1)]);
    let before = place.api().sql().unwrap().len();
    // The ledger's question passes; of the load the answer is lost twice.
    strike(
        &place,
        json!({ "at": "answer", "action": "BatchExecuteStatement", "do": "disconnect", "skip": 1, "times": 2 }),
    );
    let loaded = place.load(&warehouse, &["b1"]).await.unwrap();
    assert_eq!(loaded, Loaded { batches: 1, scans: 1, ..Loaded::default() });
    let copies = |text: &&String| text.starts_with("COPY ");
    assert_eq!(place.api().sql().unwrap()[before..].iter().filter(copies).count(), 1, "three calls, one statement");
}

#[tokio::test]
async fn a_service_that_does_not_wait_is_asked_again() {
    let mut place = Place::with_own_api();
    place.warehouse().prepare().await.unwrap();
    for (number, wait) in ["refused", "ignored"].into_iter().enumerate() {
        place.api().settings(&json!({ "wait": wait })).unwrap();
        let warehouse = place.warehouse();
        let id = format!("b{number}");
        rules::add(&mut place, &id, vec![scans(&id, 0, 1)]);
        strike(&place, json!({ "at": "statement", "number": 5, "do": "delay", "seconds": 1.5 }));
        assert_eq!(place.load(&warehouse, &[&id]).await.unwrap().scans, 1, "{wait}");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_cancelled() {
    let mut place = half_loaded().await;
    place.options.statement_timeout = Duration::from_secs(2);
    let warehouse = place.warehouse();
    strike(&place, json!({ "at": "statement", "number": 9, "do": "delay", "seconds": 60 }));
    let error = place.load(&warehouse, &["b2"]).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert!(error.report().contains("redshift.statement_timeout_seconds"), "{}", error.report());
    assert!(place.api().calls("CancelStatement").unwrap() > 0);
    place.options.statement_timeout = Duration::from_secs(60);
    let loaded = place.load(&place.warehouse(), &["b2"]).await.unwrap();
    assert_eq!(loaded.batches, 1);
    assert_eq!(standing(&place.warehouse()).await, WHOLE);
}

#[tokio::test]
async fn a_caller_who_walks_away_disturbs_nobody() {
    let place = half_loaded().await;
    let warehouse = place.warehouse();
    strike(&place, json!({ "at": "statement", "number": 12, "do": "delay", "seconds": 1 }));
    let given_up = tokio::time::timeout(Duration::from_millis(500), place.load(&warehouse, &["b2"])).await;
    assert!(given_up.is_err());
    place.load(&place.warehouse(), &["b2"]).await.unwrap();
    assert_eq!(standing(&warehouse).await, WHOLE);
}

#[tokio::test]
async fn what_was_never_there_is_named_with_its_remedy() {
    let place = Place::with_own_api();
    place.warehouse().prepare().await.unwrap();
    let probe = async |place: &Place| {
        let findings = place.warehouse().probe().await;
        let wrong = findings.into_iter().filter_map(|finding| Some((finding.name, finding.outcome.err()?)));
        wrong
            .map(|(name, error)| format!("{name} {:?}: {}", error.class(), error.report()))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(probe(&place).await, "");

    let set = |settings: Value| place.api().settings(&settings).unwrap();
    for action in ["BatchExecuteStatement", "DescribeStatement", "GetStatementResult"] {
        set(json!({ "denied_actions": [action] }));
        let told = probe(&place).await;
        assert!(told.contains(&format!("allow `redshift-data:{action}`")), "{told}");
    }
    set(json!({ "denied_actions": [], "workgroups": ["another"] }));
    let told = probe(&place).await;
    assert!(told.contains("Refused") && told.contains("redshift.workgroup"), "{told}");
    set(json!({ "workgroups": ["rig"] }));

    // Before the first load COPY looks for what is not there, later it reads what was loaded last.
    let mut place = place;
    for is_loaded in [false, true] {
        if is_loaded {
            rules::add(&mut place, "b1", vec![scans("one", 0, 1)]);
            place.load(&place.warehouse(), &["b1"]).await.unwrap();
        }
        place.api().settings(&json!({ "unattached_roles": ["default"] })).unwrap();
        let told = probe(&place).await;
        assert!(told.starts_with("redshift COPY Refused") && told.contains("redshift.copy_role"), "{told}");
        place.api().settings(&json!({ "unattached_roles": [], "denied_roles": ["default"] })).unwrap();
        let told = probe(&place).await;
        assert!(told.starts_with("redshift COPY Refused") && told.contains("s3:GetObject"), "{told}");
        place.api().settings(&json!({ "denied_roles": [] })).unwrap();
        assert_eq!(probe(&place).await, "");
    }
    let kept = place.warehouse().query("SELECT COUNT(*) FROM scans", &[]).await.unwrap();
    assert_eq!(kept.rows, [[json!(1)]]);

    let mut elsewhere = place;
    let database = std::mem::replace(&mut elsewhere.options.database, "nowhere".into());
    let told = probe(&elsewhere).await;
    assert!(told.contains("redshift.database"), "{told}");
    elsewhere.options.database = database;
    elsewhere.options.schema = "nowhere".into();
    let told = probe(&elsewhere).await;
    assert!(told.contains("CREATE SCHEMA nowhere"), "{told}");
    elsewhere.options.schema = "public".into();
    elsewhere.sql("ALTER TABLE scans DROP COLUMN altitude_m CASCADE");
    elsewhere.sql("ALTER TABLE rejections ADD COLUMN note VARCHAR(8)");
    let told = probe(&elsewhere).await;
    assert!(told.contains("scans.altitude_m is missing; rejections.note is not scanmill's"), "{told}");
}

#[tokio::test]
async fn a_role_that_may_not_read_stops_the_load_and_spoils_no_batch() {
    let mut place = Place::with_own_api();
    let warehouse = place.warehouse();
    warehouse.prepare().await.unwrap();
    rules::add(&mut place, "b1", vec![scans("one", 0, 1)]);
    for (settings, hint) in [
        (json!({ "unattached_roles": ["default"] }), "redshift.copy_role"),
        (json!({ "unattached_roles": [], "denied_roles": ["default"] }), "s3:GetObject"),
    ] {
        place.api().settings(&settings).unwrap();
        let error = place.load(&warehouse, &["b1"]).await.unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
        assert!(error.report().contains(hint), "{}", error.report());
    }
    place.api().settings(&json!({ "denied_roles": [] })).unwrap();
    assert_eq!(place.load(&warehouse, &["b1"]).await.unwrap().scans, 1);
}

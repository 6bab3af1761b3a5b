//! Every kind of fault between the engine and AWS: while it lasts the engine says what is wrong, in one readable line a
//! cause and in a metric; once it is over, every row is there, once and right.

use serde_json::{Value, json};

use super::place::Place;
use crate::process::Running;
use crate::rig::{self, DataApi, Microburst, Ministack};

/// One fault of S3 or SQS, as microburst makes it.
struct Case {
    name: &'static str,
    rules: Value,
    /// What the log must say of it; nothing where the SDK's own attempts get over it unseen.
    says: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |name, says, rules| Case { name, rules, says };
    let s3 = |operation: &str, more: Value| merged(json!({ "service": "s3", "operation": operation }), more);
    let sqs = |operation: &str, more: Value| merged(json!({ "service": "sqs", "operation": operation }), more);
    vec![
        case("latency of a second", "", json!([s3("GetObject", json!({ "latency": 1000, "probability": 0.2 }))])),
        case("resets of reads", "", json!([s3("GetObject", json!({ "reset": true, "probability": 0.3 }))])),
        case(
            "reads answered 503 SlowDown",
            "SlowDown",
            json!([s3("GetObject", json!({ "error": { "code": "SlowDown", "status": 503 } }))]),
        ),
        case(
            "5 % errors everywhere",
            "",
            json!([{ "service": "*", "probability": 0.05, "error": { "code": "InternalError", "status": 500 } }]),
        ),
        case(
            "30 % errors everywhere",
            "",
            json!([{ "service": "*", "probability": 0.3, "error": { "code": "InternalError", "status": 500 } }]),
        ),
        case(
            "receives throttled",
            "RequestThrottled",
            json!([sqs("ReceiveMessage", json!({ "error": { "code": "RequestThrottled", "status": 403 } }))]),
        ),
        case(
            "deletes refused for a time",
            "ServiceUnavailable",
            json!([sqs("DeleteMessageBatch", json!({ "error": { "code": "ServiceUnavailable", "status": 503 } }))]),
        ),
        case(
            "bodies cut short",
            "",
            json!([s3("GetObject", json!({ "response": { "truncate_frac": 0.5 }, "probability": 0.5 }))]),
        ),
        case(
            "bodies corrupted",
            "",
            json!([s3("GetObject", json!({ "response": { "corrupt_bytes": 16 }, "probability": 0.5 }))]),
        ),
        case(
            "batches that cannot be written",
            "SlowDown",
            json!([s3("PutObject", json!({ "error": { "code": "SlowDown", "status": 503 } }))]),
        ),
        case(
            "credentials that ran out",
            "ExpiredToken",
            json!([{ "service": "*", "error": { "code": "ExpiredToken", "status": 400 } }]),
        ),
    ]
}

fn merged(mut rule: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

#[test]
fn every_fault_of_s3_and_sqs_ends_with_every_row() {
    let proxy = Microburst::start(Ministack::shared().server.endpoint()).unwrap();
    for Case { name, rules, says } in cases() {
        eprintln!("fault: {name}");
        let place = Place::new().engine_through(proxy.server.endpoint());
        let engine = Running::start(place.command(&["run", "--metrics", "127.0.0.1:0"]));
        engine.wait_for("pipeline started");
        let page = engine.word_after("metrics http://");
        proxy.rules(&rules).unwrap();
        place.pump(30);
        engine.wait_until(name, || !proxy.fired().unwrap().is_empty());
        if !says.is_empty() {
            engine.wait_for(says);
            assert!(errors_counted(&page) > 0.0, "{name}: the errors' metric stands still");
        }
        proxy.heal().unwrap();
        engine.drained();
        place.run_until_empty();
        place.expect_all(30);
    }
}

/// The sum of `scanmill_errors_total`, from the page at `HOST:PORT/metrics`.
fn errors_counted(page: &str) -> f64 {
    let (address, path) = page.split_once('/').unwrap();
    let answer = rig::http::request("GET", &format!("http://{address}"), &format!("/{path}"), &[], b"").unwrap();
    let values = answer
        .text()
        .lines()
        .filter(|line| line.starts_with("scanmill_errors_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .collect::<Vec<_>>();
    values.iter().sum()
}

/// Faults of the warehouse: while one lasts rows wait in sealed batches; nothing is lost, nothing loaded twice.
#[test]
fn every_fault_of_the_data_api_ends_with_every_row() {
    let api = DataApi::shared();
    let call = |code: &str| json!([{ "at": "call", "do": "error", "action": "BatchExecuteStatement", "error": code, "times": 3 }]);
    // The last column: whether the loader hears of it, or the adapter gets over it by itself.
    let cases: Vec<(&str, Value, bool)> = vec![
        ("throttled", call("ThrottlingException"), true),
        ("too many active statements", call("ActiveStatementsExceededException"), true),
        ("expired token", call("ExpiredTokenException"), true),
        ("internal errors", call("InternalServerException"), false),
        (
            "no answer",
            json!([{ "at": "answer", "do": "disconnect", "action": "BatchExecuteStatement", "times": 3 }]),
            false,
        ),
        ("a statement fails", json!([{ "at": "statement", "do": "fail", "number": 3, "times": 2 }]), false),
        ("serializable conflict", json!([{ "at": "commit", "do": "fail", "text": "serializable", "times": 2 }]), false),
        ("connection killed before commit", json!([{ "at": "commit", "do": "kill", "times": 2 }]), false),
        ("committed and reported as failed", json!([{ "at": "committed", "do": "fail", "times": 2 }]), false),
    ];
    for (name, rules, is_heard) in cases {
        eprintln!("fault: {name}");
        let mut place = Place::new();
        place.more.push("aws.attempts=2".to_owned());
        let engine = Running::start(place.command(&["run", "--metrics", "off"]));
        engine.wait_for("pipeline started");
        api.faults_in(&place.stack.database, &rules).unwrap();
        place.pump(30);
        engine.wait_for(if is_heard { "load failed" } else { "loaded batches" });
        api.faults_in(&place.stack.database, &json!([])).unwrap();
        engine.drained();
        place.run_until_empty();
        place.expect_all(30);
        place.expect_every_batch_once(api);
    }
}

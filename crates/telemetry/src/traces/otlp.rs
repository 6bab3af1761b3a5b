//! Traces as OTLP has them in JSON: ids in hexadecimal, 64-bit numbers as text
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Options;
use super::photo::{EndedTrace, Step};

/// Kinds of spans, and the code of a status.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const CONSUMER: u8 = 5;
const ERROR: u8 = 2;

/// Flags of a span: the trace is sampled, it is known whether the parent is another process's, and it is.
const SAMPLED: u32 = 1;
const HAS_IS_REMOTE: u32 = 1 << 8;
const IS_REMOTE: u32 = 1 << 9;

/// Who sends: the service, its version, this run of it, and what `OTEL_RESOURCE_ATTRIBUTES` adds.
pub(super) fn resource(options: &Options, instance: &str) -> Value {
    let mut attributes = vec![
        text("service.name", &options.service_name),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", instance),
        text("telemetry.sdk.name", "scanmill"),
        text("telemetry.sdk.language", "rust"),
        text("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ];
    for (name, value) in &options.resource {
        attributes.retain(|known| known["key"] != name.as_str());
        attributes.push(text(name, value));
    }
    json!({ "attributes": attributes })
}

/// One request.
pub(super) fn request(resource: &Value, traces: &[EndedTrace]) -> Vec<u8> {
    let spans: Vec<Value> = traces.iter().flat_map(spans).collect();
    let scope = json!({ "name": "scanmill", "version": env!("CARGO_PKG_VERSION") });
    let sent =
        json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "scope": scope, "spans": spans }] }] });
    sent.to_string().into_bytes()
}

fn spans(trace: &EndedTrace) -> Vec<Value> {
    let trace_id = format!("{:032x}", trace.trace_id);
    let root_id = span_id();
    let mut root = json!({
        "traceId": trace_id,
        "spanId": root_id,
        "name": "photo",
        "kind": CONSUMER,
        "flags": SAMPLED | HAS_IS_REMOTE | trace.parent.map_or(0, |_| IS_REMOTE),
        "startTimeUnixNano": nanos(trace, trace.began),
        "endTimeUnixNano": nanos(trace, trace.ended),
        "attributes": attributes(trace),
    });
    if let Some(parent) = trace.parent {
        root["parentSpanId"] = format!("{parent:016x}").into();
    }
    if trace.facts.outcome.is_none() {
        root["status"] = json!({ "code": ERROR, "message": "left for later" });
    }
    let children = trace.pieces.iter().map(|(step, from, to)| {
        json!({
            "traceId": trace_id,
            "spanId": span_id(),
            "parentSpanId": root_id,
            "name": step.as_str(),
            "kind": if step.is_call() { CLIENT } else { INTERNAL },
            "flags": SAMPLED | HAS_IS_REMOTE,
            "startTimeUnixNano": nanos(trace, *from),
            "endTimeUnixNano": nanos(trace, *to),
            "attributes": of_step(trace, *step),
        })
    });
    std::iter::once(root).chain(children).collect()
}

fn attributes(trace: &EndedTrace) -> Vec<Value> {
    let facts = &trace.facts;
    let mut attributes = vec![
        text("aws.s3.bucket", &facts.bucket),
        text("aws.s3.key", &facts.key),
        text("scanmill.outcome", facts.outcome.unwrap_or("again")),
        number("scanmill.receive_count", u64::from(facts.receive_count)),
        number("scanmill.scans", facts.scans),
    ];
    attributes.extend(facts.size_bytes.map(|size| number("scanmill.size_bytes", size)));
    attributes.extend(facts.reason.map(|reason| text("scanmill.reason", reason)));
    attributes.extend((facts.revision != 0).then(|| {
        json!({
            "key": "scanmill.revision", "value": { "intValue": facts.revision.to_string() }
        })
    }));
    attributes
}

fn of_step(trace: &EndedTrace, step: Step) -> Vec<Value> {
    let facts = &trace.facts;
    let mut attributes = Vec::new();
    match step {
        Step::Decode => {
            attributes.extend(facts.rung.map(|rung| text("scanmill.rung", rung)));
            attributes
                .extend(facts.cpu_ms.map(|ms| json!({ "key": "scanmill.cpu_ms", "value": { "doubleValue": ms } })));
        }
        Step::Seal | Step::Load => {
            attributes.extend(facts.batch_id.as_ref().map(|batch| text("scanmill.batch_id", batch)));
        }
        _ => {}
    }
    attributes
}

fn text(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn number(name: &str, value: u64) -> Value {
    json!({ "key": name, "value": { "intValue": value.to_string() } })
}

/// Never 0, which is not an id.
fn span_id() -> String {
    format!("{:016x}", rand::random::<u64>().max(1))
}

/// Nanoseconds since 1970, as text. Both ends of a span are on one clock, so no span ends before it begins, whatever the
/// system's clock did meanwhile.
fn nanos(trace: &EndedTrace, at: Instant) -> String {
    let began = trace.began_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    (began + at.saturating_duration_since(trace.began)).as_nanos().to_string()
}

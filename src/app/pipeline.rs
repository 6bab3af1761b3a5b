//! The pipeline as it is drawn: each stage in the order a photo meets them, with what it has at work, what waits there, how long that takes, and
//! whether it limits the rate. Said here alone, so that the page, `scanmill top` and whoever reads `/state` tell the same.

use serde_json::{Value, json};

use crate::quantile::told;
use crate::scale::bottleneck::Stage as Holds;
use crate::telemetry::Stage;

/// Actors, in the order in which a photo meets them; then those that it does not meet.
const ACTORS: [&str; 10] = [
    "poller",
    "fetcher",
    "decoder_pool",
    "heic_lane",
    "batch_writer",
    "loader",
    "lease_keeper",
    "autoscaler",
    "supervisor",
    "store",
];

/// A stage of the picture, and where its figures are in the state.
struct FlowStage {
    name: &'static str,
    title: &'static str,
    /// The bottlenecks that lie in it.
    holds: &'static [Holds],
    /// The budget that bounds its work at once.
    budget: Option<&'static str>,
    /// What waits or is held there, and what that is.
    held: Option<(&'static str, &'static str)>,
    /// What times it.
    time: Option<Stage>,
    also: &'static [Also],
}

/// What is said beside the first figure.
enum Also {
    /// A count, and of what.
    Count(&'static str, &'static str),
    /// The same where there is any.
    Any(&'static str, &'static str),
    /// The sum of an object's counts where there is any.
    Sum(&'static str, &'static str),
    /// A budget of its own, where it is in use.
    Work(&'static str, &'static str),
    /// A time, and of what.
    Time(Stage, &'static str),
}

const PLACE: FlowStage = FlowStage { name: "", title: "", holds: &[], budget: None, held: None, time: None, also: &[] };

const WAY: [FlowStage; 7] = [
    FlowStage {
        name: "queue",
        title: "Queue",
        holds: &[Holds::QueueEmpty, Holds::Receiving, Holds::QueueDown],
        held: Some(("/queue/ready", "waiting")),
        also: &[Also::Count("/queue/in_flight", "in flight"), Also::Any("/queue/dead", "dead letters")],
        ..PLACE
    },
    FlowStage {
        name: "fetch",
        title: "Fetch",
        holds: &[Holds::StoreDown, Holds::Network, Holds::StoreThrottled, Holds::StoreLatency],
        budget: Some("fetches"),
        time: Some(Stage::Fetch),
        ..PLACE
    },
    FlowStage {
        name: "decode",
        title: "Decode",
        holds: &[Holds::Cpu, Holds::Memory, Holds::Heic],
        budget: Some("decodes"),
        time: Some(Stage::Decode),
        also: &[Also::Work("heic_decodes", "HEIC"), Also::Time(Stage::DecodeWait, "waits")],
        ..PLACE
    },
    FlowStage {
        name: "batch",
        title: "Batch",
        holds: &[Holds::ResultsDown, Holds::Sealing, Holds::InFlight],
        held: Some(("/actors/batch_writer/open_rows", "rows open")),
        time: Some(Stage::BatchWait),
        also: &[Also::Count("/actors/batch_writer/sealed", "sealed"), Also::Work("seals", "being written")],
        ..PLACE
    },
    FlowStage {
        name: "delete",
        title: "Delete",
        holds: &[Holds::Deletes],
        held: Some(("/actors/lease_keeper/held", "held")),
        also: &[Also::Count("/actors/lease_keeper/deleted", "deleted")],
        ..PLACE
    },
    FlowStage {
        name: "load",
        title: "Load",
        holds: &[Holds::Loading],
        held: Some(("/actors/loader/batches_to_load", "batches wait")),
        time: Some(Stage::Load),
        ..PLACE
    },
    FlowStage {
        name: "warehouse",
        title: "Warehouse",
        held: Some(("/totals/scans", "scans since start")),
        also: &[Also::Sum("/totals/rejections", "rejected")],
        ..PLACE
    },
];

/// The way, of a state that has everything else.
pub(super) fn of(state: &Value) -> Value {
    let held_by = state.pointer("/bottleneck/stage").and_then(Value::as_str);
    let whole = |path: &str| state.pointer(path).and_then(Value::as_u64);
    let work = |budget: &str| {
        let of = |part: &str| whole(&format!("/budgets/{budget}/{part}"));
        Some((of("used")?, of("limit")?))
    };
    let time = |stage: Stage| {
        let of = |part: &str| state.pointer(&format!("/stages/{}/{part}", stage.as_str())).and_then(Value::as_f64);
        of("count").filter(|count| *count > 0.0)?;
        let count = whole(&format!("/stages/{}/count", stage.as_str())).unwrap_or(0);
        Some((of("p50_ms")?, told(0.99, count, of("p99_ms")?)))
    };
    let count = |count: u64, words: &str| json!({ "words": words, "count": count });
    let also = |also: &Also| match *also {
        Also::Count(path, words) => Some(count(whole(path)?, words)),
        Also::Any(path, words) => Some(count(whole(path).filter(|count| *count > 0)?, words)),
        Also::Sum(path, words) => {
            let counts = state.pointer(path)?.as_object()?.values().filter_map(Value::as_u64);
            Some(count(Some(counts.sum()).filter(|sum| *sum > 0)?, words))
        }
        Also::Work(budget, words) => {
            let (used, limit) = work(budget).filter(|(used, _)| *used > 0)?;
            Some(json!({ "words": words, "used": used, "limit": limit }))
        }
        Also::Time(stage, words) => {
            let (p50, p99) = time(stage)?;
            Some(json!({ "words": words, "p50_ms": p50, "p99_ms": p99 }))
        }
    };
    let place = |place: &FlowStage| {
        // A queue that has no more holds nobody up.
        let is_here = |holds: &&Holds| **holds != Holds::QueueEmpty && held_by == Some(holds.as_str());
        json!({
            "name": place.name,
            "title": place.title,
            "holds": place.holds.iter().any(|holds| is_here(&holds)),
            "work": place.budget.and_then(work).map(|(used, limit)| json!({ "used": used, "limit": limit })),
            "held": place.held.and_then(|(path, words)| Some(count(whole(path)?, words))),
            "time": place.time.and_then(time).map(|(p50, p99)| json!({ "p50_ms": p50, "p99_ms": p99 })),
            "also": place.also.iter().filter_map(also).collect::<Vec<_>>(),
        })
    };
    WAY.iter().map(place).collect()
}

/// In which order the parts of a state that are named objects are shown.
pub(super) fn order() -> Value {
    json!({ "actors": ACTORS, "stages": Stage::ALL.map(Stage::as_str) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bottleneck_lies_in_one_place() {
        for holds in Holds::ALL {
            let places: Vec<&str> =
                WAY.iter().filter(|place| place.holds.contains(&holds)).map(|place| place.name).collect();
            assert_eq!(places.len(), 1, "{}: {places:?}", holds.as_str());
        }
    }

    #[test]
    fn each_place_says_what_the_state_holds_of_it_and_nothing_else() {
        let state = json!({
            "queue": { "ready": 77, "in_flight": 3, "dead": 0 },
            "budgets": { "decodes": { "used": 31, "limit": 32 }, "heic_decodes": { "used": 2, "limit": 4 } },
            "stages": {
                "decode": { "count": 100, "p50_ms": 2.5, "p99_ms": 80.0 },
                "batch_wait": { "count": 99, "p50_ms": 7.5, "p99_ms": 80.0 },
                "fetch": { "count": 0, "p50_ms": 0.0, "p99_ms": 0.0 },
            },
            "totals": { "scans": 5, "rejections": { "no_code": 40, "truncated": 2 } },
            "bottleneck": { "stage": "heic" },
        });
        let pipeline = of(&state);
        let named = |name: &str| pipeline.as_array().unwrap().iter().find(|place| place["name"] == name).unwrap();
        assert_eq!(named("queue")["held"], json!({ "words": "waiting", "count": 77 }));
        assert_eq!(named("queue")["also"], json!([{ "words": "in flight", "count": 3 }]));
        assert_eq!(named("decode")["work"], json!({ "used": 31, "limit": 32 }));
        assert_eq!(named("decode")["time"]["p99_ms"], 80.0);
        assert_eq!(named("batch")["time"], json!({ "p50_ms": 7.5, "p99_ms": null }), "of too few");
        assert_eq!(named("decode")["also"], json!([{ "words": "HEIC", "used": 2, "limit": 4 }]));
        assert_eq!((&named("decode")["holds"], &named("fetch")["holds"]), (&json!(true), &json!(false)));
        assert_eq!((&named("fetch")["work"], &named("fetch")["time"]), (&Value::Null, &Value::Null));
        assert_eq!(named("warehouse")["also"], json!([{ "words": "rejected", "count": 42 }]));
        // Nothing is known, as before the first tick.
        assert!(of(&Value::Null).as_array().unwrap().iter().all(|place| place["holds"] == false));
        let calm = of(&json!({ "bottleneck": { "stage": "queue_empty" } }));
        assert!(calm.as_array().unwrap().iter().all(|place| place["holds"] == false));
    }
}

//! What `/state` says, as far as it is drawn. Whatever is missing, as in another version's answer, is shown as unknown.

use serde_json::Value;

/// A stage of a photo's way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stage {
    /// Its name.
    pub name: &'static str,
    /// Work at once, and its limit now.
    pub work: Option<(u64, u64)>,
    /// What waits or is held, and what that is.
    pub held: Option<(u64, &'static str)>,
    /// Milliseconds, median and 99th percentile, since the start.
    pub time: Option<(f64, f64)>,
    /// Whether the bottleneck lies here.
    pub holds: bool,
}

/// A budget of memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Budget {
    /// Its name.
    pub name: String,
    /// Bytes in use.
    pub used: u64,
    /// Bytes there are.
    pub limit: u64,
}

/// One look at an engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    /// `running`, `draining` and so on.
    pub phase: String,
    /// Why nothing is taken in.
    pub stopped_by: Option<String>,
    /// Seconds since the start.
    pub uptime: u64,
    /// Photos whose rows are durable.
    pub photos: u64,
    /// Codes read.
    pub scans: u64,
    /// Photos rejected, by reason, the most first.
    pub rejections: Vec<(String, u64)>,
    /// The way, in its order.
    pub stages: Vec<Stage>,
    /// Memory.
    pub budgets: Vec<Budget>,
    /// What holds the rate: title, evidence, remedy.
    pub bottleneck: Option<(String, String, String)>,
    /// Photos a second that the bottleneck allows.
    pub ceiling: Option<f64>,
    /// Bytes of resident memory.
    pub resident: Option<u64>,
}

/// Where a stage's figures stand in the answer.
struct Source {
    name: &'static str,
    /// The budget that bounds its work at once.
    budget: Option<&'static str>,
    /// The entry of `stages` that times it.
    times: Option<&'static str>,
    /// What waits or is held there, and what that is.
    held: Option<(&'static str, &'static str)>,
    /// The bottlenecks that lie in it.
    bottlenecks: &'static [&'static str],
}

const fn source(name: &'static str, bottlenecks: &'static [&'static str]) -> Source {
    Source { name, budget: None, times: None, held: None, bottlenecks }
}

impl Source {
    const fn within(self, budget: &'static str) -> Source {
        Source { budget: Some(budget), ..self }
    }

    const fn timed(self, stage: &'static str) -> Source {
        Source { times: Some(stage), ..self }
    }

    const fn holding(self, path: &'static str, words: &'static str) -> Source {
        Source { held: Some((path, words)), ..self }
    }
}

/// The way of a photo, in its order.
const STAGES: &[Source] = &[
    source("queue", &["queue_empty"]).holding("/queue/ready", "waiting"),
    source("fetch", &["network", "store_throttled", "store_latency"]).within("fetches").timed("fetch"),
    source("decode", &["cpu", "memory"]).within("decodes").timed("decode"),
    source("heic", &["heic"]).within("heic_decodes"),
    source("batch", &["sealing", "in_flight"])
        .timed("batch_wait")
        .holding("/actors/batch_writer/open_rows", "rows open"),
    source("delete", &["deletes"]).holding("/actors/lease_keeper/held", "held"),
    source("load", &["loading"]).timed("load").holding("/actors/loader/batches_to_load", "batches wait"),
];

impl View {
    /// Of an answer of `/state`.
    pub(super) fn of(state: &Value) -> View {
        let text = |path: &str| state.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let whole = |path: &str| state.pointer(path).and_then(Value::as_u64);
        let held_by = text("/bottleneck/stage");
        let stages = STAGES.iter().map(|&Source { name, budget, times, held, bottlenecks }| Stage {
            name,
            work: budget.and_then(|budget| {
                Some((whole(&format!("/budgets/{budget}/used"))?, whole(&format!("/budgets/{budget}/limit"))?))
            }),
            held: held.and_then(|(path, words)| Some((whole(path)?, words))),
            time: times.and_then(|stage| {
                let ms = |what: &str| state.pointer(&format!("/stages/{stage}/{what}")).and_then(Value::as_f64);
                whole(&format!("/stages/{stage}/count")).filter(|count| *count > 0)?;
                Some((ms("p50_ms")?, ms("p99_ms")?))
            }),
            holds: held_by.as_deref().is_some_and(|stage| stage != "queue_empty" && bottlenecks.contains(&stage)),
        });
        let budgets = state.pointer("/budgets").and_then(Value::as_object).into_iter().flatten();
        let budgets = budgets.filter(|(name, _)| name.ends_with("_bytes")).filter_map(|(name, budget)| {
            let of = |what: &str| budget.get(what).and_then(Value::as_u64);
            Some(Budget { name: name.trim_end_matches("_bytes").to_owned(), used: of("used")?, limit: of("limit")? })
        });
        let rejections = state.pointer("/totals/rejections").and_then(Value::as_object).into_iter().flatten();
        let mut rejections: Vec<(String, u64)> = rejections
            .filter_map(|(reason, photos)| Some((reason.clone(), photos.as_u64().filter(|photos| *photos > 0)?)))
            .collect();
        rejections.sort_by_key(|(_, photos)| std::cmp::Reverse(*photos));
        View {
            phase: text("/engine/phase").unwrap_or_else(|| "unknown".to_owned()),
            stopped_by: text("/engine/intake_stopped_by"),
            uptime: whole("/engine/uptime_seconds").unwrap_or_default(),
            photos: whole("/totals/photos").unwrap_or_default(),
            scans: whole("/totals/scans").unwrap_or_default(),
            rejections,
            stages: stages.collect(),
            budgets: budgets.collect(),
            bottleneck: text("/bottleneck/title").map(|title| {
                let words = |path| text(path).unwrap_or_default();
                (title, words("/bottleneck/evidence"), words("/bottleneck/remedy"))
            }),
            ceiling: state.pointer("/bottleneck/ceiling_per_second").and_then(Value::as_f64),
            resident: whole("/process/resident_bytes"),
        }
    }
}

//! What `/state` says, as far as it is drawn. Whatever is missing, as in another version's answer, is shown as unknown.

use serde_json::Value;

/// A stage of the pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StageView {
    /// Its name.
    pub name: String,
    /// Work at once, and its limit now.
    pub work: Option<(u64, u64)>,
    /// What waits or is held, and what that is.
    pub held: Option<(u64, String)>,
    /// Milliseconds, median and 99th percentile, since the start.
    pub time: Option<(f64, Option<f64>)>,
    /// Whether the bottleneck lies here.
    pub holds: bool,
    /// What else is counted there: how many, and of what.
    pub also: Vec<(u64, String)>,
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
    pub pipeline: Vec<StageView>,
    /// Memory.
    pub budgets: Vec<Budget>,
    /// What limits the rate: title, evidence, remedy.
    pub bottleneck: Option<(String, String, String)>,
    /// Photos a second that the bottleneck allows.
    pub ceiling: Option<f64>,
    /// Bytes of resident memory.
    pub resident: Option<u64>,
}

/// What the engine kept of the time before the first look: photos a second, oldest first, and seconds between two.
pub(super) fn past(history: &Value) -> (Vec<f64>, u64) {
    let points = history.pointer("/points").and_then(Value::as_array).into_iter().flatten();
    let rates = points.filter_map(|point| point.get("photos_per_second")?.as_f64()).collect();
    (rates, history.pointer("/every_seconds").and_then(Value::as_u64).unwrap_or(5).max(1))
}

/// One of the places as the engine tells it.
fn place(told: &Value) -> Option<StageView> {
    let whole = |path: &str| told.pointer(path).and_then(Value::as_u64);
    let text = |path: &str| told.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let ms = |path: &str| told.pointer(path).and_then(Value::as_f64);
    let also = told.pointer("/also").and_then(Value::as_array).into_iter().flatten();
    Some(StageView {
        name: text("/name")?,
        work: whole("/work/used").zip(whole("/work/limit")),
        held: whole("/held/count").zip(text("/held/words")),
        time: ms("/time/p50_ms").map(|p50| (p50, ms("/time/p99_ms"))),
        holds: told.pointer("/holds") == Some(&Value::Bool(true)),
        also: also
            .filter_map(|one| Some((one.get("count")?.as_u64()?, one.get("words")?.as_str()?.to_owned())))
            .collect(),
    })
}

impl View {
    /// Of an answer of `/state`.
    pub(super) fn of(state: &Value) -> View {
        let text = |path: &str| state.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let whole = |path: &str| state.pointer(path).and_then(Value::as_u64);
        let pipeline = state.pointer("/pipeline").and_then(Value::as_array).into_iter().flatten();
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
            pipeline: pipeline.filter_map(place).collect(),
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

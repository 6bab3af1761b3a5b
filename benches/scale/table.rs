//! From looks to a line of the table.

use std::collections::BTreeMap;

use crate::cases::{Case, Fault};
use crate::run::Look;

/// A line.
pub struct Line {
    pub rate: f64,
    pub of_ideal: f64,
    /// Deletes a second.
    pub deletes: f64,
    pub most_in_flight: u64,
    /// Second from which on every second brings nine tenths of the ideal; after a burst, counted from it.
    pub settled: Option<f64>,
    /// CPU microseconds of the engine for a photo.
    pub cpu_micros: f64,
    pub full: String,
    pub fetches: String,
    pub bottleneck: String,
}

/// Photos a second over the second that ends with each look.
fn rates(looks: &[Look]) -> Vec<(f64, f64)> {
    looks
        .windows(5)
        .filter_map(|five| {
            let (first, last) = (five.first()?, five.last()?);
            Some((last.at, (last.decoded - first.decoded) as f64 / (last.at - first.at)))
        })
        .collect()
}

pub fn line(case: &Case, looks: &[Look]) -> Option<Line> {
    let measured: Vec<&Look> = looks.iter().filter(|look| look.at >= case.warm_up as f64).collect();
    let (first, last) = (measured.first()?, measured.last()?);
    let seconds = last.at - first.at;
    let rate = (last.decoded - first.decoded) as f64 / seconds;
    let from = match case.fault {
        Fault::Burst { at_second, .. } => at_second,
        Fault::None | Fault::Share(_) => 0.0,
    };
    let rates: Vec<(f64, f64)> = rates(looks).into_iter().filter(|(at, _)| *at >= from).collect();
    let enough = |(_, rate): &(f64, f64)| *rate >= case.ideal() * 0.9;
    let settled = match rates.iter().rposition(|one| !enough(one)) {
        None => Some(0.0),
        Some(last_slow) => rates.get(last_slow + 1).map(|(at, _)| at - from),
    };
    let most = |of: &dyn Fn(&Look) -> Vec<String>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        measured.iter().flat_map(|look| of(look)).for_each(|name| *counts.entry(name).or_default() += 1);
        let mut counts: Vec<(String, usize)> =
            counts.into_iter().filter(|(_, count)| count * 3 >= measured.len()).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown = |(name, count): &(String, usize)| format!("{name} {} %", count * 100 / measured.len());
        counts.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    let name = |full: &String| full.split(' ').next().unwrap_or_default().to_owned();
    Some(Line {
        rate,
        of_ideal: rate / case.ideal(),
        deletes: (last.deleted - first.deleted) as f64 / seconds,
        most_in_flight: looks.iter().map(|look| look.in_flight).max()?,
        settled,
        cpu_micros: (last.cpu - first.cpu) * 1e6 / (last.decoded - first.decoded).max(1) as f64,
        full: most(&|look| look.full.iter().map(name).collect()),
        fetches: format!("{} ({})", last.fetches.1, last.fetches.0),
        bottleneck: most(&|look| vec![look.bottleneck.clone()]),
    })
}

pub const HEAD: &str = "\
| case | threads, decode, GET, SQS, fault | rate /s | of ideal | settled s | deletes /s | most in flight | CPU µs a photo | fetches | full | bottleneck |
|---|---|---|---|---|---|---|---|---|---|---|";

pub fn row(case: &Case, line: &Line) -> String {
    let Case { name, threads, decode_ms, get_ms, sqs_ms, fault, .. } = case;
    let fault = match fault {
        Fault::None => "none".to_owned(),
        Fault::Share(share) => format!("{} % of 503s", share * 100.0),
        Fault::Burst { at_second, count } => format!("{count} 503s at {at_second} s"),
    };
    let settled = line.settled.map_or("never".to_owned(), |seconds| format!("{seconds:.1}"));
    format!(
        "| {name} | {threads}, {decode_ms} ms, {get_ms} ms, {sqs_ms} ms, {fault} | {:.0} | {:.0} % | {settled} | {:.0} | {} | {:.0} | {} | {} | {} |",
        line.rate,
        line.of_ideal * 100.0,
        line.deletes,
        line.most_in_flight,
        line.cpu_micros,
        line.fetches,
        line.full,
        line.bottleneck
    )
}

//! Which metrics a PromQL expression, or any text, names, and whether they exist.

use scanmill::telemetry::names::{self, Metric, MetricKind};

/// Labels that Prometheus adds to every series.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// A metric as named in a text.
#[derive(Debug, PartialEq)]
pub struct Series<'a> {
    pub name: &'a str,
    /// Label, operator and value of each condition in braces.
    pub conditions: Vec<(&'a str, &'a str, &'a str)>,
}

/// Every name that begins with `scanmill_`, or contains that after a `:` as recorded series do.
pub fn series(text: &str) -> Vec<Series<'_>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        rest = &rest[start..];
        let (name, after) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        rest = after;
        if name.starts_with("scanmill_") || name.starts_with("process_") || name.contains(":scanmill_") {
            let braces = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let conditions = braces.map_or_else(Vec::new, |(inner, _)| conditions(inner));
            found.push(Series { name, conditions });
        }
    }
    found
}

fn conditions(inner: &str) -> Vec<(&str, &str, &str)> {
    // No value we compare with has a comma.
    let one = |condition: &'_ str| -> Option<(usize, usize)> {
        let begins = condition.find(['=', '!'])?;
        Some((begins, condition.find('"')?))
    };
    inner
        .split(',')
        .map(|condition| {
            let (begins, opens) = one(condition).unwrap_or_else(|| panic!("no condition: {condition}"));
            let value = condition[opens..].trim().trim_matches('"');
            (condition[..begins].trim(), condition[begins..opens].trim(), value)
        })
        .collect()
}

/// The metric of a series and, of a histogram, which part of it.
fn metric(name: &str) -> Option<(&'static Metric, Option<&str>)> {
    names::ALL.iter().find_map(|metric| {
        let ending = name.strip_prefix(metric.name)?;
        match (metric.kind, ending) {
            (MetricKind::Histogram, "_bucket" | "_sum" | "_count") => Some((metric, Some(ending))),
            (MetricKind::Counter | MetricKind::Gauge, "") => Some((metric, None)),
            _ => None,
        }
    })
}

/// The metrics an expression reads.
pub fn metrics_of(expr: &str) -> Vec<&'static Metric> {
    series(expr).iter().filter_map(|series| Some(metric(series.name)?.0)).collect()
}

/// What is wrong with the metrics of an expression: names, labels and values that no engine exports. `recorded` are
/// the series that recording rules make.
pub fn mistakes(expr: &str, recorded: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut known: Vec<&str> = TARGET_LABELS.to_vec();
    known.push("le");
    for Series { name, conditions } in series(expr) {
        if name.contains(':') {
            if !recorded.contains(&name) {
                found.push(format!("no rule records {name}"));
            }
            // What it is grouped by is checked where it is recorded.
            known.extend(conditions.iter().map(|(label, ..)| *label));
            continue;
        }
        let Some((metric, part)) = metric(name) else {
            found.push(format!("no metric {name}"));
            continue;
        };
        known.extend(metric.label.map(|label| label.name));
        for (label, operator, value) in conditions {
            if TARGET_LABELS.contains(&label) || (label == "le" && part == Some("_bucket")) {
                continue;
            }
            let Some(own) = metric.label.filter(|own| own.name == label) else {
                found.push(format!("{name} has no label {label}"));
                continue;
            };
            let values: Vec<&str> = if operator.contains('~') { value.split('|').collect() } else { vec![value] };
            for value in values.iter().filter(|value| !own.values.contains(value)) {
                found.push(format!("{name} is never {label}=\"{value}\""));
            }
        }
    }
    for grouping in ["by (", "on ("] {
        for (begins, _) in expr.match_indices(grouping) {
            let labels = expr[begins + grouping.len()..].split(')').next().unwrap_or_default();
            for label in labels.split(',').map(str::trim).filter(|label| !label.is_empty() && !known.contains(label)) {
                found.push(format!("{grouping}{label}): no series here has it"));
            }
        }
    }
    found
}

#[test]
fn mistakes_are_seen() {
    let fine = "sum by (class) (rate(scanmill_errors_total{job=~\"$job\", class=~\"bug|poison\"}[5m]))";
    assert_eq!(mistakes(fine, &[]), Vec::<String>::new());
    assert_eq!(metrics_of(fine).iter().map(|metric| metric.name).collect::<Vec<_>>(), ["scanmill_errors_total"]);
    assert_eq!(series("x{job=\"a\"} + job:scanmill_x:sum{class=\"bug\"}")[0].conditions, [("class", "=", "bug")]);
    for wrong in [
        "scanmill_errors",
        "scanmill_errors_total_count",
        "scanmill_decode_cpu_seconds",
        "scanmill_errors_total{class=\"bogus\"}",
        "scanmill_errors_total{class=~\"bug|bogus\"}",
        "scanmill_errors_total{stage=\"load\"}",
        "scanmill_errors_total{le=\"1\"}",
        "sum by (stage) (scanmill_errors_total)",
        "job:scanmill_errors:rate1m",
    ] {
        assert_eq!(mistakes(wrong, &[]).len(), 1, "{wrong}");
    }
}

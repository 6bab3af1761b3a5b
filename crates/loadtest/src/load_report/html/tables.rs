//! Cards with tables and bars.

use std::fmt::Write as _;

use super::super::LoadReport;
use super::super::compare::{Change, Comparison, Meaning, NOISE};
use super::super::cost::{Component, CostLine, Costs, Way};
use super::super::figures;
use super::super::format::{dollars, millis, millis_or_dash, number, price};
use super::{escape, meaning_class};
use scanmill_core::quantile::told;

/// The bottleneck with its reasons.
pub(super) fn bottleneck(report: &LoadReport) -> String {
    let found = &report.bottleneck;
    let mut card = format!(
        "<div class=\"card\" id=\"bottleneck\"><h2>Bottleneck</h2><p class=\"named\">{}</p><p>{}.</p><p><b>What helps:</b> {}.</p>",
        escape(&capital(&found.title)),
        escape(&capital(&found.evidence)),
        escape(&found.remedy)
    );
    if let Some(latency) = &found.latency {
        let _ = write!(card, "<p><b>Latency:</b> {}.</p>", escape(latency));
    }
    if !found.looked_at.is_empty() {
        card.push_str(
            "<h3>Checked, from the end of the pipeline to its beginning</h3><div class=\"scroll\"><table><tbody>",
        );
        for looked in &found.looked_at {
            let class = if looked.what == found.what { "bad-text" } else { "soft" };
            let _ = write!(
                card,
                "<tr><th scope=\"row\" class=\"formula\">{}</th><td class=\"n {class}\" title=\"counts from {} %\">{} %</td></tr>",
                escape(&looked.says),
                number(looked.counts_from * 100.0),
                number((looked.share * 100.0).round())
            );
        }
        card.push_str("</tbody></table></div>");
    }
    card + "</div>"
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// The measured rate beside what each part would allow, on a logarithmic scale.
pub(super) fn ceilings(report: &LoadReport) -> String {
    let durable = report.engine.as_ref().and_then(|engine| engine.durable_per_second());
    let Some(measured) = durable.filter(|_| !report.ceilings.is_empty()) else { return String::new() };
    let low = 1.0_f64.min(measured).log10().floor();
    let high = report.ceilings.iter().map(|ceiling| ceiling.per_second).fold(measured, f64::max).log10().ceil();
    let width = |rate: f64| ((rate.log10() - low) / (high - low).max(1.0) * 100.0).clamp(0.5, 100.0);
    let row = |class: &str, name: &str, rate: f64, formula: &str| {
        format!(
            "<tr><th scope=\"row\">{}<div class=\"formula\">{}</div></th><td class=\"wide\"><div class=\"track {class}\"><i style=\"width:{:.1}%\"></i></div></td><td class=\"n\">{}</td></tr>",
            escape(name),
            escape(formula),
            width(rate),
            number(rate)
        )
    };
    let mut rows = row("mark", "measured", measured, "rows durable, while at work");
    for ceiling in &report.ceilings {
        rows += &row("plain", &ceiling.name, ceiling.per_second, &ceiling.formula);
    }
    format!(
        "<div class=\"card\" id=\"ceilings\"><h2>Measured, and what each part would allow</h2><p class=\"soft\">Photos a second; bars are logarithmic.</p><table><thead><tr><th scope=\"col\">part</th><th scope=\"col\"></th><th scope=\"col\" class=\"n\">photos/s</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// Time in each stage.
pub(super) fn stages(report: &LoadReport) -> String {
    let Some(engine) = &report.engine else { return String::new() };
    let known: Vec<_> = engine.stages.iter().filter(|time| time.count > 0).collect();
    if known.is_empty() {
        return String::new();
    }
    let times = || known.iter().flat_map(|time| [time.p50, time.p99]).filter(|ms| *ms > 0.0);
    let low = times().fold(1.0, f64::min).log10().floor();
    let high = times().fold(10.0, f64::max).log10().ceil();
    let place = |ms: f64| ((ms.max(1e-6).log10() - low) / (high - low) * 100.0).clamp(0.0, 99.0);
    let mut rows = String::new();
    for time in &known {
        let quantile = |quantile, value| told(quantile, time.count, value);
        let p99 = quantile(0.99, time.p99);
        let (from, to) = (place(time.p50), place(p99.unwrap_or(time.p50)));
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td class=\"wide\"><div class=\"track\"><i style=\"left:{from:.1}%;width:{:.1}%\"></i><u style=\"left:{from:.1}%\"></u></div></td><td class=\"n small-hide\">{}</td><td class=\"n\">{}</td><td class=\"n small-hide\">{}</td><td class=\"n\">{}</td><td class=\"n small-hide\">{}</td></tr>",
            escape(&time.stage.replace('_', " ")),
            (to - from).max(1.0),
            millis(time.mean),
            millis_or_dash(quantile(0.5, time.p50)),
            millis_or_dash(quantile(0.9, time.p90)),
            millis_or_dash(p99),
            number(time.count as f64)
        );
    }
    let exact = if known.iter().all(|time| time.exact) {
        "Quantiles are the engine's own, exact to a thousandth."
    } else {
        "The engine had done other work before, so quantiles are interpolated within the buckets of its histogram."
    };
    format!(
        "<div class=\"card\" id=\"stages\"><h2>Time in each stage</h2><p class=\"soft\">Bars from p50 to p99, logarithmic, {} to {}. {exact}</p><div class=\"scroll\"><table><thead><tr><th scope=\"col\">stage</th><th scope=\"col\"></th><th scope=\"col\" class=\"n small-hide\">mean</th><th scope=\"col\" class=\"n\">p50</th><th scope=\"col\" class=\"n small-hide\">p90</th><th scope=\"col\" class=\"n\">p99</th><th scope=\"col\" class=\"n small-hide\">count</th></tr></thead><tbody>{rows}</tbody></table></div>{}</div>",
        millis(10_f64.powf(low)),
        millis(10_f64.powf(high)),
        limits(report)
    )
}

fn limits(report: &LoadReport) -> String {
    let Some(engine) = report.engine.as_ref().filter(|engine| !engine.limits.is_empty()) else { return String::new() };
    let rows: String = engine
        .limits
        .iter()
        .map(|track| {
            let changes = track.changes.len().saturating_sub(1);
            format!(
                "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{changes}</td></tr>",
                escape(&track.stage),
                track.min,
                track.max,
                track.last
            )
        })
        .collect();
    format!(
        "<h3>Limits the autoscaler chose</h3><table><thead><tr><th scope=\"col\">stage</th><th scope=\"col\" class=\"n\">least</th><th scope=\"col\" class=\"n\">most</th><th scope=\"col\" class=\"n\">at the end</th><th scope=\"col\" class=\"n\">changes seen</th></tr></thead><tbody>{rows}</tbody></table>"
    )
}

/// Costs with bars and every formula.
pub(super) fn costs(report: &LoadReport) -> String {
    let Some(costs) = &report.costs else { return String::new() };
    let most = costs.ways.iter().map(|way| way.usd).fold(1e-12, f64::max);
    let shown: Vec<(Component, char)> = Component::ALL
        .into_iter()
        .zip(['a', 'd', 'b', 'c', 'e', 'f'])
        .filter(|(component, _)| costs.ways.iter().any(|way| way.of(*component) > most / 1e4))
        .collect();
    let legend: String = shown
        .iter()
        .map(|(component, colour)| format!("<li><i class=\"box f-{colour}\"></i>{}</li>", component.as_str()))
        .collect();
    let bars: String = costs.ways.iter().map(|way| bar(way, &shown, most)).collect();
    format!(
        "<section class=\"grid halves\" id=\"costs\" aria-label=\"Costs\"><div class=\"card\"><h2>Cost of a million photos</h2><p class=\"soft\">US dollars, by component. The upload of the photos is the same for all and left out.</p><ul class=\"legend\">{legend}</ul>{bars}{}{}{}</div><div class=\"card\"><h2>How it was counted</h2>{}</div></section>\n",
        break_even(costs),
        cadence(costs),
        prices(costs),
        formulas(costs)
    )
}

fn bar(way: &Way, shown: &[(Component, char)], most: f64) -> String {
    let parts: String = shown
        .iter()
        .map(|(component, colour)| {
            let usd = way.of(*component);
            format!(
                "<i class=\"f-{colour}\" style=\"width:{:.2}%\" title=\"{} {}\"></i>",
                usd / most * 100.0,
                component.as_str(),
                dollars(usd)
            )
        })
        .collect();
    format!(
        "<div class=\"way\"><span>{} <span class=\"soft\">({}/s)</span></span><b>{}</b></div><div class=\"stack\" aria-hidden=\"true\">{parts}</div>",
        escape(&way.name),
        number(way.per_second),
        dollars(way.usd)
    )
}

fn break_even(costs: &Costs) -> String {
    let even = &costs.break_even;
    let instance = escape(&costs.prices.instance);
    let can = number(even.instance_photos_per_day.round());
    let says = match even.photos_per_day {
        Some(photos) => format!(
            "An always-on {instance} is cheaper than Lambda from <b>{} photos a day</b> on. It can do {can}.",
            number(photos.round())
        ),
        None => format!("An always-on {instance}, which can do {can} photos a day, never is cheaper than Lambda."),
    };
    format!("<h3>Break-even</h3><p>{says}</p><p class=\"formula\">{}</p>", escape(&even.formula))
}

fn cadence(costs: &Costs) -> String {
    let as_here = &costs.redshift_as_loaded_here;
    format!(
        "<h3>Cadence of loads</h3><p>Redshift loaded as often as in this run would take <b>{}</b> a million photos.</p><p class=\"formula\">{}</p>",
        dollars(as_here.usd),
        escape(&as_here.formula)
    )
}

fn formulas(costs: &Costs) -> String {
    let mut bodies = String::new();
    for way in &costs.ways {
        let row = |line: &CostLine| {
            format!(
                "<tr><th scope=\"row\">{}</th><td class=\"formula\">{}</td><td class=\"n\">{}</td></tr>",
                line.component.as_str(),
                escape(&line.formula),
                dollars(line.usd)
            )
        };
        let rows: String = way.lines.iter().map(row).collect();
        let _ = write!(
            bodies,
            "<tbody class=\"group\"><tr><th colspan=\"3\" scope=\"rowgroup\">{}</th></tr>{rows}<tr class=\"sum\"><th scope=\"row\">sum</th><td></td><td class=\"n\">{}</td></tr></tbody>",
            escape(&way.name),
            dollars(way.usd)
        );
    }
    format!("<div class=\"scroll\"><table>{bodies}</table></div>")
}

fn prices(costs: &Costs) -> String {
    let p = &costs.prices;
    let lines = [
        ("instance_usd_per_hour", p.instance_usd_per_hour),
        ("instance_vcpus", p.instance_vcpus),
        ("s3_put_usd_per_million", p.s3_put_usd_per_million),
        ("s3_get_usd_per_million", p.s3_get_usd_per_million),
        ("s3_usd_per_gb_month", p.s3_usd_per_gb_month),
        ("batch_days", p.batch_days),
        ("sqs_usd_per_million", p.sqs_usd_per_million),
        ("redshift_rpus", p.redshift_rpus),
        ("redshift_usd_per_rpu_hour", p.redshift_usd_per_rpu_hour),
        ("redshift_minimum_seconds", p.redshift_minimum_seconds),
        ("redshift_load_every_seconds", p.redshift_load_every_seconds),
        ("lambda_usd_per_million_requests", p.lambda_usd_per_million_requests),
        ("lambda_usd_per_million_gb_seconds", p.lambda_usd_per_million_gb_seconds),
        ("lambda_memory_mb", p.lambda_memory_mb),
        ("lambda_photos_per_call", p.lambda_photos_per_call),
        ("lambda_slowdown_percent", p.lambda_slowdown_percent),
        ("lambda_get_ms", p.lambda_get_ms),
    ];
    let rows: String = lines
        .iter()
        .map(|(key, value)| {
            let shown = if key.contains("usd") { price(*value) } else { number(*value) };
            format!("<dt>{key}</dt><dd>{shown}</dd>")
        })
        .collect();
    format!(
        "<h3>Prices counted with</h3><p class=\"soft\">Keys of [cost] in the configuration; the defaults are list prices of us-east-1 in 2025.</p><dl><dt>instance</dt><dd>{}</dd>{rows}</dl>",
        escape(&p.instance)
    )
}

/// Every figure.
pub(super) fn figures(report: &LoadReport) -> String {
    let mut tables = String::new();
    let all = figures::figures(report);
    for group in all.chunk_by(|a, b| a.group == b.group) {
        let name = group.first().map_or("", |figure| figure.group);
        let row = |figure: &figures::Figure| {
            let value = figure.unit.show(figure.value);
            format!("<tr><th scope=\"row\">{}</th><td class=\"n\">{value}</td></tr>", escape(&figure.name))
        };
        let rows: String = group.iter().map(row).collect();
        let _ = write!(tables, "<table><caption>{name}</caption><tbody>{rows}</tbody></table>");
    }
    format!(
        "<section class=\"card whole\" id=\"figures\"><h2>All figures</h2><div class=\"columns\">{tables}</div></section>\n"
    )
}

/// What ran.
pub(super) fn details(report: &LoadReport) -> String {
    let ran = &report.ran;
    let mut rows = String::new();
    let mut row = |name: &str, value: String| {
        let _ = write!(rows, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    };
    row("began", ran.began_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    row("story", format!("{}, seed {}", ran.story, ran.seed));
    row("photos", format!("{} of size {}", number(ran.count as f64), ran.size));
    row("arrival", ran.arrival.clone());
    row("where", ran.ports.clone());
    row("cores", ran.host_cores.to_string());
    row("pump", format!("scanmill {}, {} makers", ran.version, report.pump.makers));
    if let Some(engine) = &report.engine {
        let fresh = if engine.was_fresh { "had done nothing before" } else { "had worked before" };
        row("engine", format!("scanmill {}, {} decoder threads, {fresh}", engine.version, engine.decode_threads));
        row("looks", format!("{}, {} without an answer", engine.samples.len(), engine.looks_missed));
        let causes: Vec<String> = engine.sealed_by.iter().map(|(cause, count)| format!("{count} by {cause}")).collect();
        row("batches", if causes.is_empty() { "none".into() } else { causes.join(", ") });
        row(
            "restarts",
            format!("{} of the pipeline, {} of the process", engine.pipeline_restarts, engine.process_changes),
        );
    }
    format!("<section class=\"card whole\" id=\"details\"><h2>What ran</h2><dl>{rows}</dl></section>\n")
}

/// What changed since the old report.
pub(super) fn changes(comparison: &Comparison) -> String {
    let mut tables = String::new();
    for group in comparison.changes.chunk_by(|a, b| a.group == b.group) {
        let name = group.first().map_or("", |change| change.group);
        let rows: String = group.iter().map(change).collect();
        let _ = write!(
            tables,
            "<table><caption>{name}</caption><thead><tr><th scope=\"col\">figure</th><th scope=\"col\" class=\"n\">before</th><th scope=\"col\" class=\"n\">now</th><th scope=\"col\" class=\"n\">change</th></tr></thead><tbody>{rows}</tbody></table>"
        );
    }
    let warnings: String = comparison.warnings.iter().map(|warning| format!("<li>{}</li>", escape(warning))).collect();
    let warnings = if warnings.is_empty() { warnings } else { format!("<ul class=\"notes bad-text\">{warnings}</ul>") };
    format!(
        "<section class=\"card whole\" id=\"changes\"><h2>What changed</h2><p class=\"soft\">Against the report given with --compare, whose curves are dashed above. ▲ better, ▼ worse; under {} % counts as about the same.</p>{warnings}<div class=\"columns wider\">{tables}</div></section>\n",
        number(NOISE * 100.0)
    )
}

fn change(change: &Change) -> String {
    let mark = match change.meaning {
        Meaning::Better => " ▲",
        Meaning::Worse => " ▼",
        Meaning::Noise | Meaning::Neutral => "",
    };
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n {}\" title=\"{}\">{}{mark}</td></tr>",
        escape(&change.name),
        change.unit.show(change.old),
        change.unit.show(change.new),
        meaning_class(change.meaning),
        change.meaning.as_str(),
        escape(&change.shown())
    )
}

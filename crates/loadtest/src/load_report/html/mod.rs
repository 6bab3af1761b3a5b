//! The report as one page of HTML that needs nothing from elsewhere: style, drawings and script are in it, and its own
//! policy forbids it to ask anybody for anything.

use std::fmt::Write as _;

use super::LoadReport;
use super::compare::{Comparison, Meaning, NOISE, compare};
use super::format::{millis, number};
use super::measured::Quantiles;
use scanmill_core::quantile::told;

mod plot;
mod plots;
mod tables;

/// Nothing is fetched; style and script are those of the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Text as HTML shows it, also within an attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if letter.is_control() && letter != '\n' && letter != '\t' => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

impl LoadReport {
    /// The page; with `old`, what changed since, and its curves beneath the new ones.
    pub fn to_html(&self, old: Option<&LoadReport>) -> String {
        let comparison = old.map(|old| compare(self, old));
        let title = escape(&format!("Load report: {}, {} photos", self.ran.story, number(self.ran.count as f64)));
        let mut page = String::with_capacity(64 << 10);
        let _ = writeln!(
            page,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>",
            include_str!("style.css")
        );
        page.push_str(&self.header());
        page.push_str("<main>\n");
        page.push_str(&self.tiles(comparison.as_ref()));
        let _ = writeln!(
            page,
            "<section class=\"grid halves\" aria-label=\"What limits\">{}{}</section>",
            tables::bottleneck(self),
            tables::ceilings(self)
        );
        if !self.notes.is_empty() {
            page.push_str(&list("notes", "Notes", &self.notes));
        }
        let _ = writeln!(
            page,
            "<section class=\"grid halves\" aria-label=\"Plots\">{}{}</section>",
            plots::all(self, old),
            tables::stages(self)
        );
        if let Some(comparison) = &comparison {
            page.push_str(&tables::changes(comparison));
        }
        page.push_str(&tables::costs(self));
        page.push_str(&tables::figures(self));
        page.push_str(&tables::details(self));
        let _ = writeln!(
            page,
            "</main>\n<footer>Made by scanmill {}. This page makes no requests; report.json beside it has every figure and sample. \
             Differences under {} % mean little on a machine that does other things too.</footer>\n<script>\n{}</script>\n</body>\n</html>",
            escape(&self.ran.version),
            number(NOISE * 100.0),
            include_str!("hover.js")
        );
        page
    }

    fn header(&self) -> String {
        let ran = &self.ran;
        let what = format!(
            "Story {}, seed {}, {} photos of size {}, {}. {}; {} cores; {}.",
            ran.story,
            ran.seed,
            number(ran.count as f64),
            ran.size,
            ran.arrival,
            ran.ports,
            ran.host_cores,
            ran.began_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        format!("<header>\n<h1>Load report</h1>\n<p class=\"soft\">{}</p>\n</header>\n", escape(&what))
    }

    /// The few figures that matter most.
    fn tiles(&self, comparison: Option<&Comparison>) -> String {
        let mut tiles = String::new();
        let mut tile = |class: &str, figure: String, about: String, compared: Option<(&str, &str)>| {
            let change = compared.and_then(|(group, name)| {
                comparison?.changes.iter().find(|change| change.group == group && change.name == name)
            });
            let change = change.map_or_else(String::new, |change| {
                let class = meaning_class(change.meaning);
                format!("<span class=\"{class}\">{} ({})</span>", escape(&change.shown()), change.meaning.as_str())
            });
            let _ = write!(
                tiles,
                "<div class=\"card tile {class}\"><b>{}</b><span>{}</span>{change}</div>",
                escape(&figure),
                escape(&about)
            );
        };
        if let Some(verdict) = &self.verdict {
            let wrong = verdict.lost + verdict.doubled + verdict.wrong;
            let (class, figure) = if verdict.is_clean() {
                ("good", "exact".into())
            } else {
                ("bad", format!("{} wrong", number(wrong as f64)))
            };
            let about = format!("{} lost, {} duplicated, {} wrong rows", verdict.lost, verdict.doubled, verdict.wrong);
            tile(class, figure, about, None);
        }
        if let Some(rate) = self.engine.as_ref().and_then(|engine| engine.durable_per_second()) {
            tile("", format!("{}/s", number(rate)), "photos durable while at work".into(), Some(("rate", "durable")));
        }
        let pump = &self.pump;
        let (class, put, about) = match &pump.pace {
            Some(pace) if pace.held => {
                ("", pace.achieved_per_second, format!("put; asked {}/s, held", number(pace.asked_per_second)))
            }
            Some(pace) => {
                ("bad", pace.achieved_per_second, format!("put; asked {}/s, not held", number(pace.asked_per_second)))
            }
            None => ("", pump.put_per_second, "put, as fast as possible".into()),
        };
        tile(class, format!("{}/s", number(put)), about, Some(("pump", "put")));
        for (latency, to, group) in
            [(&self.durable, "durable", "until durable"), (&self.row, "in the warehouse", "until row")]
        {
            if let Some(latency) = latency {
                let Quantiles { count, p50, p99, max, .. } = latency.quantiles;
                let (name, value) = told(0.99, count, p99).map_or(("max", max), |p99| ("p99", p99));
                let about = format!("{name} until {to}; half within {}", millis(p50));
                tile("", millis(value), about, Some((group, name)));
            }
        }
        if let Some(engine) = &self.engine
            && let Some(ms) = engine.cpu_ms()
        {
            let decode = engine.decode_cpu_ms().map_or_else(String::new, |ms| format!(", {} decoding", millis(ms)));
            tile("", millis(ms), format!("engine CPU a photo{decode}"), Some(("engine", "CPU a photo")));
        }
        if let Some((engine, lambda)) =
            self.costs.as_ref().and_then(|costs| Some((costs.ways.first()?, costs.ways.get(2)?)))
        {
            let about = format!("a million photos at this rate; Lambda {}", super::format::dollars(lambda.usd));
            tile("", super::format::dollars(engine.usd), about, Some(("a million photos", engine.name.as_str())));
        }
        format!("<section class=\"grid tiles\" aria-label=\"In short\">{tiles}</section>\n")
    }
}

/// The colour of a change.
fn meaning_class(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Better => "good-text",
        Meaning::Worse => "bad-text",
        Meaning::Noise | Meaning::Neutral => "soft",
    }
}

fn list(id: &str, title: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
    format!(
        "<section class=\"card whole\" id=\"{id}\"><h2>{}</h2><ul class=\"notes\">{items}</ul></section>\n",
        escape(title)
    )
}

//! Both dashboards, drawn by Grafana's own components in a browser: with what a real engine and a real Prometheus gave,
//! and with every series that there can be. `cargo test --test repository drawn -- --ignored`; with `SCREENSHOTS=DIR` the
//! pictures are left there.

use std::time::{Duration, Instant};

use scanmill::scale::bottleneck::Stage as Holds;
use scanmill::telemetry::Stage;
use serde_json::{Map, Value, json};

use super::{analytics, board, prometheus, series};
use crate::process::Root;
use crate::rig::chromium::{Browser, Screen};
use crate::rig::panels::Panels;

/// As wide as Grafana's on a common screen.
const WIDTH: u32 = 1_568;
const SCHEMES: [&str; 2] = ["dark", "light"];
/// Series that say that something is well, and that something is lost. A colour of the one is never one of the other, and
/// a part of the way has neither's.
const WELL: [&str; 7] = ["ok", "scanned", "closed", "sent", "deleted", "following", "headroom"];
const LOST: [&str; 6] = ["failed", "lost", "dead", "refused", "permanent", "failing"];

/// What is drawn, and of which time.
struct Shown<'a> {
    board: &'a Value,
    data: Map<String, Value>,
    /// Milliseconds.
    span: [i64; 2],
}

/// The page's answer about one panel.
struct Drawn {
    title: String,
    kind: String,
    text: String,
    /// Share of the panel's width and height that a chart has.
    chart: Option<[f64; 2]>,
    /// Pixels of the legend, or of a table's columns, that are not seen.
    cut: f64,
    /// Each name of the legend and its colour.
    legend: Vec<(String, String)>,
    /// Height of the smallest figure, in pixels.
    figure: Option<f64>,
}

const LOOK: &str = "[...document.querySelectorAll('.panel')].map(panel => {
    const chart = panel.querySelector('.u-over')?.getBoundingClientRect(), whole = panel.getBoundingClientRect();
    const items = [...panel.querySelectorAll('[data-testid^=\"data-testid VizLegend series\"]')];
    const bounds = panel.querySelector('.drawn').getBoundingClientRect();
    // Beside the chart it can be scrolled; a table is whole.
    const isRight = chart && items.length && items[0].getBoundingClientRect().left > chart.right, heads = [...panel.querySelectorAll('[role=columnheader]')];
    const figures = [...panel.querySelectorAll('[data-kind=stat] .drawn span')].filter(node => node.children.length === 0 && /[0-9]/.test(node.textContent));
    return {
        title: panel.dataset.title, kind: panel.dataset.kind, text: panel.querySelector('.drawn').innerText,
        chart: chart ? [chart.width / whole.width, chart.height / whole.height] : null,
        cut: Math.max(0, ...heads.map(head => head.getBoundingClientRect().right - bounds.right), ...items.map(item => { const box = item.getBoundingClientRect(); return Math.max(box.right - bounds.right, isRight ? 0 : box.bottom - bounds.bottom); })),
        legend: items.map(item => [item.innerText.split('\\n')[0].split('\\t')[0], getComputedStyle(item.querySelector('[data-testid=series-icon]') ?? item).backgroundColor]),
        figure: panel.dataset.kind === 'stat' && figures.length ? Math.min(...figures.map(node => parseFloat(getComputedStyle(node).fontSize))) : null,
    };
})";

fn draw(browser: &mut Browser, panels: &Panels, shown: &Shown<'_>, scheme: &'static str) -> Vec<Drawn> {
    let rows = board::rows(shown.board);
    let rows: Vec<Value> =
        rows.iter().map(|(row, panels)| json!({ "title": row["title"], "panels": panels })).collect();
    let [from, to] = shown.span;
    let page = json!({ "rows": rows, "data": shown.data, "from": from, "to": to, "scheme": scheme, "width": WIDTH });
    browser.open(&panels.showing(&page), Screen { width: WIDTH + 32, height: 1_000, scheme });
    browser.until("window.isDrawn === true");
    assert_eq!(browser.problems(), [""; 0]);
    let looked = browser.value(LOOK);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pair = |value: &Value| Some([value[0].as_f64()?, value[1].as_f64()?]);
    let drawn = looked.as_array().unwrap().iter().map(|panel| Drawn {
        title: text(&panel["title"]),
        kind: text(&panel["kind"]),
        text: text(&panel["text"]),
        chart: pair(&panel["chart"]),
        cut: panel["cut"].as_f64().unwrap(),
        legend: panel["legend"].as_array().unwrap().iter().map(|one| (text(&one[0]), text(&one[1]))).collect(),
        figure: panel["figure"].as_f64(),
    });
    drawn.collect()
}

/// Whether a panel can be read: room for the chart, a whole legend, figures of some size.
fn is_legible(panel: &Drawn) {
    let title = &panel.title;
    if panel.kind == "timeseries" {
        let [across, down] = panel.chart.unwrap_or_else(|| panic!("{title}: no chart but {}", panel.text));
        assert!(across > 0.5 && down > 0.4, "{title}: the chart has {across:.2} by {down:.2} of its panel");
    }
    assert!(panel.cut < 1.0, "{title}: {} pixels of the legend or the table are not seen", panel.cut);
    if let Some(figure) = panel.figure {
        assert!(figure >= 16.0, "{title}: figures of {figure} pixels");
    }
}

/// Series as Prometheus answers them, the way Grafana's data source gives them to panels.
fn frames(answer: &Value, legend: &str, step_ms: i64) -> Vec<Value> {
    let series = answer["result"].as_array().unwrap().iter();
    series
        .map(|one| {
            let samples = one["values"].as_array().cloned().unwrap_or_else(|| vec![one["value"].clone()]);
            let times: Vec<i64> = samples.iter().map(|sample| (sample[0].as_f64().unwrap() * 1e3) as i64).collect();
            let value = |sample: &Value| match sample[1].as_str().unwrap().parse::<f64>().unwrap() {
                value if value.is_nan() => "NaN".into(),
                value => json!(value),
            };
            let values: Vec<Value> = samples.iter().map(value).collect();
            let name = one["metric"].as_object().unwrap().iter().fold(legend.to_owned(), |name, (label, value)| {
                name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap())
            });
            json!({ "fields": [
                { "name": "Time", "type": "time", "values": times, "config": { "interval": step_ms } },
                { "name": "Value", "type": "number", "values": values, "config": { "displayNameFromDS": name } },
            ] })
        })
        .collect()
}

/// The answers to a board's queries about the time since `since`.
fn answers(board: &Value, server: &prometheus::Server, since: i64, step: i64) -> Shown<'static> {
    let now = jiff::Timestamp::now().as_second();
    let mut data = Map::new();
    for panel in board::panels(board) {
        let mut of_panel = Vec::new();
        for target in panel["targets"].as_array().unwrap() {
            let range = format!("{}s", now - since);
            let expr = target["expr"].as_str().unwrap().replace("$__rate_interval", "8s").replace("$__range", &range);
            let expr = board::filled_in(&expr);
            let [start, end, step_text] = [since, now, step].map(|at| at.to_string());
            let asked = if target["instant"] == true {
                server.ask("query", &[("query", &expr), ("time", &end)])
            } else {
                let span = [("start", start.as_str()), ("end", &end), ("step", &step_text)];
                server.ask("query_range", &[&[("query", expr.as_str())][..], &span].concat())
            };
            of_panel.extend(frames(&asked.unwrap(), target["legendFormat"].as_str().unwrap(), step * 1_000));
        }
        data.insert(panel["id"].to_string(), of_panel.into());
    }
    Shown { board: &Value::Null, data, span: [since * 1_000, now * 1_000] }
}

#[test]
#[ignore = "needs chromium and npm"]
fn the_dashboard_of_a_real_engine_can_be_read() {
    let panels = Panels::ready().unwrap();
    let Some(tools) = prometheus::tools() else { return };
    let root = Root::new();
    let (engine, server) = prometheus::scraped(&root, tools);
    let since = jiff::Timestamp::now().as_second();
    // Two waves with a rest between, so that there is something to see.
    for rate in ["20/s", "60/s"] {
        let pumped = root.ended(&["pump", "--rate", rate, "--for", "20s", "--size", "small", "--wait", "--quiet"]);
        assert_eq!(pumped.code, Some(0), "{}", pumped.stderr);
        let rested = Instant::now() + Duration::from_secs(8);
        while Instant::now() < rested {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let board = board::board();
    let shown = Shown { board: &board, ..answers(&board, &server, since, 1) };
    let mut browser = Browser::start();
    for scheme in SCHEMES {
        let drawn = draw(&mut browser, &panels, &shown, scheme);
        browser.picture(&format!("operations-{scheme}"));
        assert_eq!(drawn.len(), board::panels(&board).len());
        for panel in &drawn {
            assert!(!panel.text.contains("No data"), "{}", panel.title);
            is_legible(panel);
        }
        browser.picture_to(&format!("operations-first-{scheme}"), [WIDTH + 32, 860]);
    }
    drop(browser);
    assert_eq!(engine.drained().code, Some(0));
}

/// Every series that a query can give, as a wave of its own: most of them are zero while all is well.
fn every_series(board: &Value) -> Shown<'_> {
    let step = 15_000;
    let times: Vec<i64> = (0..240).map(|at| 1_790_000_000_000 + at * step).collect();
    let wave = |number: usize| {
        let one = move |at: usize| 0.3 + 0.25 * ((at as f64 / 12.0 + number as f64).sin());
        (0..times.len()).map(one).collect::<Vec<f64>>()
    };
    let mut data = Map::new();
    for panel in board::panels(board) {
        let mut of_panel: Vec<Value> = Vec::new();
        for target in panel["targets"].as_array().unwrap() {
            let legend = target["legendFormat"].as_str().unwrap();
            let metrics = series::metrics_of(target["expr"].as_str().unwrap());
            let label = metrics.iter().find_map(|metric| metric.label);
            let names: Vec<String> = match label.filter(|label| legend.contains(&format!("{{{{{}}}}}", label.name))) {
                Some(label) => {
                    label.values.iter().map(|value| legend.replace(&format!("{{{{{}}}}}", label.name), value)).collect()
                }
                None => vec![legend.replace("{{instance}}", "10.0.12.107:9464").replace("{{version}}", "1.20.3")],
            };
            for name in names {
                let (mut times, mut values) = (times.clone(), wave(of_panel.len()));
                if target["instant"] == true {
                    (times, values) = (times.split_off(239), values.split_off(239));
                }
                of_panel.push(json!({ "fields": [
                    { "name": "Time", "type": "time", "values": times, "config": { "interval": step } },
                    { "name": "Value", "type": "number", "values": values, "config": { "displayNameFromDS": name } },
                ] }));
            }
        }
        data.insert(panel["id"].to_string(), of_panel.into());
    }
    Shown { board, data, span: [times[0], times[239]] }
}

#[test]
#[ignore = "needs chromium and npm"]
fn every_series_there_can_be_leaves_room_and_has_the_colour_of_its_meaning() {
    let panels = Panels::ready().unwrap();
    let board = board::board();
    let mut browser = Browser::start();
    for scheme in SCHEMES {
        let drawn = draw(&mut browser, &panels, &every_series(&board), scheme);
        browser.picture(&format!("operations-all-{scheme}"));
        let colours_of = |names: &[&str]| {
            let of_all = drawn.iter().flat_map(|panel| &panel.legend);
            let of_names = of_all.filter(|(name, _)| names.contains(&name.as_str()));
            of_names.map(|(_, colour)| colour.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        let (well, lost) = (colours_of(&WELL), colours_of(&LOST));
        assert!(!well.is_empty() && !lost.is_empty(), "{scheme}");
        assert!(well.is_disjoint(&lost), "{scheme}: {well:?}, {lost:?}");
        let parts: Vec<&str> = Stage::ALL.map(Stage::as_str).into_iter().chain(Holds::ALL.map(Holds::as_str)).collect();
        let parts = colours_of(&parts);
        assert!(parts.is_disjoint(&well) && parts.is_disjoint(&lost), "{scheme}: {parts:?}, {well:?}, {lost:?}");
        drawn.iter().for_each(is_legible);
    }
}

#[test]
#[ignore = "needs chromium and npm"]
fn the_analytics_of_a_real_warehouse_can_be_read() {
    let panels = Panels::ready().unwrap();
    let root = Root::new();
    let pumped = root.ended(&["pump", "--count", "1500", "--pictures", "150", "--size", "small", "--quiet"]);
    assert_eq!(pumped.code, Some(0), "{}", pumped.stderr);
    root.drop_photo("blank.jpg", &crate::process::photo::blank());
    root.run_until_empty();
    let [first, last] = &root.query("SELECT MIN(local_date), MAX(local_date) FROM scans")[0][..] else {
        unreachable!()
    };
    let (first, last) = (first.as_deref().unwrap(), last.as_deref().unwrap());
    // Rejections go by the day they were processed, which is this one.
    let today = jiff::Timestamp::now().to_string();
    let choice = analytics::Choice { from: first, to: last.max(&today[..10]), product: "", campaign: "", country: "" };
    let warehouse =
        scanmill::warehouse::sqlite::SqliteWarehouse::open_existing(&root.file("warehouse.sqlite")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let board = analytics::board();
    let queries = analytics::queries();
    let mut data = Map::new();
    for panel in board::panels(&board) {
        let query = queries.iter().find(|query| panel["title"] == query.panel.as_str()).unwrap();
        let table = runtime.block_on(analytics::answer(&warehouse, query, &query.sqlite, &choice));
        let rows = table.rows;
        let fields = if query.is_series { wide(&table.columns, &rows) } else { columns(&table.columns, &rows) };
        data.insert(panel["id"].to_string(), json!([{ "fields": fields }]));
    }
    let at = |day: &str| {
        let day: jiff::civil::Date = day.parse().unwrap();
        day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond()
    };
    let shown = Shown { board: &board, data, span: [at(first), at(last) + 86_400_000] };
    let mut browser = Browser::start();
    for scheme in SCHEMES {
        let drawn = draw(&mut browser, &panels, &shown, scheme);
        browser.picture(&format!("analytics-{scheme}"));
        browser.picture_to(&format!("analytics-first-{scheme}"), [WIDTH + 32, 1_000]);
        for panel in &drawn {
            assert!(!panel.text.contains("No data"), "{}", panel.title);
            is_legible(panel);
        }
    }
}

/// A table's columns.
fn columns(names: &[String], rows: &[Vec<Value>]) -> Vec<Value> {
    let column = |at: usize| rows.iter().map(move |row| row[at].clone());
    let field = |(at, name): (usize, &String)| {
        let kind = if column(at).any(|cell| cell.is_string()) { "string" } else { "number" };
        json!({ "name": name, "type": kind, "values": column(at).collect::<Vec<_>>() })
    };
    names.iter().enumerate().map(field).collect()
}

/// Rows of a series by time, each text a label, as both data sources give them.
fn wide(names: &[String], rows: &[Vec<Value>]) -> Vec<Value> {
    let mut times: Vec<i64> = rows.iter().map(|row| row[0].as_i64().unwrap()).collect();
    times.dedup();
    let mut fields = vec![
        json!({ "name": "time", "type": "time", "values": times.iter().map(|at| at * 1_000).collect::<Vec<_>>() }),
    ];
    let is_text = |at: usize| rows.iter().any(|row| row[at].is_string());
    let texts: Vec<usize> = (1..names.len()).filter(|at| is_text(*at)).collect();
    for at in (1..names.len()).filter(|at| !is_text(*at)) {
        let mut of_labels: Vec<(Vec<&Value>, Vec<Value>)> = Vec::new();
        for row in rows {
            let labels: Vec<&Value> = texts.iter().map(|at| &row[*at]).collect();
            let place = of_labels.iter().position(|(known, _)| *known == labels).unwrap_or_else(|| {
                of_labels.push((labels, vec![Value::Null; times.len()]));
                of_labels.len() - 1
            });
            let when = times.binary_search(&row[0].as_i64().unwrap()).unwrap();
            of_labels[place].1[when] = row[at].clone();
        }
        fields.extend(of_labels.into_iter().map(|(labels, values)| {
            let labels: Map<String, Value> =
                texts.iter().zip(labels).map(|(at, label)| (names[*at].clone(), label.clone())).collect();
            json!({ "name": names[at], "type": "number", "labels": labels, "values": values })
        }));
    }
    fields
}

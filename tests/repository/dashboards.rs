//! `dashboards/`: every query and every alert against the metrics there are, and against a real Prometheus that
//! scraped a real engine at work; every statement against a warehouse that it filled (`warehouse_redshift.rs` asks the
//! other one). `drawn` shows them to a browser.

mod analytics;
mod board;
mod drawn;
mod prometheus;
mod rules;
mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::process::Root;
use scanmill::telemetry::{Stage, names};
use serde_json::Value;

/// Panels of Grafana 10 and 11 themselves, no plugins.
const CORE_PANELS: [&str; 4] = ["row", "stat", "timeseries", "bargauge"];

/// What holds for every dashboard, whatever it asks.
fn is_whole(board: &Value, kinds: &[&str], open: &[&str]) {
    assert!(board["id"].is_null(), "an id of one Grafana would overwrite a dashboard of another");
    assert_eq!(board["schemaVersion"], 39);
    for text in ["uid", "title", "refresh"] {
        assert!(board[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    let rows = board::rows(board);
    // What is looked at first is open, the rest is one click away.
    let seen: Vec<&Value> =
        rows.iter().filter(|(row, _)| row["collapsed"] == false).map(|(row, _)| &row["title"]).collect();
    assert_eq!(seen, open);
    let all: Vec<&Value> = rows.iter().flat_map(|(row, panels)| std::iter::once(*row).chain(panels.clone())).collect();
    let ids: BTreeSet<u64> = all.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), all.len(), "an id stands twice");
    for (row, panels) in &rows {
        let mut taken = BTreeSet::new();
        for panel in std::iter::once(row).chain(panels) {
            let title = panel["title"].as_str().filter(|title| !title.is_empty()).unwrap();
            assert!(kinds.contains(&panel["type"].as_str().unwrap()), "{title}");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(w > 0 && h > 0 && x + w <= 24, "{title}");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{title} lies on another panel");
            }
        }
    }
    for panel in board::panels(board) {
        let title = panel["title"].as_str().unwrap();
        // How to read it, and what to do.
        let description = panel["description"].as_str().unwrap_or_default();
        assert!(description.len() > 60 && description.ends_with('.'), "{title}: {description}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| !unit.is_empty()), "{title}");
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
        assert!(steps[0]["value"].is_null() && steps[1..].iter().all(|step| step["value"].is_number()), "{title}");
        let targets = panel["targets"].as_array().unwrap();
        let refs: BTreeSet<&str> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert!(!targets.is_empty() && refs.len() == targets.len(), "{title}");
    }
}

#[test]
fn the_analytics_dashboard_is_whole() {
    let board = analytics::board();
    let kinds = [&CORE_PANELS[..], &["table", "geomap"]].concat();
    is_whole(&board, &kinds, &["Overview", "Places", "Products", "Hours and weekdays"]);
    let variables = board::variables(&board);
    assert_eq!(
        variables.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["warehouse", "product", "campaign", "country"]
    );
    // The sources it can be switched between are those that are provisioned, whose uids it names.
    let sources =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/provisioning/datasources.yml"))
            .unwrap();
    let uids: BTreeSet<&str> =
        sources.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).strip_prefix("uid: ")).collect();
    let choices = variables[0].1["options"].as_array().unwrap();
    assert_eq!(choices.iter().map(|choice| choice["value"].as_str().unwrap()).collect::<BTreeSet<_>>(), uids);
    for panel in board::panels(&board) {
        let chosen = serde_json::json!({ "uid": "${warehouse}" });
        assert_eq!(panel["datasource"], chosen);
        assert!(panel["targets"].as_array().unwrap().iter().all(|target| target["datasource"] == chosen));
    }
}

/// Grafana and Superset run as users of their own: what keeps them out of the file, and how each opens it.
#[test]
fn both_pages_say_how_another_user_reads_the_warehouse() {
    let read = |path| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let unit = read("config/aws/scanmill.service");
    assert!(read("config/local.toml").contains("#umask = \"077\""));
    for page in ["config/bi/README.md", "dashboards/provisioning/datasources.yml"] {
        let text = read(page).replace("\n  # ", " ");
        for closed in ["UMask=0077", "StateDirectoryMode=0700"] {
            assert!(unit.lines().any(|line| line == closed) && text.contains(closed), "{page}: {closed}");
        }
        for word in
            ["local.umask = \"027\"", "StateDirectoryMode=0750", "usermod -aG scanmill", "mode=ro", "immutable=1"]
        {
            assert!(text.contains(word), "{page}: {word}");
        }
    }
}

/// Every panel draws what an engine has brought into its warehouse, and nobody's choice is read as SQL.
#[test]
fn every_panel_has_rows_of_a_real_engines_warehouse() {
    let root = Root::new();
    let pumped = root.ended(&["pump", "--count", "400", "--pictures", "40", "--size", "small", "--quiet"]);
    assert_eq!(pumped.code, Some(0), "{}", pumped.stderr);
    root.drop_photo("blank.jpg", &crate::process::photo::blank());
    root.run_until_empty();
    let span = "SELECT MIN(day), MAX(day) FROM
                (SELECT local_date AS day FROM scans UNION ALL SELECT date(processed_at) FROM rejections) AS days";
    let [from, to] = &root.query(span)[0][..] else { unreachable!() };
    let all = analytics::Choice {
        from: from.as_deref().unwrap(),
        to: to.as_deref().unwrap(),
        product: "",
        campaign: "",
        country: "",
    };
    let nobody = analytics::Choice { product: "it's \"x\"' OR 1 = 1 --", ..all };
    let warehouse =
        scanmill::warehouse::sqlite::SqliteWarehouse::open_existing(&root.file("warehouse.sqlite")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |query: &analytics::Query, choice| {
        runtime.block_on(analytics::answer(&warehouse, query, &query.sqlite, choice))
    };
    for query in analytics::queries() {
        let table = ask(&query, &all);
        assert!(!table.rows.is_empty(), "{}: no rows", query.panel);
        let is_told = |row: &Vec<Value>| row.iter().any(|cell| !cell.is_null());
        assert!(table.rows.iter().all(is_told), "{}: {:?}", query.panel, table.rows);
        if query.sqlite.contains("${product") {
            let table = ask(&query, &nobody);
            let count = |row: &Vec<Value>| row.iter().any(|cell| cell.as_i64().is_some_and(|count| count > 0));
            assert!(!table.rows.iter().any(count), "{}: {:?}", query.panel, table.rows);
        }
    }
}

#[test]
fn the_dashboard_is_whole() {
    let board = board::board();
    is_whole(&board, &CORE_PANELS, &["Overview", "Flow"]);
    let variables = board::variables(&board);
    assert_eq!(variables.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["datasource", "job", "instance"]);
    assert_eq!((&variables[0].1["type"], &variables[0].1["query"]), (&"datasource".into(), &"prometheus".into()));
    for board::Target { panel, expr, legend, .. } in board::targets(&board) {
        assert!(!expr.is_empty() && !legend.is_empty(), "{panel}");
        assert!(expr.contains("job=~\"$job\", instance=~\"$instance\""), "{panel} shows what was not chosen: {expr}");
    }
}

#[test]
fn the_dashboard_names_no_data_source_but_the_chosen_one() {
    fn check(value: &Value, count: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(source) = fields.get("datasource") {
                    assert_eq!(*source, serde_json::json!({ "type": "prometheus", "uid": "${datasource}" }));
                    *count += 1;
                }
                fields.values().for_each(|field| check(field, count));
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, count)),
            _ => {}
        }
    }
    let board = board::board();
    let mut count = 0;
    check(&board, &mut count);
    // Each panel, each query, each mark, and the two variables that are queries.
    let marks = board::annotations(&board).len();
    assert_eq!(count, board::panels(&board).len() + board::targets(&board).len() + marks + 2);
}

#[test]
fn every_metric_stands_on_a_panel_and_nothing_else_does() {
    let targets = board::targets(&board::board());
    let shown: BTreeSet<&str> =
        targets.iter().flat_map(|target| series::metrics_of(&target.expr)).map(|metric| metric.name).collect();
    let exported: BTreeSet<&str> = names::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, exported);
    for board::Target { panel, expr, legend, .. } in targets {
        // A dashboard can be had without the rules, so it reads nothing that they record.
        assert_eq!(series::mistakes(&expr, &[]), Vec::<String>::new(), "{panel}");
        // A legend shows a label only if the query keeps it.
        for label in legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
            let is_kept = expr.contains(&format!("by ({label})")) || expr.contains(&format!(", {label})"));
            let is_own = label == "instance" && !expr.contains("sum") && !expr.contains("max");
            assert!(is_kept || is_own, "{panel}: {{{{{label}}}}} of {expr}");
        }
    }
}

/// A colour says the same on every panel: what is well is green, what is lost or failed is red, and a stage keeps its own.
#[test]
fn colours_have_one_meaning() {
    let board = board::board();
    let mut colours: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for panel in board::panels(&board) {
        for rule in panel["fieldConfig"]["overrides"].as_array().into_iter().flatten() {
            let colour = rule["properties"].as_array().unwrap().iter().find(|property| property["id"] == "color");
            if let Some(colour) = colour {
                let name = rule["matcher"]["options"].as_str().unwrap().to_owned();
                colours.entry(name).or_default().insert(colour["value"]["fixedColor"].as_str().unwrap().to_owned());
            }
        }
    }
    for (name, is_well) in [("ok", true), ("closed", true), ("scanned", true), ("failed", false), ("dead", false)] {
        assert_eq!(colours[name], BTreeSet::from([if is_well { "green" } else { "red" }.to_owned()]), "{name}");
    }
    for stage in Stage::ALL.map(Stage::as_str) {
        assert_eq!(colours[stage].len(), 1, "{stage}");
    }
}

#[test]
fn what_marks_moments_names_metrics_that_exist() {
    for expr in board::annotations(&board::board()) {
        assert_eq!(series::mistakes(expr, &[]), Vec::<String>::new(), "{expr}");
    }
}

#[test]
fn alerts_name_what_exists_and_say_what_to_do() {
    let recorded = rules::recorded();
    let expressions = rules::expressions();
    let alerts = rules::alerts();
    assert!(!recorded.is_empty() && !alerts.is_empty());
    assert_eq!(expressions.len(), recorded.len() + alerts.len());
    for expr in &expressions {
        assert_eq!(series::mistakes(expr, &recorded), Vec::<String>::new(), "{expr}");
    }
    // Former names of metrics are recorded for the dashboards that users made.
    let (former, ours): (Vec<&str>, Vec<&str>) =
        recorded.iter().copied().partition(|record| record.starts_with("scanmill_"));
    for name in former {
        assert!(names::ALL.iter().all(|metric| metric.name != name), "{name} is a metric of today");
    }
    for record in ours {
        assert!(expressions.iter().any(|expr| expr.contains(record)), "{record} is recorded for nobody");
    }
    for alert in &alerts {
        let severity = alert.value("severity").unwrap_or_default();
        assert!(["critical", "warning", "info"].contains(&severity), "{alert:?}");
        for key in ["summary", "description", "runbook"] {
            assert!(alert.value(key).is_some_and(|text| text.len() > 20), "{key} of {alert:?}");
        }
    }
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name).collect();
    assert_eq!(names.len(), alerts.len(), "a name stands twice");
    let cases = rules::cases();
    for must_fire in [true, false] {
        let tested: BTreeSet<&str> = cases.iter().filter(|(_, fires)| *fires == must_fire).map(|case| case.0).collect();
        assert_eq!(tested, names, "cases where it must fire: {must_fire}");
    }
}

/// Whoever is woken finds what to do, and nothing is written for an alert that is gone.
#[test]
fn every_alert_links_to_its_runbook() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let book = std::fs::read_to_string(root.join("docs/runbooks.md")).unwrap();
    let sections: BTreeSet<&str> = book.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts = rules::alerts();
    for alert in &alerts {
        let anchor = format!("docs/runbooks.md#{}", alert.name.to_lowercase());
        assert_eq!(alert.value("runbook_url"), Some(anchor.as_str()), "{}", alert.name);
    }
    assert_eq!(sections, alerts.iter().map(|alert| alert.name).collect());
    // The alarms of the stacks name sections of it too.
    for file in ["engine.yaml", "terraform/alarms.tf"] {
        let text = std::fs::read_to_string(root.join("config/aws").join(file)).unwrap();
        let named = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| {
            word.strip_prefix("Scanmill").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        });
        let named: Vec<&str> = named.collect();
        assert!(!named.is_empty() && named.iter().all(|name| sections.contains(name)), "{file}: {named:?}");
    }
}

#[test]
fn promtool_accepts_the_rules_and_their_tests() {
    let Some(tools) = prometheus::tools() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    // Side by side: each keeps one core busy.
    std::thread::scope(|scope| {
        for (kind, file) in [("check", "alerts.yml"), ("test", "alerts.test.yml"), ("test", "alerts.days.test.yml")] {
            let mut promtool = Command::new(&tools.promtool);
            promtool.args([kind, "rules", file]).current_dir(&folder);
            scope.spawn(move || {
                let output = promtool.output().unwrap();
                let said =
                    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                assert!(output.status.success(), "promtool {kind} rules {file}:\n{said}");
            });
        }
    });
}

/// Alerts that look at how long something takes: on a machine with other work they may be on the way to firing.
const ABOUT_TIME: [&str; 6] = [
    "ScanmillUploadToDurableSlow",
    "ScanmillMessagesOld",
    "ScanmillDurableBudgetBurnsFast",
    "ScanmillDurableBudgetBurnsSlowly",
    "ScanmillRowsBudgetBurnsFast",
    "ScanmillRowsBudgetBurnsSlowly",
];

#[test]
fn every_panel_has_data_of_a_real_engine_and_no_alert_is_on_the_way() {
    let Some(tools) = prometheus::tools() else { return };
    let root = Root::new();
    let (engine, server) = prometheus::scraped(&root, tools);
    let first = |expr: &str| server.values(expr, true).unwrap().first().copied();
    let pumped = root.ended(&["pump", "--count", "300", "--pictures", "1", "--size", "small", "--wait", "--quiet"]);
    assert_eq!(pumped.code, Some(0), "{}", pumped.stderr);
    let loaded_at = jiff::Timestamp::now().as_second() as f64 + 1.0;
    server.wait_until("it is scraped again", || first("timestamp(scanmill_ready)").is_some_and(|at| at > loaded_at));
    assert!(first("sum(scanmill_photos_total)").is_some_and(|photos| photos >= 300.0));

    let board = board::board();
    for board::Target { panel, expr, is_instant, .. } in board::targets(&board) {
        let expr = board::filled_in(&expr);
        let values = server.values(&expr, is_instant).unwrap_or_else(|error| panic!("{panel}: {expr}\n{error}"));
        assert!(values.iter().any(|value| !value.is_nan()), "{panel} shows nothing: {expr}");
    }
    for (name, variable) in &board::variables(&board)[1..] {
        let query = variable["query"]["query"].as_str().unwrap().replace("$job", ".*");
        let (selector, label) = query.strip_prefix("label_values(").unwrap().rsplit_once(", ").unwrap();
        assert_eq!(label.trim_end_matches(')'), *name);
        let values = server.ask(&format!("label/{name}/values"), &[("match[]", selector)]).unwrap();
        assert_eq!(values.as_array().map(Vec::len), Some(1), "{name}: {values}");
    }

    server.wait_until("every rule was evaluated", || server.rules().iter().all(|(_, health, _)| health != "unknown"));
    for (name, health, _) in server.rules() {
        assert_eq!(health, "ok", "{name}");
    }
    let is_calm = |(name, _, state): &(String, String, String)| {
        state.is_empty() || state == "inactive" || (state == "pending" && ABOUT_TIME.contains(&name.as_str()))
    };
    server.wait_until("no alert is on the way", || server.rules().iter().all(is_calm));
    engine.drained();
    // And the other way round: what is wrong is seen.
    server.wait_until("the engine is missed", || {
        server.rules().iter().any(|(name, _, state)| name == "ScanmillDown" && state == "pending")
    });
}

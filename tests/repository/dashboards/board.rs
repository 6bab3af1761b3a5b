//! `dashboards/operations.json` as the tests see it, and what all dashboards have.
#![allow(dead_code, reason = "each test binary uses its own part")]

use serde_json::Value;

const BOARD: &str = include_str!("../../../dashboards/operations.json");

/// One query of a panel.
pub struct Target {
    /// The panel's title.
    pub panel: String,
    pub expr: String,
    pub legend: String,
    /// Asked for one moment, not over a span.
    pub is_instant: bool,
}

pub fn board() -> Value {
    serde_json::from_str(BOARD).unwrap()
}

/// The rows, each with its panels: those that follow it while it is open, those within it while it is collapsed.
pub fn rows(board: &Value) -> Vec<(&Value, Vec<&Value>)> {
    let mut rows: Vec<(&Value, Vec<&Value>)> = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        if panel["type"] == "row" {
            rows.push((panel, panel["panels"].as_array().unwrap().iter().collect()));
        } else {
            rows.last_mut().expect("a panel stands in a row").1.push(panel);
        }
    }
    rows
}

/// All panels but the rows.
pub fn panels(board: &Value) -> Vec<&Value> {
    rows(board).into_iter().flat_map(|(_, panels)| panels).collect()
}

/// The queries that mark moments on all panels.
pub fn annotations(board: &Value) -> Vec<&str> {
    board["annotations"]["list"].as_array().unwrap().iter().map(|mark| mark["expr"].as_str().unwrap()).collect()
}

pub fn targets(board: &Value) -> Vec<Target> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut targets = Vec::new();
    for panel in panels(board) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            targets.push(Target {
                panel: text(&panel["title"]),
                expr: text(&target["expr"]),
                legend: text(&target["legendFormat"]),
                is_instant: target["instant"] == true,
            });
        }
    }
    targets
}

/// The template variables, by name.
pub fn variables(board: &Value) -> Vec<(&str, &Value)> {
    let list = board["templating"]["list"].as_array().unwrap();
    list.iter().map(|variable| (variable["name"].as_str().unwrap(), variable)).collect()
}

/// The expression as Grafana sends it with every choice on `All` and a scrape each second.
pub fn filled_in(expr: &str) -> String {
    let filled = expr
        .replace("$__rate_interval", "30s")
        .replace("$__range", "5m")
        .replace("$__interval", "15s")
        .replace("$job", ".*")
        .replace("$instance", ".*");
    assert!(!filled.contains('$'), "a variable that nobody fills in: {filled}");
    filled
}

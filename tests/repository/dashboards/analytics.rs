//! `dashboards/analytics.json` as the tests see it: what each panel asks of either warehouse, and what it draws of the
//! answer.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeSet;

use scanmill::warehouse::{Table, Value, Warehouse};

const BOARD: &str = include_str!("../../../dashboards/analytics.json");

/// One query of a panel, in the words of both warehouses.
pub struct Query {
    pub panel: String,
    pub sqlite: String,
    pub redshift: String,
    /// Whether the answer is a series over time.
    pub is_series: bool,
    /// Columns that the panel draws or gives a look of its own.
    pub drawn: BTreeSet<String>,
}

/// What whoever looks has chosen.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub product: &'a str,
    pub campaign: &'a str,
    pub country: &'a str,
}

pub fn board() -> serde_json::Value {
    serde_json::from_str(BOARD).unwrap()
}

/// All queries of all panels.
pub fn queries() -> Vec<Query> {
    let board = board();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut queries = Vec::new();
    for panel in super::board::panels(&board) {
        let mut drawn: BTreeSet<String> = BTreeSet::new();
        for rule in panel["fieldConfig"]["overrides"].as_array().unwrap() {
            assert_eq!(rule["matcher"]["id"], "byName", "{}", panel["title"]);
            drawn.insert(text(&rule["matcher"]["options"]));
        }
        drawn.extend(panel["options"]["xField"].as_str().map(str::to_owned));
        for layer in panel["options"]["layers"].as_array().into_iter().flatten() {
            let (place, style) = (&layer["location"], &layer["config"]["style"]);
            let fields = [&place["latitude"], &place["longitude"], &style["size"]["field"], &style["color"]["field"]];
            drawn.extend(fields.map(text));
        }
        if panel["fieldConfig"]["defaults"]["displayName"] == "${__field.labels.metric}" {
            drawn.insert("metric".into());
        }
        for target in panel["targets"].as_array().unwrap() {
            let is_series = target["queryType"] == "time series";
            assert_eq!(target["format"], i32::from(!is_series), "{}: the two warehouses differ", panel["title"]);
            assert_eq!(target["queryText"], target["rawQueryText"], "{}", panel["title"]);
            queries.push(Query {
                panel: text(&panel["title"]),
                sqlite: text(&target["rawQueryText"]),
                redshift: text(&target["rawSQL"]),
                is_series,
                drawn: drawn.clone(),
            });
        }
    }
    queries
}

/// The statement as Grafana sends it.
pub fn filled_in(sql: &str, choice: &Choice) -> String {
    let quoted = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let filled = sql
        .replace("${__from:date:YYYY-MM-DD}", choice.from)
        .replace("${__to:date:YYYY-MM-DD}", choice.to)
        .replace("${product:sqlstring}", &quoted(choice.product))
        .replace("${campaign:sqlstring}", &quoted(choice.campaign))
        .replace("${country:sqlstring}", &quoted(choice.country));
    assert!(!filled.contains("${") && !filled.contains("$__"), "a variable that nobody fills in: {filled}");
    filled
}

/// The answer to a query, once it has what the panel draws.
pub async fn answer(warehouse: &dyn Warehouse, query: &Query, sql: &str, choice: &Choice<'_>) -> Table {
    let sql = filled_in(sql, choice);
    let table = warehouse.query(&sql, &[]).await.unwrap_or_else(|error| panic!("{}: {error}\n{sql}", query.panel));
    let columns: BTreeSet<&str> = table.columns.iter().map(String::as_str).collect();
    assert_eq!(columns.len(), table.columns.len(), "{}: a name stands twice", query.panel);
    for drawn in &query.drawn {
        assert!(columns.contains(drawn.as_str()), "{}: no column {drawn} in {columns:?}", query.panel);
    }
    if query.is_series {
        assert_eq!(table.columns[0], "time", "{}", query.panel);
        assert!(table.rows.iter().all(|row| !row[0].is_null()), "{}", query.panel);
        assert!(table.rows.is_sorted_by_key(|row| row[0].to_string()), "{}: Grafana wants order", query.panel);
    }
    table
}

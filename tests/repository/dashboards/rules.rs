//! `dashboards/alerts.yml` and its tests, read by lines: both are ours, and `promtool` holds that they are YAML.

pub const RULES: &str = include_str!("../../../dashboards/alerts.yml");
pub const CASES: &str = concat!(
    include_str!("../../../dashboards/alerts.test.yml"),
    include_str!("../../../dashboards/alerts.days.test.yml")
);

/// One alerting rule.
#[derive(Debug)]
pub struct Alert<'a> {
    pub name: &'a str,
    /// The lines of the rule.
    pub text: &'a str,
}

impl<'a> Alert<'a> {
    /// The rest of the line that begins with `key:`.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        let line = self.text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().trim_matches('"')).filter(|value| !value.is_empty())
    }
}

/// The names that stand behind `key`.
fn named<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(key)).map(str::trim).collect()
}

pub fn alerts() -> Vec<Alert<'static>> {
    let blocks = RULES.split("\n      - ").filter_map(|rule| rule.strip_prefix("alert: "));
    blocks.map(|text| Alert { name: text.lines().next().unwrap_or_default(), text }).collect()
}

/// The series that the recording rules make.
pub fn recorded() -> Vec<&'static str> {
    named(RULES, "- record: ")
}

/// Every expression, of one line or several.
pub fn expressions() -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = RULES.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("        expr: ") else { continue };
        let mut expr = if first == "|" { String::new() } else { first.to_owned() };
        while let Some(more) = lines.next_if(|line| line.starts_with("          ")) {
            expr.push_str(more);
        }
        found.push(expr);
    }
    found
}

/// Of each case: the alert, and whether it must fire.
pub fn cases() -> Vec<(&'static str, bool)> {
    let alerts = named(CASES, "alertname: ");
    let expected = named(CASES, "exp_alerts:");
    assert_eq!(alerts.len(), expected.len());
    alerts.into_iter().zip(expected.into_iter().map(|alerts| alerts != "[]")).collect()
}

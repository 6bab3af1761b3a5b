//! Log lines as `key=value` (logfmt), in the order and with the names that Prometheus and Go's libraries use.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events of the log.
pub(super) struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let mut line = begin(metadata.level().as_str(), &fields.message);
        pair(&mut line, "target", metadata.target());
        line.push_str(&fields.others);
        writeln!(writer, "{line}")
    }
}

/// One line, line end included.
pub(super) fn line(level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut line = begin(level, message);
    fields.iter().for_each(|(name, value)| pair(&mut line, name, value));
    line.push('\n');
    line
}

fn begin(level: &str, message: &str) -> String {
    let mut line = format!("ts={} level={}", jiff::Timestamp::now(), level.to_ascii_lowercase());
    pair(&mut line, "msg", message);
    line
}

#[derive(Default)]
struct EventFields {
    message: String,
    others: String,
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => pair(&mut self.others, name, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Appends ` name=value`, quoted where a reader could take it for more than one value.
fn pair(line: &mut String, name: &str, value: &str) {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '=' | '\\' | '\u{fffd}');
    let names = name.chars().map(|c| if is_plain(c) { c } else { '_' });
    line.push(' ');
    line.extend(names);
    line.push('=');
    if !value.is_empty() && value.chars().all(is_plain) {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            // A photo's key may hold what moves a terminal's cursor; some readers end a line at these, too. All of
            // them have four hexadecimal digits.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        for (value, shown) in [
            ("plain", " k=plain"),
            ("a/b:c,d", " k=a/b:c,d"),
            ("Köln", " k=Köln"),
            ("", " k=\"\""),
            ("two words", " k=\"two words\""),
            ("a=b", " k=\"a=b\""),
            ("say \"x\"\\", " k=\"say \\\"x\\\"\\\\\""),
            ("a\nb\r\t\u{1b}[2J\u{85}\u{2028}", " k=\"a\\nb\\r\\t\\u001b[2J\\u0085\\u2028\""),
        ] {
            let mut line = String::new();
            pair(&mut line, "k", value);
            assert_eq!(line, shown, "{value:?}");
        }
        let mut line = String::new();
        pair(&mut line, "a key=", "x");
        assert_eq!(line, " a_key_=x");
    }
}

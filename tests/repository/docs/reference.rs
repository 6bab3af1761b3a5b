//! The reference pages: their head is written by hand, what stands behind the marker is made here.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};
use scanmill::config::keys::{SECTIONS, Section};
use scanmill::domain::columns::{COLUMNS, ColumnTables, ColumnType};
use scanmill::domain::{Cause, Reason};
use scanmill::telemetry::names::{self, MetricKind};

use super::pages::repository;

const MARKER: &str = "<!-- From here on made from the code: BLESS=1 cargo test --test repository docs -->\n";

/// Compares a page with what the code says, or writes it.
fn holds(name: &str, made: &str) {
    let path = repository().join("docs/reference").join(name);
    let page = std::fs::read_to_string(&path).expect("a reference page");
    let (head, old) = page.split_once(MARKER).unwrap_or_else(|| panic!("{name} lacks its marker {MARKER:?}"));
    let made = format!("\n{}\n", made.trim());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{head}{MARKER}{made}")).expect("a page that may be written");
        return;
    }
    if old != made {
        let (line, (has, should)) = old
            .lines()
            .zip(made.lines())
            .enumerate()
            .find(|(_, (old, made))| old != made)
            .unwrap_or((old.lines().count().min(made.lines().count()), ("(another length)", "")));
        panic!(
            "docs/reference/{name} is not what the code says; write it with BLESS=1 cargo test --test repository docs\n\
             line {} behind the marker has    {has}\nand should have {should}",
            line + 1
        );
    }
}

/// A table's cell: one line, without what ends a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn columns_are_those_of_the_code() {
    let mut page = String::from("| column | type | table | always set | meaning |\n|---|---|---|---|---|\n");
    for column in COLUMNS {
        let kind = match column.kind {
            ColumnType::Text(bytes) => format!("text, {bytes} bytes at most"),
            ColumnType::Integer => "integer".to_owned(),
            ColumnType::Real => "real".to_owned(),
            ColumnType::Timestamp => "timestamp".to_owned(),
            ColumnType::LocalTimestamp => "timestamp without zone".to_owned(),
            ColumnType::Date => "date".to_owned(),
        };
        let table = match column.table {
            ColumnTables::Both => "both",
            ColumnTables::Scans => "scans",
            ColumnTables::Rejections => "rejections",
        };
        let always = if column.required { "yes" } else { "" };
        let _ = writeln!(page, "| `{}` | {kind} | {table} | {always} | {} |", column.name, cell(column.doc));
    }
    holds("columns.md", &page);
}

#[test]
fn metrics_are_those_of_the_code() {
    let mut page = String::from("| metric | kind | unit | label and its values | meaning |\n|---|---|---|---|---|\n");
    for metric in names::ALL {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let label =
            metric.label.map_or(String::new(), |label| format!("`{}`: {}", label.name, label.values.join(", ")));
        let _ = writeln!(
            page,
            "| `{}` | {kind} | {} | {} | {} |",
            metric.name,
            metric.unit,
            cell(&label),
            cell(metric.help)
        );
    }
    holds("metrics.md", &page);
}

#[test]
fn reasons_are_those_of_the_code() {
    let mut page = String::from("| reason | stage | cause | meaning |\n|---|---|---|---|\n");
    for reason in Reason::ALL {
        let cause = match reason.cause() {
            Cause::Bytes => "bytes",
            Cause::Moment => "moment",
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {cause} | {} |",
            reason.as_str(),
            reason.stage().as_str(),
            cell(reason.meaning())
        );
    }
    holds("reasons.md", &page);
}

#[test]
fn configuration_is_that_of_the_code() {
    let mut page = String::new();
    for Section { name: section, about, keys } in SECTIONS {
        let _ = writeln!(page, "\n## {section}\n\n{about}\n\n| key | default | unit | meaning |\n|---|---|---|---|");
        for key in *keys {
            let range = key.range().map(|range| format!(", {range}")).unwrap_or_default();
            let unit = cell(&format!("{}{range}", key.unit));
            let _ =
                writeln!(page, "| `{section}.{}` | `{}` | {unit} | {} |", key.name, key.default_toml(), cell(key.doc));
        }
    }
    holds("configuration.md", &page);
}

#[test]
fn commands_are_those_of_the_code() {
    let mut root = scanmill::cli::Cli::command();
    root.build();
    let mut page = String::from("| command | what it does |\n|---|---|\n");
    for command in root.get_subcommands() {
        overview(command, "scanmill", &mut page);
    }
    page.push_str("\n## Flags of every command\n\n");
    flags(root.get_arguments().filter(|arg| arg.is_global_set() && !arg.is_hide_set()), &mut page);
    for command in root.get_subcommands() {
        section(command, "scanmill", &mut page);
    }
    holds("commands.md", &page);
}

/// A line for a command, and for each below it.
fn overview(command: &Command, parent: &str, page: &mut String) {
    if command.get_name() == "help" || command.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, "| [`{name}`](#{}) | {} |", name.replace(' ', "-"), cell(&about));
    for below in command.get_subcommands() {
        overview(below, &name, page);
    }
}

/// One command, and those below it.
fn section(command: &Command, parent: &str, page: &mut String) {
    if command.get_name() == "help" || command.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(page, "\n## {name}\n\n{about}\n");
    flags(command.get_arguments().filter(|arg| !arg.is_global_set() && !arg.is_hide_set()), page);
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        let _ = writeln!(page, "\n```text\n{examples}\n```");
    }
    for below in command.get_subcommands() {
        section(below, &name, page);
    }
}

fn flags<'a>(args: impl Iterator<Item = &'a Arg>, page: &mut String) {
    let args: Vec<&Arg> = args.filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")).collect();
    if args.is_empty() {
        return;
    }
    page.push_str("| argument | meaning |\n|---|---|\n");
    for arg in args {
        let values: Vec<String> =
            arg.get_value_names().unwrap_or_default().iter().map(|name| name.to_string()).collect();
        let takes = arg.get_action().takes_values();
        let argument = match arg.get_long() {
            Some(long) if takes => format!("--{long} {}", values.join(" ")),
            Some(long) => format!("--{long}"),
            None => values.join(" "),
        };
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let default =
            if takes && !defaults.is_empty() { format!(" (default: {})", defaults.join(", ")) } else { String::new() };
        let _ = writeln!(page, "| `{}` | {}{default} |", cell(argument.trim()), cell(&help.replace("\n\n", " ")));
    }
}

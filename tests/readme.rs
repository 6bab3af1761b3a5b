//! The README shows what there is: every column, metric, reason, command and exit code.

use clap::CommandFactory;
use scanmill::domain::Reason;
use scanmill::domain::columns::COLUMNS;
use scanmill::telemetry::names;

#[test]
fn names_everything_that_exists() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut missing = Vec::new();
    for column in COLUMNS {
        if !readme.contains(&format!("| `{}` |", column.name)) || !readme.contains(column.doc) {
            missing.push(column.name);
        }
    }
    for metric in names::ALL {
        if !readme.contains(&format!("| `{}` |", metric.name)) || !readme.contains(metric.help) {
            missing.push(metric.name);
        }
    }
    missing.extend(Reason::ALL.iter().map(|reason| reason.as_str()).filter(|reason| !readme.contains(reason)));
    let cli = scanmill::cli::Cli::command();
    missing.extend(
        cli.get_subcommands().map(|command| command.get_name()).filter(|name| !readme.contains(&format!("`{name}"))),
    );
    assert!(missing.is_empty(), "not in the README, or with another text: {missing:?}");
}

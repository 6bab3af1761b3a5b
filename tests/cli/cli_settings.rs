//! The one entry to the settings: flags in the right order, one error with every mistake, and the usage exit code.

use scanmill::cli::exit::settle;
use scanmill::cli::settings::{MetricsArgs, load, load_with};
use scanmill::cli::{Exit, GlobalArgs};

fn global(set: &[&str]) -> GlobalArgs {
    GlobalArgs { set: set.iter().map(|pair| (*pair).to_owned()).collect(), ..GlobalArgs::default() }
}

#[test]
fn flags_reach_the_settings() {
    let global =
        GlobalArgs { root: Some("here".into()), quiet: true, ..global(&["batch.max_rows=7", "local.root=there"]) };
    let metrics = MetricsArgs { metrics: Some("off".into()) };
    let settings = load_with(&global, &metrics).expect("settings that hold");
    assert_eq!(settings.batch.max_rows, 7);
    assert_eq!(settings.local.root, std::path::Path::new("here"));
    assert_eq!(settings.metrics.listen, None);
    assert_eq!(settings.log.filter, "warn");
}

#[test]
fn an_explicit_log_filter_beats_quiet_and_verbose() {
    let loud = GlobalArgs { verbose: 1, ..global(&[]) };
    assert_eq!(load(&loud).expect("settings").log.filter, "info,scanmill=debug");
    let chosen = GlobalArgs { verbose: 2, ..global(&["log.filter=error"]) };
    assert_eq!(load(&chosen).expect("settings").log.filter, "error");
}

#[test]
fn mistakes_come_as_one_error_that_exits_with_2() {
    let error = load(&global(&["batch.max_rows=0", "nothing=1"])).expect_err("two mistakes");
    let report = error.report();
    assert!(report.starts_with("configuration: 2 mistakes\n"), "{report}");
    assert_eq!(report.matches("hint: ").count(), 2, "{report}");
    assert_eq!(settle(Err(error)), Exit::Usage);
    assert_eq!(settle(Err(load(&global(&["no pair"])).expect_err("no pair"))), Exit::Usage);
}

//! The real decisions against modelled machines in simulated time: each file in `scenarios/` says what the machine, the
//! store and the load are, and which figures must come out. `cargo bench -p scanmill-scale` draws them.

mod model;

#[test]
fn every_scenario_ends_within_its_ranges() {
    let mut failed = Vec::new();
    for outcome in model::run_all() {
        eprintln!("{}", outcome.words());
        if !outcome.is_as_expected() {
            let limits = outcome.seconds.iter().map(|it| format!("{}@{}", it.photos, it.limit));
            failed.push(format!("{}\n  {}", outcome.words(), limits.collect::<Vec<_>>().join(" ")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

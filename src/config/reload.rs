//! What a working engine takes over from settings that changed, and what has to wait for its next start.

use super::keys::Key;
use super::raw::{self, Given};
use super::{LoadedConfig, Problems, Settings, Sources, checked, keys, merge};

/// Settings read again beside a working engine.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// What holds from now on: each changed key that can be taken over, and all others as they were.
    pub loaded: LoadedConfig,
    /// The changed keys that were taken over.
    pub taken: Vec<String>,
    /// The changed keys that need a restart.
    pub waiting: Vec<String>,
}

/// Reads all sources again, for an engine that works with what `running` made.
///
/// # Errors
/// Every mistake of the sources; and of those keys that can be taken over together with the others as they run: a limit
/// may fit only one that needs a restart.
pub fn reload(running: &[Given], sources: &Sources<'_>) -> Result<Reloaded, Problems> {
    let (read, problems) = raw::collect(sources);
    let read = checked(read, problems)?.given;
    let changed = keys::all().filter(|key| value(key, running) != value(key, &read));
    let (taken, waiting): (Vec<_>, Vec<_>) = changed.partition(|key| key.is_live);
    let of = |given: &[Given], live| given.iter().filter(|one| one.key.is_live == live).cloned().collect();
    let mut together: Vec<Given> = of(running, false);
    together.extend::<Vec<_>>(of(&read, true));
    let paths = |keys: Vec<&Key>| keys.into_iter().map(Key::path).collect();
    Ok(Reloaded { loaded: checked(together, Vec::new())?, taken: paths(taken), waiting: paths(waiting) })
}

/// The default settings with this one key as given last.
fn value(key: &Key, given: &[Given]) -> Settings {
    let mut settings = Settings::unchosen();
    if let Some(last) = given.iter().rev().find(|one| one.key == key) {
        // It was read without a mistake before.
        let _ = merge::apply(key, last.raw.clone(), &mut settings);
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::config::{FlagValue, load};

    fn flags(pairs: &[&str]) -> Vec<FlagValue> {
        let pairs = pairs.iter().map(|pair| pair.split_once('=').expect("a pair"));
        pairs.map(|(key, value)| FlagValue { flag: "--set", key: key.into(), value: OsString::from(value) }).collect()
    }

    fn again(before: &[&str], after: &[&str]) -> Result<Reloaded, Problems> {
        let given = load(&Sources { flags: flags(before), ..Sources::default() }).expect("holds").given;
        reload(&given, &Sources { flags: flags(after), ..Sources::default() })
    }

    #[test]
    fn takes_over_what_it_can_and_names_the_rest() {
        let after = ["limits.max_side_pixels=100", "metrics.listen=off", "batch.max_age_ms=2_000", "decode.threads=3"];
        let Reloaded { loaded, taken, waiting } = again(&["load.interval_ms=70"], &after).expect("holds");
        // What is as before, also by being a default, did not change; what is gone is its default again.
        assert_eq!(taken, ["limits.max_side_pixels", "decode.threads", "load.interval_ms"]);
        assert_eq!(waiting, ["metrics.listen"]);
        let expected =
            load(&Sources { flags: flags(&["limits.max_side_pixels=100", "decode.threads=3"]), ..Sources::default() });
        assert_eq!(loaded.settings, expected.expect("holds").settings);
    }

    #[test]
    fn what_fits_only_a_key_that_waits_is_refused() {
        let before = ["queue.dead_letter_after=10", "queue.max_receives=5"];
        let problems = again(&before, &["queue.dead_letter_after=40", "queue.max_receives=30"]).expect_err("no");
        assert!(problems.to_string().contains("queue.max_receives"), "{problems}");
        assert!(again(&before, &["queue.max_receives=no"]).is_err());
    }

    #[test]
    fn all_that_is_read_again_is_one_value_as_before() {
        let Reloaded { taken, waiting, .. } = again(&["decode.threads=2"], &["decode.threads=2"]).expect("holds");
        assert!(taken.is_empty() && waiting.is_empty());
    }
}

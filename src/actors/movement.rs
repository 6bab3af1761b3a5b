//! Whether photos move at all. Every call and every worker is watched for itself; what this finds is photos that wait for
//! each other, or for memory that nobody gives back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Settings;
use crate::telemetry::calls::{Calls, UnderWay, Watched};

/// What has not come back when nothing moves.
pub(super) const ANY_PHOTO: &str = "any photo";

/// The steps that grow while photos move, by stage, and the wait for the next of them to grow.
#[derive(Debug, Default)]
pub(super) struct Movement {
    last: BTreeMap<&'static str, u64>,
    wait: Option<UnderWay>,
}

impl Movement {
    /// Looks at what a stage tells of its steps. While a photo is held and no stage makes one, this is a call under way, late
    /// after `due` and hung after `grace` more; the time of an outage, which stops photos and says so itself, does not count.
    pub(super) fn look(
        &mut self,
        (stage, steps): (&'static str, u64),
        is_holding: bool,
        has_outage: bool,
        calls: &Arc<Calls>,
        (due, grace): (Duration, Duration),
    ) {
        let has_moved = self.last.insert(stage, steps).unwrap_or(0) != steps;
        if has_moved || !is_holding || has_outage {
            self.wait = None;
        }
        if is_holding && !has_outage && self.wait.is_none() {
            self.wait = Some(calls.begin(Watched::Pipeline, ANY_PHOTO, due, grace, None));
        }
    }
}

/// What the slowest photo alone may take until one of the counts grows, by the settings: an answer of the store, a second
/// try after a lease, its reading as far as that is watched, and the age of its batch. And how much longer is hung.
pub(super) fn patience(settings: &Settings) -> (Duration, Duration) {
    let read = settings.limits.photo_time_budget.max(settings.limits.heic_time_budget);
    let due = settings.answers_within() + settings.queue.visibility_timeout + 4 * read + settings.batch.max_age;
    (due, settings.run.hung_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Held, outage, photos decoded so far, a second each; and what is late and hung then.
    fn run(seconds: impl IntoIterator<Item = (bool, bool, u64)>) -> (Option<String>, Option<String>) {
        let (calls, mut movement) = (Arc::new(Calls::default()), Movement::default());
        let mut hung = None;
        for (is_holding, has_outage, decoded) in seconds {
            for steps in [("fetcher", 7), ("decoder_pool", decoded)] {
                movement.look(steps, is_holding, has_outage, &calls, (4 * SECOND, 3 * SECOND));
            }
            hung = hung.or(calls.look(SECOND));
        }
        (calls.overdue(), hung.map(|hung| format!("{}: {}", hung.stage.as_str(), hung.what)))
    }

    #[test]
    fn photos_that_stand_still_are_late_and_then_hang() {
        let late = "pipeline: any photo has not come back for 6 s; after 7 s it hangs";
        assert_eq!(run([(true, false, 0); 4]), (None, None));
        assert_eq!(run([(true, false, 0); 6]), (Some(late.to_owned()), None));
        assert_eq!(run([(true, false, 0); 8]), (None, Some("pipeline: any photo".to_owned())));
    }

    #[test]
    fn a_step_of_any_photo_an_outage_or_nothing_to_do_begins_the_time_anew() {
        assert_eq!(run((0..20).map(|second| (true, false, second / 5))), (None, None));
        assert_eq!(run((0..20).map(|second| (second % 5 > 0, false, 0))), (None, None));
        assert_eq!(run((0..20).map(|second| (true, second % 5 == 0, 0))), (None, None));
        assert_eq!(run([(false, false, 0); 20]), (None, None));
        assert_eq!(run([(true, true, 0); 20]), (None, None));
    }
}

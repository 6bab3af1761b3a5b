//! Calls under way, each with the time after which it hangs: a disk that does not answer, a decoder that never ends, a
//! thread that was stopped.
//!
//! Time counts by looks and not by the clock. Who looks tells how long ago the last look was, at most so much; so a
//! process that was suspended, or a machine that slept, finds nothing hung when it goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::names;

/// What is watched. The names are values of the metrics' label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Receive messages.
    Receive,
    /// Extend, delete or give back messages.
    Settle,
    /// Get an object.
    Fetch,
    /// Read a photo.
    Decode,
    /// Read a HEIC photo.
    Heic,
    /// Write an object.
    Seal,
    /// Load, or look for what is to be loaded.
    Load,
}

impl Watched {
    /// All, in the order of the flow.
    pub const ALL: [Watched; 7] = [
        Watched::Receive,
        Watched::Settle,
        Watched::Fetch,
        Watched::Decode,
        Watched::Heic,
        Watched::Seal,
        Watched::Load,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Watched::Receive => "receive",
            Watched::Settle => "settle",
            Watched::Fetch => "fetch",
            Watched::Decode => "decode",
            Watched::Heic => "heic",
            Watched::Seal => "seal",
            Watched::Load => "load",
        }
    }
}

/// A call that did not come back in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hung {
    /// Of which stage.
    pub stage: Watched,
    /// How long it has been under way.
    pub after: Duration,
}

/// Photos whose reading hung that are remembered.
const MAX_HUNG_PHOTOS: usize = 4_096;

/// All calls under way. One short lock at each beginning and end.
#[derive(Debug, Default)]
pub struct Calls {
    stages: [Mutex<Stage>; Watched::ALL.len()],
    /// How often the reading of each hung.
    hung_photos: Mutex<HashMap<u64, u32>>,
    /// Since when a hang was told and no generation has begun; counted by looks.
    told: Mutex<Option<Duration>>,
}

#[derive(Debug, Default)]
struct Stage {
    next: u64,
    under_way: BTreeMap<u64, Call>,
    /// Given up, and still not back.
    given_up: BTreeSet<u64>,
    /// Hangs since a call last came back.
    hung_in_row: u32,
}

#[derive(Debug)]
struct Call {
    limit: Duration,
    looked_at_for: Duration,
    photo: Option<u64>,
}

/// A call under way, until it is dropped.
#[derive(Debug)]
#[must_use = "the call lasts as long as this value"]
pub struct UnderWay {
    calls: Arc<Calls>,
    stage: Watched,
    id: u64,
}

impl Calls {
    /// A call begins that hangs when it is not back after `limit`. `photo` tells which one it reads.
    pub fn begin(self: &Arc<Self>, stage: Watched, limit: Duration, photo: Option<u64>) -> UnderWay {
        let mut of = self.stage(stage);
        let id = of.next;
        of.next += 1;
        of.under_way.insert(id, Call { limit, looked_at_for: Duration::ZERO, photo });
        UnderWay { calls: self.clone(), stage, id }
    }

    /// Looks at every call, `since` after the last look. The first that hangs is told once; then nothing more is looked
    /// for until [`Calls::begin_generation`].
    pub fn look(&self, since: Duration) -> Option<Hung> {
        let mut told = lock(&self.told);
        if let Some(told) = &mut *told {
            *told += since;
            return None;
        }
        let mut first = None;
        for stage in Watched::ALL {
            let mut of = self.stage(stage);
            let mut hung = Vec::new();
            for (id, call) in &mut of.under_way {
                call.looked_at_for += since;
                if call.looked_at_for > call.limit {
                    hung.push((*id, call.looked_at_for, call.photo));
                }
            }
            if let Some((_, after, _)) = hung.first() {
                of.hung_in_row += 1;
                first.get_or_insert(Hung { stage, after: *after });
                names::STAGE_HUNG.add(stage, 1);
            }
            for (id, _, photo) in hung {
                of.under_way.remove(&id);
                of.given_up.insert(id);
                let mut photos = lock(&self.hung_photos);
                if let Some(photo) = photo.filter(|photo| photos.len() < MAX_HUNG_PHOTOS || photos.contains_key(photo))
                {
                    *photos.entry(photo).or_default() += 1;
                }
            }
        }
        if first.is_some() {
            *told = Some(Duration::ZERO);
        }
        first
    }

    /// A generation begins: what is under way is the last one's, and not waited for.
    pub fn begin_generation(&self) {
        for stage in Watched::ALL {
            let mut of = self.stage(stage);
            let left: Vec<u64> = std::mem::take(&mut of.under_way).into_keys().collect();
            of.given_up.extend(left);
        }
        *lock(&self.told) = None;
    }

    /// Whether the reading of this photo hung twice: once may be the fault of its thread.
    pub fn hangs(&self, photo: u64) -> bool {
        lock(&self.hung_photos).get(&photo).is_some_and(|times| *times > 1)
    }

    /// Calls that were given up and are not back.
    pub fn given_up(&self, stage: Watched) -> usize {
        self.stage(stage).given_up.len()
    }

    /// Why another generation does not help, if it does not: a stage hung again before any of its calls came back, no
    /// generation followed for a long time, or as many threads hang as read photos (`threads`).
    pub fn past_help(&self, threads: usize) -> Option<String> {
        const NO_GENERATION: Duration = Duration::from_secs(180);
        if lock(&self.told).is_some_and(|since| since > NO_GENERATION) {
            return Some("the pipeline hangs and does not start again".to_owned());
        }
        for stage in Watched::ALL {
            let (name, of) = (stage.as_str(), self.stage(stage));
            if of.hung_in_row > 1 {
                return Some(format!("{name} hung {} times in a row", of.hung_in_row));
            }
            if stage == Watched::Decode && of.given_up.len() >= threads.max(2) {
                return Some(format!("{} threads that read photos hang", of.given_up.len()));
            }
        }
        None
    }

    fn stage(&self, stage: Watched) -> MutexGuard<'_, Stage> {
        // The enum's discriminants count from 0 in the order of ALL.
        lock(&self.stages[stage as usize])
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // Those of a generation that hangs are called off, and did not come back.
        let is_called_off = lock(&self.calls.told).is_some();
        let mut of = self.calls.stage(self.stage);
        if of.under_way.remove(&self.id).is_some() {
            if !is_called_off {
                of.hung_in_row = 0;
            }
        } else {
            of.given_up.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_not_back_in_time_is_told_once_and_given_up() {
        let calls = Arc::new(Calls::default());
        for (index, stage) in Watched::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
        }
        let long = calls.begin(Watched::Load, 10 * SECOND, None);
        let hangs = calls.begin(Watched::Decode, 2 * SECOND, Some(7));
        assert_eq!((calls.look(SECOND), calls.look(SECOND)), (None, None));
        assert_eq!(calls.look(SECOND), Some(Hung { stage: Watched::Decode, after: 3 * SECOND }));
        assert_eq!(calls.look(60 * SECOND), None, "the others are of the same generation");
        assert!(!calls.hangs(7));
        calls.begin_generation();
        assert_eq!((calls.given_up(Watched::Decode), calls.given_up(Watched::Load)), (1, 1));
        assert_eq!(calls.look(60 * SECOND), None);
        assert_eq!(calls.past_help(2), None, "it helped as far as anybody knows");
        let again = calls.begin(Watched::Decode, SECOND, Some(7));
        assert!(calls.look(2 * SECOND).is_some());
        assert!(calls.hangs(7) && !calls.hangs(8));
        drop((hangs, long, again));
        assert_eq!((calls.given_up(Watched::Decode), calls.given_up(Watched::Load)), (0, 0));
    }

    #[test]
    fn a_stage_that_hangs_again_before_a_call_came_back_is_past_help_until_one_does() {
        let calls = Arc::new(Calls::default());
        let mut kept = Vec::new();
        for _ in 0..2 {
            kept.push(calls.begin(Watched::Fetch, SECOND, None));
            assert!(calls.look(2 * SECOND).is_some());
            calls.begin_generation();
        }
        assert!(calls.past_help(4).is_some_and(|why| why.contains("fetch")));
        drop(calls.begin(Watched::Fetch, SECOND, None));
        assert_eq!(calls.past_help(4), None);
        // And threads that are never given back are counted.
        kept.extend((0..4).map(|photo| calls.begin(Watched::Decode, SECOND, Some(photo))));
        calls.begin_generation();
        assert!(calls.past_help(4).is_some());
        drop(kept);
        assert_eq!(calls.past_help(4), None);
    }
}

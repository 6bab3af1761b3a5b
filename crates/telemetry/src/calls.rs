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
    /// Look at files of the inbox and announce them.
    Announce,
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
    /// Move photos from stage to stage at all.
    Pipeline,
}

impl Watched {
    /// All, in the order of the flow.
    pub const ALL: [Watched; 9] = [
        Watched::Announce,
        Watched::Receive,
        Watched::Settle,
        Watched::Fetch,
        Watched::Decode,
        Watched::Heic,
        Watched::Seal,
        Watched::Load,
        Watched::Pipeline,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Watched::Announce => "announce",
            Watched::Receive => "receive",
            Watched::Settle => "settle",
            Watched::Fetch => "fetch",
            Watched::Decode => "decode",
            Watched::Heic => "heic",
            Watched::Seal => "seal",
            Watched::Load => "load",
            Watched::Pipeline => "pipeline",
        }
    }
}

/// A call that did not come back in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hung {
    /// Of which stage.
    pub stage: Watched,
    /// Which of its calls.
    pub what: &'static str,
    /// How long it has been under way.
    pub after: Duration,
}

/// Photos whose reading hung that are remembered.
const MAX_HUNG_PHOTOS: usize = 4_096;

/// The most that a look adds to a call's time.
const LOOK: Duration = Duration::from_secs(1);

/// What a worker does itself between two waits, as opposed to what it asks others to do.
pub const OWN_WORK: &str = "work";

/// Without another hang for so long, one of a worker's own work is no longer the first of a row: such work ends many times
/// a second, which says nothing.
const ROW_ENDS_AFTER: Duration = Duration::from_secs(600);

/// All calls under way. One short lock at each beginning and end.
#[derive(Debug, Default)]
pub struct Calls {
    stages: [Mutex<StageCalls>; Watched::ALL.len()],
    /// How often the reading of each hung.
    hung_photos: Mutex<HashMap<u64, u32>>,
    /// Since when a hang was told and no generation has begun; counted by looks.
    told: Mutex<Option<Duration>>,
}

#[derive(Debug, Default)]
struct StageCalls {
    next: u64,
    under_way: BTreeMap<u64, Call>,
    /// Given up, and still not back.
    given_up: BTreeSet<u64>,
    /// Hangs of each kind of call since one of the kind last came back: that the store lists says nothing of its puts.
    hung_in_row: BTreeMap<&'static str, u32>,
    /// Since the last hang; counted by looks.
    since_hang: Duration,
}

#[derive(Debug)]
struct Call {
    what: &'static str,
    /// What it may take.
    due: Duration,
    /// On top, until it hangs.
    grace: Duration,
    looked_at_for: Duration,
    photo: Option<u64>,
}

/// A call under way, until it is dropped.
#[derive(Debug)]
#[must_use = "the call lasts as long as this value"]
pub struct UnderWay {
    calls: Arc<Calls>,
    stage: Watched,
    what: &'static str,
    id: u64,
}

impl Calls {
    /// A call begins that may take the time `due`, and hangs when it is not back `grace` after that. `photo` tells which one
    /// it reads.
    pub fn begin(
        self: &Arc<Self>,
        stage: Watched,
        what: &'static str,
        due: Duration,
        grace: Duration,
        photo: Option<u64>,
    ) -> UnderWay {
        let mut of = self.stage(stage);
        let id = of.next;
        of.next += 1;
        of.under_way.insert(id, Call { what, due, grace, looked_at_for: Duration::ZERO, photo });
        UnderWay { calls: self.clone(), stage, what, id }
    }

    /// The work that a worker does by itself begins, which takes no time to speak of.
    pub fn begin_work(self: &Arc<Self>, stage: Watched, grace: Duration) -> UnderWay {
        self.begin(stage, OWN_WORK, Duration::ZERO, grace, None)
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
                if call.looked_at_for > call.due + call.grace {
                    hung.push((*id, call.what, call.looked_at_for, call.photo));
                }
            }
            of.since_hang += since;
            if of.since_hang > ROW_ENDS_AFTER {
                of.hung_in_row.remove(OWN_WORK);
            }
            if let Some((_, what, after, _)) = hung.first() {
                *of.hung_in_row.entry(what).or_default() += 1;
                of.since_hang = Duration::ZERO;
                first.get_or_insert(Hung { stage, what, after: *after });
                names::STAGE_HUNG.add(stage, 1);
            }
            for (id, _, _, photo) in hung {
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

    /// A generation begins: what is under way is the last one's, and not waited for. The inbox is watched beside the
    /// generations.
    pub fn begin_generation(&self) {
        for stage in Watched::ALL.into_iter().filter(|stage| *stage != Watched::Announce) {
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

    /// How long the oldest call of the stage has been under way.
    pub fn oldest(&self, stage: Watched) -> Duration {
        self.stage(stage).under_way.values().map(|call| call.looked_at_for).max().unwrap_or_default()
    }

    /// A call that takes longer than it may and does not count as hung yet, in words.
    pub fn overdue(&self) -> Option<String> {
        for stage in Watched::ALL {
            let of = self.stage(stage);
            // A look takes a call that has just begun for one as old as the last look.
            let may_take = |call: &Call| if call.what == OWN_WORK { call.grace / 2 } else { call.due + LOOK };
            let is_late = |call: &&Call| call.looked_at_for > may_take(call);
            if let Some(Call { what, due, grace, looked_at_for, .. }) = of.under_way.values().find(is_late) {
                let (name, so_far, hangs) = (stage.as_str(), looked_at_for.as_secs(), (*due + *grace).as_secs());
                return Some(format!("{name}: {what} has not come back for {so_far} s; after {hangs} s it hangs"));
            }
        }
        None
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
            if let Some((what, times)) = of.hung_in_row.iter().find(|(_, times)| **times > 1) {
                return Some(format!("{name} hung {times} times in a row: {what}"));
            }
            if stage == Watched::Decode && of.given_up.len() >= threads.max(2) {
                return Some(format!("{} threads that read photos hang", of.given_up.len()));
            }
        }
        None
    }

    fn stage(&self, stage: Watched) -> MutexGuard<'_, StageCalls> {
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
            if !is_called_off && self.what != OWN_WORK {
                of.hung_in_row.remove(self.what);
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

    /// A call that hangs after so many seconds.
    fn begin(calls: &Arc<Calls>, stage: Watched, seconds: u32) -> UnderWay {
        calls.begin(stage, "call", seconds * SECOND, Duration::ZERO, None)
    }

    #[test]
    fn what_is_not_back_in_time_is_told_once_and_given_up() {
        let calls = Arc::new(Calls::default());
        for (index, stage) in Watched::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, index);
        }
        let long = begin(&calls, Watched::Load, 10);
        let hangs = calls.begin(Watched::Decode, "read", SECOND, SECOND, Some(7));
        assert_eq!((calls.look(SECOND), calls.look(SECOND)), (None, None));
        assert_eq!(calls.look(SECOND), Some(Hung { stage: Watched::Decode, what: "read", after: 3 * SECOND }));
        assert_eq!(calls.look(60 * SECOND), None, "the others are of the same generation");
        assert!(!calls.hangs(7));
        calls.begin_generation();
        assert_eq!((calls.given_up(Watched::Decode), calls.given_up(Watched::Load)), (1, 1));
        assert_eq!(calls.look(60 * SECOND), None);
        assert_eq!(calls.past_help(2), None, "it helped as far as anybody knows");
        let again = calls.begin(Watched::Decode, "read", SECOND, Duration::ZERO, Some(7));
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
            kept.push(begin(&calls, Watched::Fetch, 1));
            assert!(calls.look(2 * SECOND).is_some());
            calls.begin_generation();
        }
        assert!(calls.past_help(4).is_some_and(|why| why.contains("fetch")));
        drop(begin(&calls, Watched::Fetch, 1));
        assert_eq!(calls.past_help(4), None);
        // And threads that are never given back are counted.
        kept.extend((0..4).map(|photo| calls.begin(Watched::Decode, "read", SECOND, Duration::ZERO, Some(photo))));
        calls.begin_generation();
        assert!(calls.past_help(4).is_some());
        drop(kept);
        assert_eq!(calls.past_help(4), None);
    }

    #[test]
    fn calls_of_another_kind_that_come_back_end_no_row() {
        let calls = Arc::new(Calls::default());
        let mut kept = Vec::new();
        for what in ["load", "load"] {
            drop(calls.begin(Watched::Load, "list", SECOND, Duration::ZERO, None));
            drop(calls.begin_work(Watched::Load, SECOND));
            kept.push(calls.begin(Watched::Load, what, SECOND, Duration::ZERO, None));
            assert!(calls.look(2 * SECOND).is_some());
            calls.begin_generation();
        }
        assert!(calls.past_help(4).is_some_and(|why| why.contains("load hung 2 times in a row: load")));
    }

    #[test]
    fn own_work_that_hangs_twice_is_past_help_though_it_ends_many_times_between() {
        let calls = Arc::new(Calls::default());
        let hang = || {
            let work = calls.begin_work(Watched::Seal, SECOND);
            assert_eq!(calls.look(2 * SECOND).map(|hung| hung.what), Some(OWN_WORK));
            calls.begin_generation();
            drop(work);
            drop(calls.begin_work(Watched::Seal, SECOND));
        };
        hang();
        assert_eq!(calls.past_help(4), None);
        hang();
        assert!(calls.past_help(4).is_some());
        // It was long ago.
        assert_eq!(calls.look(ROW_ENDS_AFTER + SECOND), None);
        assert_eq!(calls.past_help(4), None);
    }

    #[test]
    fn what_is_late_is_told_before_it_hangs() {
        let calls = Arc::new(Calls::default());
        let call = calls.begin(Watched::Seal, "put", 3 * SECOND, 4 * SECOND, None);
        assert_eq!((calls.look(4 * SECOND), calls.overdue()), (None, None));
        assert_eq!((calls.look(SECOND), calls.oldest(Watched::Seal)), (None, 5 * SECOND));
        assert_eq!(calls.overdue().unwrap(), "seal: put has not come back for 5 s; after 7 s it hangs");
        drop(call);
        assert_eq!((calls.overdue(), calls.oldest(Watched::Seal)), (None, Duration::ZERO));
    }

    #[test]
    fn a_look_at_the_inbox_goes_on_over_generations() {
        let calls = Arc::new(Calls::default());
        let call = begin(&calls, Watched::Announce, 2);
        calls.begin_generation();
        assert_eq!(calls.given_up(Watched::Announce), 0);
        assert!(calls.look(3 * SECOND).is_some_and(|hung| hung.stage == Watched::Announce));
        assert_eq!(calls.given_up(Watched::Announce), 1);
        drop(call);
        assert_eq!(calls.given_up(Watched::Announce), 0);
    }
}

//! The orchestrator: which stamp is next, and when it is due.
//!
//! Stamps arise in the order photos are taken and go out in the order they are uploaded: a photo whose phone was
//! offline waits here until its upload, on the story's clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::arrival::Arrival;
use super::run_plan::RunPlan;
use super::stamps::{StampSource, Stamps, story_seconds};
use super::story::{PlannedPhoto, Stamp, Story};

/// Most late photos that wait here. With more, the earliest goes out before its time.
const MAX_LATE: usize = 100_000;

/// A stamp that is next.
#[derive(Debug)]
pub struct NextStamp {
    /// The stamp.
    pub stamp: Stamp,
    /// Its photo; `None` when the story takes none at this moment.
    pub photo: Option<PlannedPhoto>,
    /// When it is due after the run's start; `None` is at once.
    pub due: Option<Duration>,
}

/// Hands out the stamps of a run, each once, in the order they are due.
#[derive(Debug)]
pub struct Orchestrator {
    story: Arc<Story>,
    arrival: Arrival,
    /// Where the story's clock is at the run's start.
    clock_from: Timestamp,
    source: StampSource,
    /// The next stamp by the time it is taken, with its photo.
    upcoming: Option<(Stamp, Option<PlannedPhoto>)>,
    /// Taken and not yet uploaded: upload, index, and the rest of the stamp.
    late: BinaryHeap<Reverse<(Timestamp, u64, Timestamp, bool)>>,
    handed_out: u64,
}

impl Orchestrator {
    /// The orchestrator of a run.
    pub fn new(plan: &RunPlan, story: Arc<Story>) -> Self {
        let clock_from = match plan.stamps {
            Stamps::Photos { .. } => story.span().from,
            Stamps::Candidates { span, .. } | Stamps::Rhythm { span } => span.from,
        };
        Self {
            source: StampSource::new(plan.stamps, plan.story.seed, &story),
            story,
            arrival: plan.arrival.clone(),
            clock_from,
            upcoming: None,
            late: BinaryHeap::new(),
            handed_out: 0,
        }
    }

    /// Every stamp's photo goes this way, so that a worker far away decides the same.
    fn plan(&self, stamp: Stamp) -> Option<PlannedPhoto> {
        (stamp.certain || self.story.accepts(stamp)).then(|| self.story.photo(stamp))
    }

    /// Looks at the stamps as they are taken until one is uploaded at once, or may be.
    fn fill(&mut self) {
        while self.upcoming.is_none() && self.late.len() < MAX_LATE {
            let Some(stamp) = self.source.next(&self.story) else { return };
            let photo = self.plan(stamp);
            let late_by = photo.as_ref().map_or(Duration::ZERO, |photo| photo.late_by);
            if late_by.is_zero() {
                self.upcoming = Some((stamp, photo));
            } else {
                let late_by = SignedDuration::try_from(late_by).unwrap_or(SignedDuration::MAX);
                let upload = stamp.at.saturating_add(late_by).unwrap_or(Timestamp::MAX);
                self.late.push(Reverse((upload, stamp.index, stamp.at, stamp.certain)));
            }
        }
    }

    fn due(&self, nth: u64, upload: Timestamp) -> Option<Duration> {
        match &self.arrival {
            Arrival::Unpaced => None,
            Arrival::Paced(schedule) => Some(schedule.due(nth)),
            Arrival::Replay { speed_up } => {
                let seconds = story_seconds(self.clock_from, upload) / speed_up;
                Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::ZERO))
            }
        }
    }
}

impl Iterator for Orchestrator {
    type Item = NextStamp;

    fn next(&mut self) -> Option<NextStamp> {
        self.fill();
        let taken_next = self.upcoming.as_ref().map(|(stamp, _)| stamp.at);
        let uploaded_next = self.late.peek().map(|Reverse((upload, ..))| *upload);
        let late_is_next = match (uploaded_next, taken_next) {
            (Some(uploaded), Some(taken)) => uploaded <= taken,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let (stamp, photo, upload) = if late_is_next {
            let Reverse((upload, index, at, certain)) = self.late.pop()?;
            let stamp = Stamp { index, at, certain };
            (stamp, self.plan(stamp), upload)
        } else {
            let (stamp, photo) = self.upcoming.take()?;
            (stamp, photo, stamp.at)
        };
        let due = self.due(self.handed_out, upload);
        self.handed_out += 1;
        Some(NextStamp { stamp, photo, due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Span, StoryOptions, StorySource};

    fn plan(count: u64) -> RunPlan {
        RunPlan::new(StorySource::default(), StoryOptions { count, ..StoryOptions::default() }, "inbox")
    }

    fn turns(plan: &RunPlan) -> Vec<NextStamp> {
        Orchestrator::new(plan, Arc::new(plan.tell().unwrap())).collect()
    }

    #[test]
    fn every_stamp_is_handed_out_once_and_due_times_rise() {
        for arrival in [Arrival::Unpaced, Arrival::steady(100.0), Arrival::Replay { speed_up: 1_440.0 }] {
            let turns = turns(&RunPlan { arrival: arrival.clone(), ..plan(500) });
            let mut indexes: Vec<u64> = turns.iter().map(|turn| turn.stamp.index).collect();
            indexes.sort_unstable();
            assert_eq!(indexes, (0..500).collect::<Vec<_>>());
            assert!(turns.windows(2).all(|pair| pair[0].due <= pair[1].due), "{arrival:?}");
            assert_eq!(turns.iter().all(|turn| turn.due.is_none()), arrival == Arrival::Unpaced);
            assert!(turns.iter().all(|turn| turn.photo.is_some()));
        }
    }

    #[test]
    fn the_same_plan_gives_the_same_stamps_and_photos() {
        let plan = plan(200);
        for (first, second) in turns(&plan).into_iter().zip(turns(&plan)) {
            assert_eq!((first.stamp, first.photo, first.due), (second.stamp, second.photo, second.due));
        }
    }

    #[test]
    fn a_replay_keeps_the_storys_hours() {
        let base = plan(1);
        let story = base.tell().unwrap().span();
        let span = Span { from: story.from, to: story.from + SignedDuration::from_hours(240) };
        let replay =
            RunPlan { arrival: Arrival::Replay { speed_up: 3_600.0 }, ..base }.with_stamps(Stamps::Rhythm { span });
        let turns = turns(&replay);
        assert!(turns.len() > 100, "{}", turns.len());
        for turn in &turns {
            // An hour of the story is a second of ours; the stamp is cut to the millisecond. A late one is due later.
            let seconds = story_seconds(span.from, turn.stamp.at) / 3_600.0;
            let due = turn.due.unwrap().as_secs_f64();
            let late = turn.photo.as_ref().map_or(Duration::ZERO, |photo| photo.late_by).as_secs_f64() / 3_600.0;
            assert!((due - seconds - late).abs() < 1e-3, "{due} {seconds}");
        }
        // Gaps of a Poisson process: their standard deviation is their mean. Late ones trickle in after the end.
        let is_late = |turn: &&NextStamp| turn.photo.as_ref().is_some_and(|photo| !photo.late_by.is_zero());
        let in_time = turns.iter().filter(|turn| !is_late(turn));
        let dues: Vec<f64> = in_time.map(|turn| turn.due.unwrap().as_secs_f64()).collect();
        let gaps: Vec<f64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((0.8..1.25).contains(&(deviation / mean)), "{mean} {deviation}");
    }
}

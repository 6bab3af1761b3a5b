//! How a run's stamps arise, one after the other and each from its number: the whole of it can be made again anywhere.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::story::{Span, Stamp, Story, generator};

/// Which stamps a run has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stamps {
    /// The story's own photos, exactly this many: [`Story::stamp`].
    Photos {
        /// How many.
        count: u64,
    },
    /// Moments spread evenly over a span, of which the story accepts some: [`Story::candidate`].
    Candidates {
        /// How many, accepted or not.
        count: u64,
        /// Where they are spread.
        span: Span,
    },
    /// Moments of a span as often as the story at its busiest, of which it accepts as many as its rhythm has: a Poisson
    /// process by thinning.
    Rhythm {
        /// The part of the story that is told.
        span: Span,
    },
}

impl Stamps {
    /// How many there are, where that is known beforehand.
    pub fn count(&self) -> Option<u64> {
        match self {
            Stamps::Photos { count } | Stamps::Candidates { count, .. } => Some(*count),
            Stamps::Rhythm { .. } => None,
        }
    }
}

/// Hands out the stamps of a run. Moments rise.
#[derive(Debug)]
pub struct StampSource {
    stamps: Stamps,
    seed: u64,
    next: u64,
    /// Story seconds from the span's beginning to the last candidate of a rhythm.
    elapsed: f64,
    /// Candidates of a rhythm per story second.
    peak: f64,
}

impl StampSource {
    /// The stamps of a story told with this seed.
    pub fn new(stamps: Stamps, seed: u64, story: &Story) -> Self {
        let peak = match stamps {
            Stamps::Rhythm { .. } => story.peak_rate(),
            Stamps::Photos { .. } | Stamps::Candidates { .. } => 0.0,
        };
        Self { stamps, seed, next: 0, elapsed: 0.0, peak }
    }

    /// The next stamp, or `None` when all are out.
    pub fn next(&mut self, story: &Story) -> Option<Stamp> {
        let index = self.next;
        let stamp = match self.stamps {
            Stamps::Photos { count } => (index < count).then(|| story.stamp(index)),
            Stamps::Candidates { count, span } => (index < count).then(|| story.candidate(index, count, span)),
            Stamps::Rhythm { span } => self.candidate_of_rhythm(index, span),
        }?;
        self.next += 1;
        // As a queue carries it, so that a photo is the same whichever way its stamp went.
        let at = Timestamp::from_millisecond(stamp.at.as_millisecond()).unwrap_or(stamp.at);
        Some(Stamp { at, ..stamp })
    }

    fn candidate_of_rhythm(&mut self, index: u64, span: Span) -> Option<Stamp> {
        let draw: f64 = generator(self.seed, "gap", index).random();
        self.elapsed += -(1.0 - draw).ln() / self.peak;
        let length = span.to.duration_since(span.from).as_secs_f64();
        // Also when the peak is zero and the gap thus endless.
        if self.elapsed.is_nan() || self.elapsed >= length {
            return None;
        }
        let at = span.from + SignedDuration::from_millis((self.elapsed * 1_000.0) as i64);
        Some(Stamp { index, at, certain: false })
    }
}

/// How long it is from one moment of the story to a later one.
pub(super) fn story_seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

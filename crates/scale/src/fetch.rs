//! Photos fetched at once.
//!
//! More are needed the longer a GET takes and the faster the decoders are; neither is known beforehand. So the limit
//! follows what comes after it: it rises while it is in use and decoders have free places, and falls when more photos
//! wait for a decoder than it can take. Between the two nothing changes, so it does not swing.
//!
//! A raise must pay (`climb`): where twice the fetches bring no more photos, the network or the store gives no more,
//! and open GETs would only wait for each other. Where GETs bring nothing, as they hang or fail, the limit stays.
//!
//! A store that throttles is asked for less, by the share of answers that were throttled and once a tick, not for each
//! answer. A small share is left to the retries, and so is a larger one at few fetches, unless it lasts: then as little as
//! may be is asked for. Nothing is raised while more is throttled than is tolerated. Throttling that does not depend on
//! what is asked (the same share at half the load) is not answered: asking for less would only make it slower. After a cut
//! the limit returns fast to half of what was too much, and comes near it in small steps, which find out when the store
//! allows more again.

mod climb;

use climb::{Climb, ClimbVerdict};

use crate::{Bounds, Permits, a_quarter_less};

/// Throttled answers up to this share are left to the retries of single calls.
const TOLERATED: f64 = 0.08;

/// Least factor of a cut.
const DEEPEST_CUT: f64 = 0.6;

/// Up to this limit throttling is hardly for what is asked, and less would only be slower. Where it lasts, that is tried.
const TOO_FEW_TO_CUT: u64 = 16;

/// Of fewer answers no share is taken.
const MEASURED: u64 = 8;
/// Of so many answers at least: a few open GETs after a start would see nothing else of a store that is short for a moment.
const MANY_ANSWERS: u64 = 32;
/// A share at few fetches that is hard to work with.
const HEAVY: f64 = 0.3;
/// Ticks in a row of more throttled answers than are tolerated that are not a burst.
const LASTING: u32 = 4;

/// Ticks after a cut in which the limit does not rise.
const HOLD: u32 = 3;
/// Ticks after a cut until more throttled answers than usual are no longer put up with.
const FORGIVEN: u32 = 16;

/// What is seen of the fetcher at a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FetchSample {
    /// Whether messages wait in the queue.
    pub has_backlog: bool,
    /// Its permits; one is held from before the GET until the decoder takes the photo.
    pub permits: Permits,
    /// Photos whose GET is under way. The other permits are held by photos that wait for the decoder, or for memory.
    pub at_work: u64,
    /// The decoder pool's permits.
    pub decodes: Permits,
    /// GETs that ended since the last tick, in whichever way.
    pub answered: u64,
    /// Those that were throttled.
    pub throttled: u64,
    /// Those that brought a photo, or the news that there is none.
    pub brought: u64,
}

impl FetchSample {
    fn throttled_share(&self) -> f64 {
        self.throttled as f64 / self.answered.max(self.throttled).max(1) as f64
    }

    /// GETs that brought nothing, throttled ones not among them.
    fn failed(&self) -> u64 {
        self.answered.saturating_sub(self.throttled).saturating_sub(self.brought)
    }

    /// Photos that have their bytes and wait for a decoder.
    fn queued(&self) -> u64 {
        self.permits.in_use.saturating_sub(self.at_work)
    }
}

/// Why the limit is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is enough.
    Enough,
    /// Decoders have free places and the limit is in use.
    DecodersHungry,
    /// Decoders have free places, and what the last raise brought is being measured.
    Measuring,
    /// Decoders have free places, and more fetches brought no more photos.
    NoGain,
    /// Decoders have free places, and no GET brings a photo.
    NothingBrought,
    /// More photos wait for a decoder than it can take.
    DecodersFed,
    /// The store throttles.
    Throttled,
    /// The store throttled a moment ago.
    Recovering,
    /// Asking for less did not lower the share of throttled answers.
    ThrottlingUnrelated,
    /// There is nothing to do.
    Idle,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 10] = [
        Reason::Enough,
        Reason::DecodersHungry,
        Reason::Measuring,
        Reason::NoGain,
        Reason::NothingBrought,
        Reason::DecodersFed,
        Reason::Throttled,
        Reason::Recovering,
        Reason::ThrottlingUnrelated,
        Reason::Idle,
    ];

    /// As shown in `/state` and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Enough => "enough",
            Reason::DecodersHungry => "decoders_hungry",
            Reason::Measuring => "measuring",
            Reason::NoGain => "no_gain",
            Reason::NothingBrought => "nothing_brought",
            Reason::DecodersFed => "decoders_fed",
            Reason::Throttled => "throttled",
            Reason::Recovering => "recovering",
            Reason::ThrottlingUnrelated => "throttling_unrelated",
            Reason::Idle => "idle",
        }
    }
}

/// The decision, and what it remembers between ticks.
#[derive(Clone, Debug)]
pub struct Controller {
    /// Share of throttled answers that no longer leads to a cut.
    tolerated: f64,
    /// The last cut, while its effect is not known.
    cut: Option<LimitCut>,
    /// Ticks since the last cut.
    since_cut: u32,
    /// What is seen at few fetches.
    few: FewAnswers,
    /// The limit at which the store last throttled; `None` once there was none of it well beyond.
    too_much: Option<u64>,
    /// What raises brought.
    climb: Climb,
}

#[derive(Clone, Copy, Debug)]
struct LimitCut {
    limit_before: u64,
    share_before: f64,
}

/// Answers at few fetches, gathered until there are enough of them for a share.
#[derive(Clone, Copy, Debug, Default)]
struct FewAnswers {
    answered: u64,
    throttled: u64,
    ticks: u32,
    /// The last share there was, and for how many ticks it has been more than is tolerated.
    share: f64,
    throttled_for: u32,
}

impl FewAnswers {
    /// The share of what is gathered so far, where that tells something.
    fn gathered(&self) -> Option<f64> {
        (self.answered >= MEASURED).then(|| self.throttled as f64 / self.answered as f64)
    }

    fn tick(&mut self, seen: &FetchSample, tolerated: f64) {
        self.answered = self.answered.saturating_add(seen.answered.max(seen.throttled));
        self.throttled = self.throttled.saturating_add(seen.throttled);
        self.ticks = self.ticks.saturating_add(1);
        if self.answered < MANY_ANSWERS {
            return;
        }
        self.share = self.throttled as f64 / self.answered as f64;
        self.throttled_for = if self.share > tolerated { self.throttled_for.saturating_add(self.ticks) } else { 0 };
        (self.answered, self.throttled, self.ticks) = (0, 0, 0);
    }
}

impl Default for Controller {
    fn default() -> Self {
        Controller {
            tolerated: TOLERATED,
            cut: None,
            since_cut: u32::MAX,
            few: FewAnswers::default(),
            too_much: None,
            climb: Climb::default(),
        }
    }
}

impl Controller {
    /// The limit until the next tick, and why.
    pub fn tick(&mut self, seen: &FetchSample, bounds: Bounds) -> (u64, Reason) {
        let (limit, reason) = self.decide(seen, bounds.min);
        (bounds.clamp(limit), reason)
    }

    fn decide(&mut self, seen: &FetchSample, least: u64) -> (u64, Reason) {
        let limit = seen.permits.limit;
        self.since_cut = self.since_cut.saturating_add(1);
        self.climb.tick(limit, seen.brought);
        let share = seen.throttled_share();
        // Two answers are too few for a share.
        let is_measured = seen.answered >= MEASURED;
        let is_few = limit <= TOO_FEW_TO_CUT;
        if is_few && self.cut.is_some() && seen.permits.in_use > limit {
            // What is under way beyond a limit of a few is more than what is within it.
            self.few = FewAnswers::default();
            return (limit, Reason::Throttled);
        }
        self.few.tick(seen, self.tolerated);
        let of_cut = match is_measured {
            true => Some(share),
            false => self.few.gathered().filter(|_| is_few),
        };
        if let Some(cut) = self.cut
            && let Some(share) = of_cut
        {
            if share > cut.share_before * 0.85 && share > TOLERATED {
                // Less was asked, and as much of it was throttled: how much is asked has nothing to do with it.
                if self.since_cut >= 2 {
                    (self.cut, self.too_much) = (None, None);
                    self.tolerated = (share * 1.3).max(TOLERATED);
                    return (limit.max(cut.limit_before), Reason::ThrottlingUnrelated);
                }
            } else {
                self.cut = None;
            }
        }
        let is_throttled = self.cut.is_some() || self.few.throttled_for > 0;
        if is_few && is_throttled && seen.permits.in_use > 0 {
            return self.throttled_at_few(limit, least);
        }
        if is_measured && limit > TOO_FEW_TO_CUT && share > self.tolerated {
            if self.cut.is_none() || self.since_cut >= 2 {
                let factor = (1.0 - share / 2.0).max(DEEPEST_CUT);
                if self.cut.is_none() {
                    self.too_much = Some(limit);
                }
                self.cut.get_or_insert(LimitCut { limit_before: limit, share_before: share });
                self.since_cut = 0;
                return ((limit as f64 * factor).floor() as u64, Reason::Throttled);
            }
            return (limit, Reason::Throttled);
        }
        if is_measured && share < TOLERATED / 2.0 && self.since_cut > FORGIVEN {
            self.tolerated = TOLERATED;
        }
        let has_backlog = seen.has_backlog || seen.permits.waiting > 0;
        let queued = seen.queued();
        let places = seen.decodes.limit.max(1);
        if has_backlog && seen.permits.is_exhausted() && seen.decodes.in_use < places && queued <= places / 4 {
            return self.raised(seen);
        }
        self.climb.interrupted(has_backlog);
        if queued > places {
            self.climb = Climb::default();
            let excess = queued - places / 2;
            return (limit - excess.min(limit / 4), Reason::DecodersFed);
        }
        if !has_backlog && seen.permits.in_use.saturating_mul(2) < limit {
            return (a_quarter_less(limit), Reason::Idle);
        }
        (limit, Reason::Enough)
    }

    /// At few fetches: as it is, until the throttling lasts; then less, which shows whether it depends on what is asked.
    fn throttled_at_few(&mut self, limit: u64, least: u64) -> (u64, Reason) {
        let share = self.few.share;
        if self.cut.is_some() || self.few.throttled_for < LASTING {
            return (limit, Reason::Throttled);
        }
        self.few = FewAnswers::default();
        if limit <= least {
            if self.too_much.is_none() {
                self.tolerated = (share * 1.3).max(TOLERATED);
                return (limit, Reason::ThrottlingUnrelated);
            }
            return (limit, Reason::Throttled);
        }
        let next = match self.too_much {
            _ if share > HEAVY => least,
            // It is known to depend on that, so a little less will do.
            Some(_) => limit - 1,
            None => limit / 2,
        };
        self.too_much = Some(limit);
        self.cut = Some(LimitCut { limit_before: limit, share_before: share });
        self.since_cut = 0;
        (next.max(least), Reason::Throttled)
    }

    /// More, for decoders that are hungry.
    fn raised(&mut self, seen: &FetchSample) -> (u64, Reason) {
        let limit = seen.permits.limit;
        if self.since_cut <= HOLD {
            return (limit, Reason::Recovering);
        }
        let Some(too_much) = self.too_much.filter(|too_much| limit < too_much.saturating_mul(2)) else {
            self.too_much = None;
            return match self.climb.judge(limit, seen.at_work, seen.failed(), seen.brought) {
                ClimbVerdict::Raise(next) => (next, Reason::DecodersHungry),
                ClimbVerdict::Wait => (limit, Reason::Measuring),
                ClimbVerdict::Stay(next) => (next, Reason::NoGain),
                ClimbVerdict::Hold => (limit, Reason::NothingBrought),
            };
        };
        let more = match limit {
            _ if limit < too_much / 2 => limit.min(too_much / 2 - limit),
            _ if limit < too_much - too_much / 8 => limit.div_ceil(8),
            _ => limit.div_ceil(24),
        };
        (limit.saturating_add(more), Reason::Recovering)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tick at which decoders are hungry: so many GETs ended, and so many of them were throttled.
    fn hungry(limit: u64, in_use: u64, answered: u64, throttled: u64) -> FetchSample {
        FetchSample {
            has_backlog: true,
            permits: Permits { limit, in_use, waiting: 1 },
            at_work: in_use,
            decodes: Permits { limit: 4, in_use: 0, waiting: 0 },
            answered,
            throttled,
            brought: answered - throttled,
        }
    }

    #[test]
    fn throttling_that_lasts_at_few_fetches_is_cut_and_few_answers_tell_when_it_is_over() {
        let bounds = Bounds { min: 2, max: 640 };
        let mut controller = Controller::default();
        for tick in 1..LASTING {
            assert_eq!(controller.tick(&hungry(16, 16, 40, 25), bounds), (16, Reason::Throttled), "tick {tick}");
        }
        assert_eq!(controller.tick(&hungry(16, 16, 40, 25), bounds), (2, Reason::Throttled));
        // What was under way beyond the new limit says nothing of it.
        for in_use in (3..16).rev() {
            assert_eq!(controller.tick(&hungry(2, in_use, 20, 18), bounds), (2, Reason::Throttled), "{in_use}");
        }
        // A slow store: an answer a tick. It does not throttle so few.
        let mut limit = 2;
        for _ in 0..16 {
            (limit, _) = controller.tick(&hungry(limit, limit, 1, 0), bounds);
        }
        assert!(limit > 2);
    }

    proptest! {
        #[test]
        fn always_within_bounds_whatever_is_seen(
            ticks in prop::collection::vec((any::<bool>(), any::<[u64; 10]>()), 1..50)
        ) {
            let bounds = Bounds { min: 2, max: 640 };
            let mut controller = Controller::default();
            for (has_backlog, [limit, in_use, waiting, at_work, places, decoding, hungry, answered, throttled, brought]) in ticks {
                let permits = Permits { limit: limit % 700, in_use, waiting };
                let decodes = Permits { limit: places, in_use: decoding, waiting: hungry };
                let seen = FetchSample { has_backlog, permits, at_work, decodes, answered, throttled, brought };
                let (limit, _) = controller.tick(&seen, bounds);
                prop_assert!((bounds.min..=bounds.max).contains(&limit));
            }
        }
    }
}

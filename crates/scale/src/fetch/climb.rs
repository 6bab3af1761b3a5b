//! Whether a raise of the limit brought more photos.
//!
//! While GETs wait for nothing but the store's answer, twice as many bring twice the photos. Once a network, a disk or a
//! store is full they bring none: each GET only takes longer. So each doubling is judged by the photos it brought, after
//! as many ticks as a GET takes, and taken back where there was no gain. Later it is tried again, as others may have left
//! the network; and at once where the rate falls, which is another state of things.
//!
//! Where GETs bring nothing at all, a raise would only add to those that wait or fail.

use super::TOO_FEW_TO_CUT;

/// Up to this limit raises are not judged: too many open GETs are few, and a start is fast.
const FREE: u64 = 64;
/// A raise that brings so much more pays at the first look.
const CLEARLY: f64 = 1.3;
/// A raise that brings so much more, measured over a few ticks, pays.
const PAYS: f64 = 1.05;
/// Ticks over which a raise is measured, after those that its first GETs take.
const MEASURED: u32 = 3;
/// Ticks until the first new try, and at most.
const TRIED_AGAIN: (u32, u32) = (20, 120);
/// Ticks without a photo from which on GETs bring nothing, and as many times what a GET takes.
const EMPTY: u32 = 4;
const GETS_EMPTY: u32 = 3;
/// Ticks after that in which decoders are hungry for what is on its way already, beside those that a GET takes.
const REFILL: u32 = 2;
/// Below this share of the rate at which no gain was found, everything is looked for anew.
const FALLEN: f64 = 0.7;

/// What is remembered of raises.
#[derive(Clone, Debug, Default)]
pub(super) struct Climb {
    /// The present limit, and since how many ticks.
    limit: u64,
    ticks: u32,
    /// The last of them that are measured, and the photos they brought.
    measured: u32,
    brought: f64,
    /// The raise whose gain is not known yet.
    raise: Option<Raise>,
    /// Where the last one brought nothing.
    ceiling: Option<Ceiling>,
    /// Ticks since a GET last brought something.
    empty: u32,
    /// Ticks that a GET takes.
    get: u32,
    /// Ticks to come that fill up what stood still.
    refill: u32,
}

#[derive(Clone, Copy, Debug)]
struct Raise {
    from: u64,
    /// Photos a tick before it.
    rate: f64,
}

#[derive(Clone, Copy, Debug)]
struct Ceiling {
    /// Photos a tick.
    rate: f64,
    ticks: u32,
    /// Ticks until it is tried again.
    wait: u32,
}

/// What becomes of a limit that hungry decoders would have raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClimbVerdict {
    /// To this.
    Raise(u64),
    /// The last raise is being measured.
    Wait,
    /// More brought no more; to this, or as it is.
    Stay(u64),
    /// Nothing is brought; as it is.
    Hold,
}

impl Climb {
    /// To be called at each tick: `limit` was in force, and GETs brought so many photos.
    pub(super) fn tick(&mut self, limit: u64, brought: u64) {
        self.empty = if brought > 0 { 0 } else { self.empty.saturating_add(1) };
        if limit != self.limit {
            // The first tick of a limit belongs half to the one before.
            (self.limit, self.ticks, self.measured, self.brought) = (limit, 0, 0, 0.0);
        }
        self.ticks = self.ticks.saturating_add(1);
        self.measured = self.measured.saturating_add(1);
        self.brought += brought as f64;
        if let Some(ceiling) = &mut self.ceiling {
            ceiling.ticks = ceiling.ticks.saturating_add(1);
            if self.ticks > 1 && brought > 0 && (brought as f64) < ceiling.rate * FALLEN {
                self.ceiling = None;
            }
        }
    }

    /// To be called at a tick at which decoders are not hungry: what a raise brought cannot be told, as something else
    /// held the rate. Without a backlog that was the arrival of photos, and a ceiling seen then was none.
    pub(super) fn interrupted(&mut self, has_backlog: bool) {
        self.raise = None;
        if !has_backlog {
            self.ceiling = None;
        }
    }

    /// Decides on `limit`, which is in use; `at_work` GETs are under way, and the last tick saw `failed` fail, those throttled not among them, and `brought`
    /// photos.
    pub(super) fn judge(&mut self, limit: u64, at_work: u64, failed: u64, brought: u64) -> ClimbVerdict {
        // How long a GET takes, in ticks: what is under way, by what comes back in one.
        let under_way = u32::try_from(at_work.div_ceil(brought.max(1))).unwrap_or(u32::MAX).min(TRIED_AGAIN.0);
        if brought > 0 {
            self.get = under_way;
        }
        if self.empty > EMPTY.max(self.get.saturating_mul(GETS_EMPTY)) || (brought == 0 && failed > 0) {
            // What was being measured is another state of things.
            (self.raise, self.measured, self.brought) = (None, 0, 0.0);
            self.refill = self.get.saturating_add(REFILL);
            return ClimbVerdict::Hold;
        }
        if self.refill > 0 && limit >= FREE {
            self.refill -= 1;
            return ClimbVerdict::Wait;
        }
        if limit < FREE {
            // At once to what no store minds, then fast: a tick at a few open GETs tells next to nothing.
            let next = if limit < TOO_FEW_TO_CUT { TOO_FEW_TO_CUT } else { limit.saturating_mul(4).min(FREE) };
            return self.raise_to(limit, next);
        }
        if let Some(raise) = self.raise {
            return self.judge_raise(raise, limit, under_way, brought);
        }
        if brought == 0 {
            return ClimbVerdict::Wait;
        }
        match &mut self.ceiling {
            Some(ceiling) if ceiling.ticks < ceiling.wait => ClimbVerdict::Stay(limit),
            Some(_) => self.raise_to(limit, limit.saturating_add(limit / 2)),
            None => self.raise_to(limit, limit.saturating_mul(2)),
        }
    }

    fn judge_raise(&mut self, raise: Raise, limit: u64, under_way: u32, brought: u64) -> ClimbVerdict {
        if brought as f64 >= raise.rate * CLEARLY && brought > 0 {
            self.ceiling = None;
            return self.raise_to(limit, limit.saturating_mul(2));
        }
        if self.ticks <= under_way {
            // The answers to its GETs are still on their way.
            (self.measured, self.brought) = (0, 0.0);
            return ClimbVerdict::Wait;
        }
        if self.measured < MEASURED {
            return ClimbVerdict::Wait;
        }
        let rate = self.rate();
        if rate > 0.0 && rate >= raise.rate * PAYS {
            self.ceiling = None;
            return self.raise_to(limit, limit.saturating_mul(2));
        }
        self.raise = None;
        let next = match &mut self.ceiling {
            // Tried again without success.
            Some(ceiling) => {
                *ceiling = Ceiling { rate, ticks: 0, wait: (ceiling.wait * 2).min(TRIED_AGAIN.1) };
                raise.from
            }
            // A little more than what brought as much: nobody knows where between the two it was enough.
            None => {
                self.ceiling = Some(Ceiling { rate, ticks: 0, wait: TRIED_AGAIN.0 });
                raise.from.saturating_add(raise.from / 4).min(limit)
            }
        };
        ClimbVerdict::Stay(next)
    }

    fn raise_to(&mut self, limit: u64, next: u64) -> ClimbVerdict {
        self.raise = Some(Raise { from: limit, rate: self.rate() });
        ClimbVerdict::Raise(next)
    }

    /// Photos a tick that the present limit brings.
    fn rate(&self) -> f64 {
        self.brought / f64::from(self.measured.max(1))
    }
}

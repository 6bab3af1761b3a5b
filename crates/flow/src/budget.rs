//! A weighted budget whose limit may change while permits are out.
//!
//! `tokio::sync::Semaphore` cannot take back permits in use, so shrinking it needs a debt counter beside it. Here the
//! debt is simply `used > limit`: nothing new is granted until enough permits came back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// A budget of bytes, jobs or anything countable. Clones share it. Waiters are served in order.
#[derive(Clone, Debug)]
pub struct Budget {
    shared: Arc<Mutex<BudgetInner>>,
}

#[derive(Debug)]
struct BudgetInner {
    limit: u64,
    /// The part of the limit that only permits that are out may grow into.
    headroom: u64,
    used: u64,
    high_water: u64,
    waiters: VecDeque<(u64, oneshot::Sender<Permit>)>,
}

/// A share of a [`Budget`]; dropping it gives the share back.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Mutex<BudgetInner>>,
    amount: u64,
}

/// What a budget looks like from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    /// Out in permits.
    pub used: u64,
    /// The most that new permits may reach.
    pub limit: u64,
    /// The most that was ever out.
    pub high_water: u64,
    /// Requests that wait.
    pub waiting: usize,
}

impl BudgetInner {
    /// An item larger than the whole budget is let through alone, so that it is slow instead of stuck for ever.
    fn fits(&self, amount: u64) -> bool {
        self.used == 0 || self.used.saturating_add(amount) <= self.limit.saturating_sub(self.headroom)
    }
    fn take(&mut self, amount: u64) {
        self.used += amount;
        self.high_water = self.high_water.max(self.used);
    }
}

/// The lock is held for a few instructions that cannot panic; a poisoned lock still holds sound numbers.
fn lock(shared: &Mutex<BudgetInner>) -> MutexGuard<'_, BudgetInner> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves waiters from the front as far as the budget goes.
fn serve(shared: &Arc<Mutex<BudgetInner>>) {
    // A permit whose waiter went away must be dropped after the lock is free: its Drop locks again.
    let mut refused = Vec::new();
    let mut state = lock(shared);
    while let Some((amount, waiter)) = state.waiters.front() {
        let amount = *amount;
        if waiter.is_closed() {
            state.waiters.pop_front();
            continue;
        }
        if !state.fits(amount) {
            break;
        }
        if let Some((_, waiter)) = state.waiters.pop_front() {
            state.take(amount);
            refused.extend(waiter.send(Permit { shared: shared.clone(), amount }).err());
        }
    }
    drop(state);
    drop(refused);
}

impl Budget {
    /// A budget of `limit`.
    pub fn new(limit: u64) -> Self {
        Self::with_headroom(limit, 0)
    }

    /// The same, of which `headroom` is left for permits that grow.
    pub fn with_headroom(limit: u64, headroom: u64) -> Self {
        let shared = BudgetInner { limit, headroom, used: 0, high_water: 0, waiters: VecDeque::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Waits for `amount`. Dropping the future gives up the place in the line.
    pub async fn acquire(&self, amount: u64) -> Permit {
        loop {
            let granted = {
                let mut state = lock(&self.shared);
                if state.waiters.is_empty() && state.fits(amount) {
                    state.take(amount);
                    return Permit { shared: self.shared.clone(), amount };
                }
                let (sender, granted) = oneshot::channel();
                state.waiters.push_back((amount, sender));
                granted
            };
            // Waiters at the front that were dropped free their place only when someone looks.
            serve(&self.shared);
            if let Ok(permit) = granted.await {
                return permit;
            }
        }
    }

    /// Takes `amount` if it is free now and nobody waits.
    pub fn try_acquire(&self, amount: u64) -> Option<Permit> {
        let mut state = lock(&self.shared);
        if !state.waiters.is_empty() || !state.fits(amount) {
            return None;
        }
        state.take(amount);
        Some(Permit { shared: self.shared.clone(), amount })
    }

    /// Changes the limit. A lower one takes nothing back: permits out above it are a debt paid as they return.
    pub fn set_limit(&self, limit: u64) {
        lock(&self.shared).limit = limit;
        serve(&self.shared);
    }

    /// The present figures.
    pub fn state(&self) -> BudgetState {
        let state = lock(&self.shared);
        BudgetState { used: state.used, limit: state.limit, high_water: state.high_water, waiting: state.waiters.len() }
    }
}

impl Permit {
    /// Takes more, up to `amount` in all, if that is free now: whoever holds a share must not wait for a larger one, as two
    /// that do would wait for each other. Goes before those that wait, who hold nothing.
    pub fn grow_to(&mut self, amount: u64) -> bool {
        let more = amount.saturating_sub(self.amount);
        let mut state = lock(&self.shared);
        let is_granted = more == 0 || state.used == self.amount || state.used.saturating_add(more) <= state.limit;
        if is_granted {
            state.take(more);
            self.amount += more;
        }
        is_granted
    }

    /// What it is a share of.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Gives back what is above `amount`: the real size is known and smaller than the declared one.
    pub fn shrink_to(&mut self, amount: u64) {
        if amount >= self.amount {
            return;
        }
        let back = self.amount - amount;
        self.amount = amount;
        lock(&self.shared).used -= back;
        serve(&self.shared);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.shared).used -= self.amount;
        serve(&self.shared);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn shrinking_is_a_debt_that_returning_permits_pay() {
        run(async {
            let budget = Budget::new(4);
            let mut out: Vec<Permit> = Vec::new();
            for _ in 0..4 {
                out.push(budget.acquire(1).await);
            }
            budget.set_limit(2);
            assert!(budget.try_acquire(1).is_none());
            out.pop();
            out.pop();
            assert!(budget.try_acquire(1).is_none(), "two out of two are still used");
            out.pop();
            assert!(budget.try_acquire(1).is_some());
            assert_eq!(budget.state().high_water, 4);
        });
    }

    #[test]
    fn an_item_larger_than_the_budget_passes_alone() {
        run(async {
            let budget = Budget::new(10);
            let small = budget.acquire(1).await;
            assert!(tokio::time::timeout(Duration::from_millis(5), budget.acquire(50)).await.is_err());
            drop(small);
            let large = budget.acquire(50).await;
            assert!(budget.try_acquire(1).is_none());
            drop(large);
            assert_eq!(budget.state().used, 0);
        });
    }

    #[test]
    fn a_permit_grows_into_the_headroom_and_alone_beyond_the_limit() {
        let budget = Budget::with_headroom(10, 2);
        let mut first = budget.try_acquire(4).unwrap();
        assert!(budget.try_acquire(5).is_none(), "the headroom is not for new ones");
        let mut second = budget.try_acquire(4).unwrap();
        assert!(first.grow_to(6) && first.grow_to(5) && !second.grow_to(5));
        assert_eq!((first.amount(), second.amount(), budget.state().used), (6, 4, 10));
        drop(first);
        assert!(second.grow_to(50), "alone");
        drop(second);
        assert_eq!((budget.state().used, budget.state().high_water), (0, 50));
    }

    #[test]
    fn a_waiter_that_goes_away_does_not_block_the_line() {
        run(async {
            let budget = Budget::new(2);
            let first = budget.acquire(2).await;
            let mut gone = Box::pin(budget.acquire(2));
            assert!(futures_util::poll!(&mut gone).is_pending());
            let mut next = Box::pin(budget.acquire(1));
            assert!(futures_util::poll!(&mut next).is_pending());
            drop(gone);
            drop(first);
            let permit = next.await;
            assert_eq!(budget.state().used, 1);
            drop(permit);
            assert_eq!(budget.state(), BudgetState { used: 0, limit: 2, high_water: 2, waiting: 0 });
        });
    }

    proptest! {
        #[test]
        fn never_over_the_limit_and_everything_returns(
            steps in prop::collection::vec((0_u8..5, 1_u64..6), 1..200)
        ) {
            let budget = Budget::with_headroom(8, 2);
            let mut out: Vec<Permit> = Vec::new();
            for (what, amount) in steps {
                match what {
                    0 | 1 => if let Some(permit) = budget.try_acquire(amount) {
                        let state = budget.state();
                        prop_assert!(state.used <= state.limit || out.is_empty());
                        out.push(permit);
                    },
                    2 => drop(out.pop()),
                    3 => if let Some(permit) = out.last_mut() {
                        let is_granted = permit.grow_to(amount);
                        let state = budget.state();
                        prop_assert!(!is_granted || state.used <= state.limit || out.len() == 1);
                    },
                    _ => if let Some(permit) = out.last_mut() { permit.shrink_to(amount) },
                }
                prop_assert_eq!(budget.state().used, out.iter().map(|permit| permit.amount).sum::<u64>());
            }
            out.clear();
            prop_assert_eq!(budget.state().used, 0);
        }
    }
}

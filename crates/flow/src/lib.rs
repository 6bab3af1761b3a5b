//! How work moves: budgets and permits, the hand-off to the CPU pool, back-off, the circuit breaker, and the
//! cancellation of a generation.
//!
//! The only user of `rayon` and `crossbeam`. The rules, all measured before they were chosen (DESIGN §4):
//! a permit is taken before a message is sent, travels inside it and is released by Drop; async code never blocks on a
//! CPU channel; a CPU thread never waits for a permit.
#![warn(unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod generation;
pub mod pool;
pub mod retry;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerState};
pub use budget::{Budget, BudgetState, Permit};
pub use generation::{Fault, Generation};
pub use pool::CpuPool;
pub use retry::{Attempt, RetryPolicy, retry};

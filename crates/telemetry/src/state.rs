//! The state board: each actor hangs up a way to read its state; the page and `/state` read them all at any time.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

/// Reads one actor's state. Called from any thread: it reads counters, and waits for nobody.
pub type ReadState = Arc<dyn Fn() -> Value + Send + Sync>;

/// All actors' states by name. Clones share one board.
#[derive(Clone, Default)]
pub struct StateBoard {
    readers: Arc<Mutex<BTreeMap<&'static str, ReadState>>>,
}

impl StateBoard {
    /// Hangs up `read` under `name`. An actor of a new generation takes its predecessor's place; until then, and after
    /// the actor's death, the last one is read, since a reader owns what it reads.
    pub fn register(&self, name: &'static str, read: ReadState) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).insert(name, read);
    }

    /// One JSON object with every actor's state as it is now. A reader that panics costs its own state only.
    pub fn snapshot(&self) -> Value {
        // Readers run without the lock, so that a slow one does not hold up an actor that registers.
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |read: &ReadState| {
            catch_unwind(AssertUnwindSafe(|| read())).unwrap_or_else(|_| json!({ "error": "state not available" }))
        };
        readers.iter().map(|(name, reader)| ((*name).to_owned(), read(reader))).collect::<Map<_, _>>().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn shows_the_state_of_now_and_survives_a_broken_reader() {
        let board = StateBoard::default();
        assert_eq!(board.snapshot(), json!({}));
        let received = Arc::new(AtomicU64::new(1));
        let counter = Arc::clone(&received);
        board.register("poller", Arc::new(move || json!({ "received": counter.load(Ordering::Relaxed) })));
        board.register("loader", Arc::new(|| panic!("a reader with a mistake")));
        received.store(7, Ordering::Relaxed);
        let expected = json!({ "poller": { "received": 7 }, "loader": { "error": "state not available" } });
        assert_eq!(board.clone().snapshot(), expected);
        board.register("loader", Arc::new(|| json!({ "loads": 2 })));
        assert_eq!(board.snapshot()["loader"]["loads"], 2);
    }

    #[test]
    fn a_reader_may_register_without_a_deadlock() {
        let board = StateBoard::default();
        let inner = board.clone();
        board.register(
            "supervisor",
            Arc::new(move || {
                inner.register("late", Arc::new(|| json!(1)));
                json!(2)
            }),
        );
        assert_eq!(board.snapshot(), json!({ "supervisor": 2 }));
        assert_eq!(board.snapshot(), json!({ "supervisor": 2, "late": 1 }));
    }
}

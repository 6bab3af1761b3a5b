//! The queue in one SQLite file.
//!
//! Any number of processes may send and receive at once. A message that was received `dead_letter_after` times is moved
//! to the dead letters when it would be handed out once more. A lease is lost when its message is handed out again, not
//! when the time is up: until then the old handle still deletes and extends.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{Depth, LeaseRules, Message, Queue, ReceiptHandle};
use scanmill_core::error::{Error, Result};
use scanmill_telemetry::{names, seldom};

mod fault;
mod open;
mod probe;
mod prune;
mod table;

pub use prune::Recorded;

/// How often a waiting receive looks for messages that another process sent.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The longest lease, as with SQS; a longer one is cut to it.
const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 3600);
/// How long a call waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A message that was received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The id it had in the queue.
    pub id: String,
    /// The body, as sent.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How often it was received.
    pub receive_count: u32,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// The notification of one version of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stands for the object, whatever its version.
    pub object: String,
    /// Stands for this version of it.
    pub version: String,
    /// The order of versions of one object: the greater text is the later one.
    pub sequencer: Option<String>,
    /// The message.
    pub body: String,
}

/// The queue in one SQLite file. Clones share one connection.
#[derive(Clone)]
pub struct SqliteQueue {
    shared: Arc<SqliteQueueInner>,
}

struct SqliteQueueInner {
    path: PathBuf,
    options: LeaseRules,
    /// Locked on blocking threads only.
    connection: Mutex<Connection>,
    /// Sees the clock being set back.
    clock: Mutex<Clock>,
    /// Something became visible through this handle.
    news: Notify,
}

impl SqliteQueue {
    /// Opens the queue at `path`; the file is made if absent, its folder is not. Blocks for some milliseconds, or up to
    /// five seconds while another process holds the lock.
    ///
    /// # Errors
    /// Permanent when the file is not a scanmill queue, is corrupt, of another schema version, or cannot be written;
    /// Transient when it stays locked.
    pub fn open(path: &Path, options: LeaseRules) -> Result<SqliteQueue> {
        if options.dead_letter_after == 0 {
            return Err(Error::permanent("a queue that gives a message up after 0 receives hands out nothing")
                .with_hint("set `queue.dead_letter_after` to at least 1"));
        }
        let visibility_timeout = options.visibility_timeout.min(MAX_VISIBILITY);
        let options = LeaseRules { visibility_timeout, ..options };
        let connection = Mutex::new(open::open(path, BUSY_TIMEOUT)?);
        let (news, clock) = (Notify::new(), Mutex::default());
        let shared = SqliteQueueInner { path: path.to_owned(), options, connection, clock, news };
        Ok(SqliteQueue { shared: Arc::new(shared) })
    }

    /// Sets how long a call waits for another process's lock before it fails as Transient; five seconds at first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn set_busy_timeout(&self, wait: Duration) -> Result<()> {
        self.shared.with(|connection| connection.busy_timeout(wait))
    }

    /// Sends notices, and records their objects and versions in the same transaction. With `only_new`, versions that were
    /// recorded before are left out, unless another version of the object came in between. Returns how many were queued.
    ///
    /// # Errors
    /// Then none was queued and none recorded.
    pub async fn send_announced(&self, notices: &[Notice], only_new: bool) -> Result<usize> {
        if notices.is_empty() {
            return Ok(0);
        }
        let notices = notices.to_vec();
        self.call(move |connection| table::send_announced(connection, &notices, only_new)).await.inspect(|sent| {
            if *sent > 0 {
                self.shared.news.notify_waiters();
            }
        })
    }

    /// The greatest sequencer of all notices so far. Blocks for a moment.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn newest_sequencer(&self) -> Result<Option<String>> {
        self.shared.with(table::newest_sequencer)
    }

    /// Those of these keys that [`SqliteQueue::send_announced`] has recorded.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn announced(&self, keys: Vec<String>) -> Result<Vec<String>> {
        self.call(move |connection| table::announced(connection, keys)).await
    }

    /// Forgets the records of these keys: the next announcement of each counts as new.
    ///
    /// # Errors
    /// Then none was forgotten.
    pub async fn forget_announced(&self, keys: Vec<String>) -> Result<()> {
        self.call(move |connection| table::forget_announced(connection, &keys)).await
    }

    /// How many messages are leased, and until when at the latest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn leased(&self) -> Result<Option<(u64, Timestamp)>> {
        self.shared.with(table::leased)
    }

    /// Makes every leased message visible at once; how many there were. For whoever knows that nobody holds them.
    /// What was received so far counts.
    ///
    /// # Errors
    /// Then none was.
    pub fn release_all(&self) -> Result<u64> {
        let released = self.shared.with(table::release_all)?;
        self.shared.news.notify_waiters();
        Ok(released)
    }

    /// Copies the whole file as of one moment to `path`, where nothing may be, while others go on using it.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<()> {
        let path = path.to_owned();
        self.call(move |connection| crate::sqlite::copy_to(connection, &path)).await
    }

    /// The newest dead letters, at most `limit`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        self.call(move |connection| table::dead_letters(connection, limit)).await
    }

    /// Moves every dead letter back into the queue, its receive count at zero. Returns how many.
    ///
    /// # Errors
    /// Then none was moved.
    pub async fn redrive(&self) -> Result<usize> {
        let moved = self.call(table::redrive).await?;
        self.shared.news.notify_waiters();
        Ok(moved)
    }

    /// Runs `work` on a blocking thread. When this future is dropped the work still ends, whole.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.call_shared(move |shared| shared.with(work)).await
    }

    async fn call_shared<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<SqliteQueueInner>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.shared.clone();
        spawn_blocking(move || work(&shared)).await.map_err(|error| {
            if error.is_panic() {
                Error::bug("a queue statement panicked").with_source(error)
            } else {
                Error::transient("the process is stopping").with_source(error)
            }
        })?
    }
}

/// Messages on their way from the file to whoever asked. If nobody claims them (the receiving future was dropped),
/// they go back at once and the receive does not count.
struct Delivery {
    messages: Vec<Message>,
    shared: Arc<SqliteQueueInner>,
}

impl Delivery {
    fn claim(mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let (messages, shared) = (std::mem::take(&mut self.messages), self.shared.clone());
        // Without a runtime the process is ending; the messages wait for their visibility timeout.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || {
                match shared.with(|connection| table::undo_receive(connection, &messages)) {
                    Ok(()) => shared.news.notify_waiters(),
                    Err(error) => tracing::debug!(%error, "messages nobody took wait for their visibility timeout"),
                }
            });
        }
    }
}

/// What one attempt to receive gave.
struct ReceiveAttempt {
    delivery: Delivery,
    /// Messages were given up instead: there may be more behind them.
    is_cut_short: bool,
    next_visible_us: Option<i64>,
    /// The file's state before this look.
    seen: i64,
}

impl SqliteQueueInner {
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        // A panic under the lock leaves no open transaction: its guard rolled it back.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).map_err(|error| fault::fault(&self.path, error))
    }

    fn look(self: &Arc<Self>, max: usize) -> Result<ReceiveAttempt> {
        // The version first: a commit between the two is seen as a change later, never missed.
        let is_set_back = self.clock.lock().unwrap_or_else(PoisonError::into_inner).was_set_back();
        let (seen, taken) = self.with(|connection| {
            let seen = table::data_version(connection)?;
            Ok((seen, table::take(connection, max, &self.options, is_set_back)?))
        })?;
        if taken.capped > 0 {
            names::LEASES_CAPPED.add(taken.capped);
            if let Some(more_like_it) = seldom::ask("queue leases capped".to_owned()) {
                tracing::warn!(
                    messages = taken.capped,
                    more_like_it,
                    "the clock was set back: messages hidden for longer than their lease are visible again in time"
                );
            }
        }
        for (message_id, receive_count) in &taken.died {
            let Some(more_like_it) = seldom::ask("queue dead letters".to_owned()) else { continue };
            let hint = "`scanmill queue dead list` shows them, `scanmill queue dead redrive` sends them back";
            tracing::warn!(
                message_id,
                receive_count,
                hint,
                more_like_it,
                "message received too often, moved to the dead letters"
            );
        }
        Ok(ReceiveAttempt {
            delivery: Delivery { messages: taken.messages, shared: self.clone() },
            is_cut_short: !taken.died.is_empty(),
            next_visible_us: taken.next_visible_us,
            seen,
        })
    }
}

/// The wall clock beside one that only goes forward: the machine's, as a clock that a test moves says nothing of the other.
#[derive(Default)]
struct Clock {
    last: Option<(std::time::Instant, i64)>,
}

impl Clock {
    /// Whether the wall clock was set back since the last call. `true` at the first: nobody knows what happened before.
    fn was_set_back(&mut self) -> bool {
        let (now, wall) = (std::time::Instant::now(), table::now_us());
        let Some((then, then_wall)) = self.last.replace((now, wall)) else { return true };
        let passed = i64::try_from(now.duration_since(then).as_micros()).unwrap_or(i64::MAX);
        wall < then_wall.saturating_add(passed).saturating_sub(table::CLOCK_SLACK_US)
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>> {
        let max = max.min(self.advice().messages_per_receive);
        if max == 0 {
            return Ok(Vec::new());
        }
        // None: too far away to be a time.
        let deadline = Instant::now().checked_add(wait);
        loop {
            // Listening starts before the look, so a send between the two is heard.
            let mut news = std::pin::pin!(self.shared.news.notified());
            news.as_mut().enable();
            let look = self.call_shared(move |shared| shared.look(max)).await?;
            let messages = look.delivery.claim();
            if !messages.is_empty() {
                return Ok(messages);
            }
            if look.is_cut_short {
                continue;
            }
            loop {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(Vec::new());
                }
                let due_in = look.next_visible_us.map_or(LOOK_EVERY, |next| {
                    Duration::from_micros(u64::try_from(next.saturating_sub(table::now_us())).unwrap_or(0))
                });
                let pause = LOOK_EVERY.min(due_in).min(left.unwrap_or(LOOK_EVERY));
                tokio::select! {
                    () = news.as_mut() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                let is_due = look.next_visible_us.is_some_and(|next| next <= table::now_us());
                if is_due || self.call(table::data_version).await? != look.seen {
                    break;
                }
            }
        }
    }

    async fn delete(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        let (path, receipts) = (self.shared.path.clone(), receipts.to_vec());
        self.call(move |connection| table::delete(connection, &path, &receipts)).await
    }

    async fn extend(&self, receipts: &[ReceiptHandle], visibility: Duration) -> Result<Vec<Result<(), Error>>> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        let (path, receipts) = (self.shared.path.clone(), receipts.to_vec());
        let results = self
            .call(move |connection| table::extend(connection, &path, &receipts, visibility.min(MAX_VISIBILITY)))
            .await?;
        // Whoever waits may have to wait less now.
        self.shared.news.notify_waiters();
        Ok(results)
    }

    async fn put_back(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        let (path, receipts) = (self.shared.path.clone(), receipts.to_vec());
        let results = self.call(move |connection| table::put_back(connection, &path, &receipts)).await?;
        self.shared.news.notify_waiters();
        Ok(results)
    }

    async fn send(&self, bodies: &[String]) -> Result<()> {
        if bodies.is_empty() {
            return Ok(());
        }
        let bodies = bodies.to_vec();
        self.call(move |connection| table::send(connection, &bodies)).await?;
        self.shared.news.notify_waiters();
        Ok(())
    }

    async fn depth(&self) -> Result<Depth> {
        self.call(table::depth).await
    }
}

//! Ports that fail, are late or hang on command.
#![allow(dead_code, unreachable_pub, reason = "each program of tests uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use scanmill::app::Ports;
use scanmill::domain::PhotoRef;
use scanmill::error::{Error, Result};
use scanmill::queue::{Advice, Depth, Message, Queue, ReceiptHandle};
use scanmill::store::{Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store};
use scanmill::warehouse::{BatchSource, Loaded, Manifest, Table, Value, Warehouse};

/// A call that holds its thread lets go after this long: a test that failed meanwhile never says so, and its runtime waits
/// for this thread.
const LETS_GO_AFTER: Duration = Duration::from_secs(200);

/// When an injected fault strikes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The call is refused and does nothing.
    Before,
    /// The call does its work and its answer is lost.
    After,
}

/// Faults to strike: after `skip` calls of this name, `times` times.
struct Planned {
    call: &'static str,
    skip: usize,
    times: usize,
    when: When,
    error: fn() -> Error,
}

/// How a call hangs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is not answered.
    Unanswered,
    /// It holds its thread.
    Blocking,
}

/// Faults and delays by call name, shared by all faulty ports of a test, and what the calls were.
#[derive(Clone, Default)]
pub struct Script {
    planned: Arc<Mutex<Vec<Planned>>>,
    delays: Arc<Mutex<BTreeMap<&'static str, Duration>>>,
    hangs: Arc<Mutex<BTreeMap<&'static str, (usize, How)>>>,
    let_go: Arc<AtomicBool>,
    calls: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    struck: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    redelivered: Arc<AtomicUsize>,
    receives_at_once: Option<usize>,
    bad_keys: Arc<BTreeSet<String>>,
    receiving: Arc<AtomicUsize>,
    most_receiving: Arc<AtomicUsize>,
}

impl Script {
    pub fn plan(self, call: &'static str, times: usize, when: When, error: fn() -> Error) -> Script {
        self.plan_after(0, call, times, when, error)
    }

    /// As [`Script::plan`], after `skip` calls that are left alone.
    pub fn plan_after(self, skip: usize, call: &'static str, times: usize, when: When, error: fn() -> Error) -> Script {
        self.planned.lock().unwrap().push(Planned { call, skip, times, when, error });
        self
    }

    /// Reading these keys always fails.
    pub fn bad_keys<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Script {
        self.bad_keys = Arc::new(keys.into_iter().map(str::to_owned).collect());
        self
    }

    /// Every call of this name takes at least `delay`.
    pub fn slow(self, call: &'static str, delay: Duration) -> Script {
        self.delays.lock().unwrap().insert(call, delay);
        self
    }

    /// The first `times` calls of this name do not come back, those that block before [`Script::let_go`].
    pub fn hang(self, call: &'static str, times: usize, how: How) -> Script {
        self.hangs.lock().unwrap().insert(call, (times, how));
        self
    }

    /// From now on nothing hangs.
    pub fn let_go(&self) {
        self.hangs.lock().unwrap().clear();
        self.let_go.store(true, Ordering::Relaxed);
    }

    /// How the next call of this name hangs, if it does.
    pub fn hanging(&self, call: &'static str) -> Option<How> {
        let mut hangs = self.hangs.lock().unwrap();
        let (times, how) = hangs.get_mut(call)?;
        *times = times.checked_sub(1)?;
        *self.struck.lock().unwrap().entry(call).or_default() += 1;
        Some(*how)
    }

    /// The queue says that it can use this many receives at once.
    pub fn receives_at_once(mut self, count: usize) -> Script {
        self.receives_at_once = Some(count);
        self
    }

    /// The most receives that were under way at once.
    pub fn most_receiving(&self) -> usize {
        self.most_receiving.load(Ordering::Relaxed)
    }

    /// From now on `call` works.
    pub fn heal(&self, call: &'static str) {
        self.planned.lock().unwrap().retain(|fault| fault.call != call);
    }

    /// How often `call` was made.
    pub fn calls(&self, call: &'static str) -> usize {
        self.calls.lock().unwrap().get(call).copied().unwrap_or(0)
    }

    /// How often `call` was made to fail.
    pub fn struck(&self, call: &'static str) -> usize {
        self.struck.lock().unwrap().get(call).copied().unwrap_or(0)
    }

    /// Waits until `call` was made to fail `times` times.
    pub async fn has_struck(&self, call: &'static str, times: usize) {
        while self.struck(call) < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Messages handed out that had been handed out before.
    pub fn redelivered(&self) -> usize {
        self.redelivered.load(Ordering::Relaxed)
    }

    fn strikes(&self, call: &'static str, when: When) -> Result<()> {
        let mut planned = self.planned.lock().unwrap();
        for fault in planned.iter_mut().filter(|fault| fault.call == call && fault.when == when && fault.times > 0) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            *self.struck.lock().unwrap().entry(call).or_default() += 1;
            return Err((fault.error)());
        }
        Ok(())
    }

    async fn around<T>(&self, call: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        let delay = self.delays.lock().unwrap().get(call).copied();
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        match self.hanging(call) {
            Some(How::Unanswered) => std::future::pending().await,
            Some(How::Blocking) => {
                // The task that a worker thread runs next cannot be taken over by another: without this it would hang as
                // well, and whichever of the two is late first would be told of.
                tokio::task::yield_now().await;
                let since = Instant::now();
                while !self.let_go.load(Ordering::Relaxed) && since.elapsed() < LETS_GO_AFTER {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            None => {}
        }
        self.strikes(call, When::Before)?;
        let done = work.await?;
        self.strikes(call, When::After)?;
        Ok(done)
    }

    /// The same ports, failing by this script.
    pub fn over(&self, ports: &Ports) -> Ports {
        let mut faulty = ports.clone();
        faulty.queue = self.over_queue(&ports.queue);
        faulty.store = self.over_store(&ports.store);
        faulty.warehouse = self.over_warehouse(&ports.warehouse);
        faulty
    }

    /// The same queue, failing by this script.
    pub fn over_queue(&self, queue: &Arc<dyn Queue>) -> Arc<dyn Queue> {
        Arc::new(Faulty { inner: queue.clone(), script: self.clone() })
    }

    /// The same store, failing by this script.
    pub fn over_store(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(Faulty { inner: store.clone(), script: self.clone() })
    }

    /// The same warehouse, failing by this script.
    pub fn over_warehouse(&self, warehouse: &Arc<dyn Warehouse>) -> Arc<dyn Warehouse> {
        Arc::new(Faulty { inner: warehouse.clone(), script: self.clone() })
    }
}

struct Faulty<P: ?Sized> {
    inner: Arc<P>,
    script: Script,
}

#[async_trait]
impl Queue for Faulty<dyn Queue> {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Message>> {
        let receiving = self.script.receiving.fetch_add(1, Ordering::Relaxed) + 1;
        self.script.most_receiving.fetch_max(receiving, Ordering::Relaxed);
        let received = self.script.around("receive", self.inner.receive(max, wait)).await;
        self.script.receiving.fetch_sub(1, Ordering::Relaxed);
        let messages = received?;
        let redelivered = messages.iter().filter(|message| message.receive_count > 1).count();
        self.script.redelivered.fetch_add(redelivered, Ordering::Relaxed);
        Ok(messages)
    }
    async fn delete(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        self.script.around("delete", self.inner.delete(receipts)).await
    }
    async fn extend(&self, receipts: &[ReceiptHandle], visibility: Duration) -> Result<Vec<Result<(), Error>>> {
        self.script.around("extend", self.inner.extend(receipts, visibility)).await
    }
    async fn put_back(&self, receipts: &[ReceiptHandle]) -> Result<Vec<Result<(), Error>>> {
        self.script.around("put_back", self.inner.put_back(receipts)).await
    }
    async fn send(&self, bodies: &[String]) -> Result<()> {
        self.inner.send(bodies).await
    }
    async fn depth(&self) -> Result<Depth> {
        self.script.around("depth", self.inner.depth()).await
    }
    fn advice(&self) -> Advice {
        let advice = self.inner.advice();
        match self.script.receives_at_once {
            // As SQS does, whose receives are small.
            Some(receives_at_once) => Advice { receives_at_once, messages_per_receive: 10, ..advice },
            None => advice,
        }
    }
    async fn release(&self) {
        self.inner.release().await;
    }
}

#[async_trait]
impl Store for Faulty<dyn Store> {
    async fn probe(&self, bucket: &str, prefix: &str) -> Result<()> {
        self.script.around("probe", self.inner.probe(bucket, prefix)).await
    }
    async fn get(&self, bucket: &str, key: &str, version_id: Option<&str>, max_bytes: u64) -> Result<Object> {
        if self.script.bad_keys.contains(key) {
            *self.script.struck.lock().unwrap().entry("get of a bad key").or_default() += 1;
            return Err(Error::transient(format!("`{bucket}/{key}` breaks off, says the test")));
        }
        self.script.around("get", self.inner.get(bucket, key, version_id, max_bytes)).await
    }
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMetadata> {
        self.inner.head(bucket, key).await
    }
    async fn put(&self, bucket: &str, key: &str, bytes: Bytes, mode: PutMode) -> Result<Put> {
        self.script.around("put", self.inner.put(bucket, key, bytes, mode)).await
    }
    async fn forget_announcement(&self, photo: &PhotoRef) -> Result<()> {
        self.inner.forget_announcement(photo).await
    }
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<ObjectSummary>> {
        self.script.around("list", self.inner.list(bucket, prefix, after, max)).await
    }
}

#[async_trait]
impl Warehouse for Faulty<dyn Warehouse> {
    async fn prepare(&self) -> Result<()> {
        self.inner.prepare().await
    }
    async fn load(&self, manifest: &Manifest, source: &dyn BatchSource) -> Result<Loaded> {
        self.script.around("load", self.inner.load(manifest, source)).await
    }
    async fn not_in_ledger(&self, batch_ids: &[String]) -> Result<Vec<String>> {
        self.script.around("not_in_ledger", self.inner.not_in_ledger(batch_ids)).await
    }
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Table> {
        self.inner.query(sql, parameters).await
    }
}

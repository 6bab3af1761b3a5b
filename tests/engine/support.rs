//! A root folder, photos made on the spot, and ports that fail on command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use image::{ImageFormat, Luma};
use qrcode::QrCode;
use scanmill::actors::pipeline_context::Host;
use scanmill::actors::state::{ActorStates, BudgetStates};
use scanmill::actors::supervisor::Phase;
use scanmill::app::{self, Engine, Ports};
use scanmill::config::Settings;
use scanmill::domain::PhotoRef;
use scanmill::error::{Error, Result};
use scanmill::queue::{Advice, Depth, Message, Queue, ReceiptHandle};
use scanmill::store::{Object, ObjectMetadata, ObjectSummary, Put, PutMode, Store};
use scanmill::warehouse::{BatchSource, Loaded, Manifest, Table, Value, Warehouse};
use tempfile::TempDir;

/// A place for one engine, gone with the value.
pub struct Place {
    pub settings: Settings,
    _root: TempDir,
}

impl Place {
    /// Settings for a quick test: short leases and batches, no page.
    pub fn new() -> Place {
        let root = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.local.root = root.path().to_owned();
        settings.local.watch = false;
        settings.queue.visibility_timeout = Duration::from_secs(5);
        settings.batch.max_age = Duration::from_millis(50);
        settings.load.interval = Duration::from_millis(50);
        settings.scale.tick = Duration::from_millis(50);
        settings.metrics.listen = None;
        app::make_folders(&settings).unwrap();
        Place { settings, _root: root }
    }

    pub fn ports(&self) -> Ports {
        app::open(&self.settings).unwrap()
    }

    /// Runs an engine on `ports` while `work` goes on, then drains it; returns the last phase.
    pub fn run<F>(&self, ports: &Ports, work: impl FnOnce(Engine) -> F) -> Phase
    where
        F: Future<Output = ()>,
    {
        self.run_on(ports, Host::here(), work)
    }

    /// The same on another machine.
    pub fn run_on<F>(&self, ports: &Ports, host: Host, work: impl FnOnce(Engine) -> F) -> Phase
    where
        F: Future<Output = ()>,
    {
        let _watchdog = watchdog();
        app::run_system(&self.settings, async {
            let engine = Engine::start_on(Arc::new(self.settings.clone()), ports.clone(), host).await?;
            work(engine.clone()).await;
            engine.drain();
            Ok(engine.ended().await)
        })
        .unwrap()
    }

    /// Photos put before the engine runs.
    pub fn put(&self, ports: &Ports, photos: &[(&str, Bytes)]) {
        app::run_system(&self.settings, async {
            for (key, bytes) in photos {
                ports.store.put(&self.settings.store.inbox, key, bytes.clone(), PutMode::Overwrite).await?;
            }
            Ok(())
        })
        .unwrap();
    }

    /// `object_key` to payloads, and to reasons, as the warehouse has them.
    pub fn rows(&self, ports: &Ports) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<String>>) {
        let read = |sql: &'static str| {
            let table = app::run_system(&self.settings, ports.warehouse.query(sql, &[])).unwrap();
            let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for row in table.rows {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                rows.entry(text(&row[0])).or_default().push(text(&row[1]));
            }
            rows
        };
        (
            read("select object_key, payload from scans order by object_key, qr_index"),
            read("select object_key, reason from rejections order by object_key"),
        )
    }
}

/// A run of an engine that has not ended after this long never will.
const TEST_ENDS_WITHIN: Duration = Duration::from_secs(400);

/// Ends the process, naming the test, when what it returns is not dropped in time: a test that hangs would otherwise say
/// nothing until something outside gives up on all of them.
fn watchdog() -> mpsc::SyncSender<()> {
    let (alive, gone) = mpsc::sync_channel::<()>(1);
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    std::thread::spawn(move || {
        if gone.recv_timeout(TEST_ENDS_WITHIN) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{test}: an engine has not ended after {} s", TEST_ENDS_WITHIN.as_secs());
            std::process::abort();
        }
    });
    alive
}

/// Waits for `engine` to have nothing left, for at most `seconds`.
pub async fn idle(engine: &Engine, seconds: u64) {
    match tokio::time::timeout(Duration::from_secs(seconds), engine.idle()).await {
        Ok(idle) => idle.unwrap(),
        Err(_) => panic!("not idle after {seconds} s: {:#}", engine.state()),
    }
}

/// What `/state` shows of the actors.
pub fn actors(engine: &Engine) -> ActorStates {
    started_actors(engine).unwrap()
}

/// The same; an error before all of them have started.
pub fn started_actors(engine: &Engine) -> serde_json::Result<ActorStates> {
    serde_json::from_value(engine.state()["actors"].take())
}

/// What `/state` shows of the budgets, once they were looked at.
pub fn budgets(engine: &Engine) -> BudgetStates {
    serde_json::from_value(engine.state()["budgets"].take()).unwrap()
}

/// A PNG with one QR code.
pub fn qr_png(text: &str) -> Bytes {
    let code = QrCode::new(text).unwrap();
    let side = code.width() as u32;
    let dark = |module: u32| module.checked_sub(4).filter(|module| *module < side);
    encode(&image::GrayImage::from_fn((side + 8) * 4, (side + 8) * 4, |x, y| match (dark(x / 4), dark(y / 4)) {
        (Some(x), Some(y)) if code[(x as usize, y as usize)] == qrcode::Color::Dark => Luma([0]),
        _ => Luma([255]),
    }))
}

/// A PNG without one.
pub fn blank_png() -> Bytes {
    encode(&image::GrayImage::from_fn(200, 200, |x, y| Luma([((x * 3 + y * 7) % 251) as u8])))
}

fn encode(picture: &image::GrayImage) -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner().into()
}

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
                // Not for good: a test that failed meanwhile never lets go, and its runtime waits for this thread.
                let since = Instant::now();
                while !self.let_go.load(Ordering::Relaxed) && since.elapsed() < TEST_ENDS_WITHIN / 2 {
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
        faulty.queue = Arc::new(Faulty { inner: ports.queue.clone(), script: self.clone() });
        faulty.store = Arc::new(Faulty { inner: ports.store.clone(), script: self.clone() });
        faulty.warehouse = Arc::new(Faulty { inner: ports.warehouse.clone(), script: self.clone() });
        faulty
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

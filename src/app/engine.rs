//! The engine as commands see it: start, look, drain, end.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Actor, Addr};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Ports;
use super::alone::{self, AtWork, Company};
use super::pipeline;
use super::prune::{self, Pruned};
use super::room;
use super::traces;
use super::watching::Watching;
use crate::actors::backlog::Backlog;
use crate::actors::holdup::Behind;
use crate::actors::messages::{Drain, Reload, StopNow};
use crate::actors::outage::{self, Outages};
use crate::actors::pipeline_context::{Budgets, GetAnswers, Host, PipelineContext};
use crate::actors::supervisor::{Phase, Supervisor};
use crate::actors::watchdog;
use crate::config::Settings;
use crate::config::keys::grouped;
use crate::config::machine::Choice;
use crate::diagnostics::counted;
use crate::domain::WhyLeftOut;
use crate::domain::photo::hash_128;
use crate::error::{Error, Result};
use crate::flow::Generation;
use crate::scale::bottleneck::{Stage, Stopped};
use crate::store::folder::{FolderStore, InboxTrouble, Rest, WatchOptions};
use crate::telemetry::{Telemetry, process, recorder, seldom};

/// A multi-thread runtime for I/O: adapters may block in place, which needs one.
///
/// # Errors
/// When the system gives this process too few files or threads.
pub fn io_runtime(threads: usize) -> Result<tokio::runtime::Runtime> {
    room::check(threads.max(1))?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name("io")
        .enable_all()
        .build()
        .map_err(|error| Error::transient("cannot start the I/O threads").with_source(error))
}

/// Runs `main` with the actors' thread and the I/O runtime under it. Actors stay on this thread; everything spawned
/// with tokio runs on the runtime's workers.
pub fn run_system<F, T>(settings: &Settings, main: F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let runtime = io_runtime(settings.run.io_threads)?;
    actix::System::with_tokio_rt(move || runtime).block_on(main)
}

/// Time between two looks at what keeps photos of the inbox from being announced.
const LOOK_AT_INBOX_EVERY: Duration = Duration::from_millis(500);

/// The least time between two prunings.
const PRUNE_SELDOM: Duration = Duration::from_secs(1);

/// On top of ten ticks, before the actors' thread counts as hung.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    supervisor: Addr<Supervisor>,
    phase: watch::Receiver<Phase>,
    /// Those in force; a reload puts others there.
    settings: Arc<watch::Sender<Arc<Settings>>>,
    telemetry: Telemetry,
    ports: Ports,
    backlog: Backlog,
    outages: Outages,
    started_at: Instant,
    /// Ends the watch on the inbox, if there is one.
    watching: Option<CancellationToken>,
    /// Why the watch ended by itself, if it did.
    watch_failed: Arc<OnceLock<Error>>,
    /// Says to other processes that there is an engine on this root.
    _at_work: Option<Arc<AtWork>>,
}

impl Engine {
    /// Prepares the warehouse, starts the pipeline and, if the settings ask for it, the watch on the inbox. Must be
    /// called under [`run_system`].
    ///
    /// # Errors
    /// What can be known before any work: a schema newer than this binary, a folder that cannot be watched.
    pub async fn start(settings: Arc<Settings>, ports: Ports) -> Result<Engine> {
        Engine::start_on(settings, ports, Host::here()).await
    }

    /// [`Engine::start`] on another machine than this: a load test models it and its decoders, so that hundreds of cores
    /// fit on a few. No setting leads here.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start_on(settings: Arc<Settings>, ports: Ports, host: Host) -> Result<Engine> {
        recorder::install()?;
        let told = |Choice { key, value, reason }: &Choice| format!("{key} {}: {reason}", grouped(*value));
        let limits: Vec<String> = settings.chosen.iter().map(told).collect();
        tracing::info!(limits = limits.join("; "), "limits set to `auto` follow from this machine");
        ports.warehouse.prepare().await?;
        let at_work = enter(&settings, &ports).await?;
        let instance = instance_name();
        let telemetry = Telemetry { tracer: traces::start(&settings, &instance), ..Telemetry::default() };
        let (phase_sender, phase) = watch::channel(Phase::Running);
        let mut watching = None;
        let watch_failed: Arc<OnceLock<Error>> = Arc::default();
        if let Some(folder) = ports.folder.as_ref().filter(|_| settings.local.watch) {
            let rest = Rest { quiet: settings.local.quiet, ..Rest::default() };
            let options = WatchOptions {
                rest,
                scan_every: settings.local.scan_every,
                calls: telemetry.calls.clone(),
                answers_within: settings.answers_within(),
                hung_after: settings.run.hung_after,
            };
            let cancel = watching.insert(CancellationToken::new()).clone();
            let first = folder.watch(options.clone(), cancel.clone())?;
            let watch = Watching { folder: folder.clone(), options, cancel, phase: phase.clone() };
            tokio::spawn(watch.keep_on(first, watch_failed.clone()));
        }
        let backlog = Backlog::default();
        let outages = Outages::new(ports.store.clone(), &settings.filter.prefix);
        outages.look_first(&settings.store.inbox).await;
        let shown = outages.clone();
        telemetry
            .board
            .register(outage::NAME, Arc::new(move || serde_json::to_value(shown.state()).unwrap_or_default()));
        let line = PipelineContext {
            budgets: Budgets::new(&settings),
            settings: settings.clone(),
            queue: ports.queue.clone(),
            store: ports.store.clone(),
            warehouse: ports.warehouse.clone(),
            telemetry: telemetry.clone(),
            io: tokio::runtime::Handle::current(),
            instance: instance.into(),
            number: 0,
            generation: Generation::default(),
            draining: CancellationToken::new(),
            batches_opened: Arc::default(),
            backlog: backlog.clone(),
            host,
            behind: Behind::default(),
            gets: GetAnswers::default(),
            outages: outages.clone(),
        };
        if let (Some(folder), Some(watching)) = (ports.folder.clone(), watching.clone()) {
            let (outages, failed) = (outages.clone(), watch_failed.clone());
            tokio::spawn(watching.run_until_cancelled_owned(async move {
                loop {
                    let ended = failed.get().map(|error| Stopped {
                        stage: Stage::StoreDown,
                        why: format!("the watch on the inbox ended: {}", error.report()),
                    });
                    outages.note_inbox(ended.or_else(|| {
                        let InboxTrouble { is_of_queue, why } = folder.trouble()?;
                        Some(Stopped { stage: if is_of_queue { Stage::QueueDown } else { Stage::StoreDown }, why })
                    }));
                    tokio::time::sleep(LOOK_AT_INBOX_EVERY).await;
                }
            }));
        }
        let settings = Arc::new(watch::Sender::new(settings));
        tokio::spawn(keep_pruning(settings.subscribe(), ports.clone()));
        let supervisor = Supervisor::new(line, phase_sender).start();
        watchdog::start(telemetry.calls.clone(), phase.clone(), supervisor.clone().recipient())?;
        let mut ended = phase.clone();
        tokio::spawn(outages.clone().keep_probing(async move {
            // An error says that the supervisor is gone, which is an end as well.
            let _ = ended.wait_for(Phase::is_end).await;
        }));
        Ok(Engine {
            supervisor,
            phase,
            settings,
            telemetry,
            ports,
            backlog,
            outages,
            started_at: Instant::now(),
            watching,
            watch_failed,
            _at_work: at_work,
        })
    }

    /// Sealed batches that cannot be read and were set aside.
    pub fn batches_set_aside(&self) -> usize {
        self.backlog.count_set_aside()
    }

    /// Figures since the start.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Stops taking work and lets everything in flight run to its end.
    pub fn drain(&self) {
        self.end_watch();
        self.supervisor.do_send(Drain);
    }

    /// Works by `settings` from now on, which differ from those in force only in keys that
    /// [`crate::config::keys::Key::is_live`] names. Where the pipeline is concerned, what is in flight runs to its end
    /// first, and the next generation has begun when this returns.
    pub async fn reload(&self, settings: Arc<Settings>) {
        let before = self.settings.send_replace(settings.clone());
        self.outages.set_prefix(&settings.filter.prefix);
        let exclusions = settings.filter.exclusions();
        if let Some(folder) = self.ports.folder.as_ref().filter(|_| before.filter.exclusions() != exclusions) {
            folder.set_exclude(exclusions);
        }
        if !concerns_pipeline(&before, &settings) || !self.supervisor.send(Reload(settings)).await.unwrap_or(false) {
            return;
        }
        // An error is an end as well.
        let _ = self.phase.clone().wait_for(|phase| *phase == Phase::Running || phase.is_end()).await;
    }

    /// The settings in force.
    fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// Stops at once; what is in flight returns by redelivery.
    pub fn stop_now(&self) {
        self.end_watch();
        self.supervisor.do_send(StopNow);
    }

    fn end_watch(&self) {
        if let Some(watching) = &self.watching {
            watching.cancel();
        }
    }

    /// Waits for the last phase, and until the traces of what ended are sent, for a few seconds at most.
    pub async fn ended(&self) -> Phase {
        let mut phase = self.phase.clone();
        let last = match phase.wait_for(Phase::is_end).await {
            Ok(phase) => phase.clone(),
            Err(_) => Phase::Stopped("the supervisor is gone".into()),
        };
        self.telemetry.tracer.flush().await;
        // Last: a line after it would begin a new minute.
        seldom::tell_all();
        last
    }

    /// Whether it is in its last phase.
    pub fn has_ended(&self) -> bool {
        self.phase.borrow().is_end()
    }

    /// Whether the engine takes work and its rows reach the warehouse; otherwise why not.
    pub fn ready(&self) -> std::result::Result<(), String> {
        match &*self.phase.borrow() {
            Phase::Running => self
                .stalled()
                .or_else(|| self.outages.why())
                .or_else(|| self.outages.loads_fail())
                .or_else(|| self.telemetry.calls.overdue())
                .map_or(Ok(()), Err),
            other => Err(other.as_str().to_owned()),
        }
    }

    /// Waits until every photo found in the inbox was announced, the queue is empty, nothing is in flight and every
    /// durable batch, whoever sealed it, is loaded or set aside. The last of them are loaded at once, whatever the interval.
    ///
    /// # Errors
    /// When that cannot come by waiting: the engine ended, the queue or the warehouse refuses for good, the watch on the
    /// inbox failed.
    pub async fn idle(&self) -> Result<()> {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        // SQS counts late: what was sent a moment ago may be in none of its numbers yet.
        const LOOK_SELDOM: Duration = Duration::from_secs(1);
        let (look_every, looks_wanted) =
            if self.ports.queue.advice().is_approximate { (LOOK_SELDOM, 5) } else { (LOOK_EVERY, 1) };
        let mut looks_empty = 0;
        loop {
            if let Some(error) = self.watch_failed.get() {
                let message = format!("cannot tell whether the inbox is empty, as the watch on it ended: {error}");
                return Err(Error::new(error.class(), message));
            }
            // Asked before the depth: what is announced after this is in the queue or was not there yet.
            let found = self.watching.is_none() || self.ports.folder.as_ref().is_none_or(FolderStore::is_caught_up);
            // A queue that does not answer now may answer at the next look.
            let looks_so = match self.ports.queue.depth().await {
                Ok(depth) => depth.ready + depth.in_flight == 0,
                Err(error) if error.class().is_retryable() => false,
                Err(error) => return Err(error),
            };
            looks_empty = if looks_so { looks_empty + 1 } else { 0 };
            let empty = looks_empty >= looks_wanted;
            if found && empty {
                if self.backlog.is_done() {
                    return Ok(());
                }
                if self.backlog.is_refused() {
                    let count = self.backlog.len();
                    let message = format!("the warehouse refuses {count} sealed batches, as logged above");
                    return Err(Error::permanent(message)
                        .with_hint("nothing is lost: once that is fixed, the next start loads them"));
                }
                // Nothing more comes: what is sealed need not wait for `load.interval_ms`.
                self.backlog.want_loaded();
            }
            if self.phase.borrow().is_end() {
                return Err(Error::transient("the engine ended before the queue was empty"));
            }
            tokio::time::sleep(look_every).await;
        }
    }

    /// What it does, in one line.
    pub fn status(&self) -> String {
        let phase = self.phase.borrow().as_str();
        if let Some(why) = self.outages.why() {
            return format!("{phase}, takes nothing in: {}", why.lines().next().unwrap_or_default());
        }
        let totals = self.telemetry.totals.snapshot();
        let (decoded, waiting) = (counted(totals.photos_decoded, "photo"), counted(self.backlog.len() as u64, "batch"));
        let read = format!("{phase}: {decoded} read since the start, {waiting} to load");
        match self.outages.loads_fail() {
            Some(why) => format!("{read}; {}", why.lines().next().unwrap_or_default()),
            None => read,
        }
    }

    /// Why the process is past its own help, if it is: the control plane stopped looking, or starting the pipeline anew
    /// did not fix what hung.
    pub fn stalled(&self) -> Option<String> {
        let (busy, settings) = (&self.telemetry.busy, self.settings());
        if *self.phase.borrow() == Phase::Running
            && busy.since_tick().is_some_and(|since| since > 10 * settings.scale.tick + STALLED_AFTER)
        {
            return Some("the actors' thread does not respond".to_owned());
        }
        self.telemetry.calls.past_help(settings.decode.threads)
    }

    /// Files and folders of the inbox that may not be read.
    pub fn unreadable(&self) -> u64 {
        let inbox = self.ports.folder.as_ref().map(FolderStore::intake);
        inbox.and_then(|inbox| inbox.left_out.get(WhyLeftOut::Unreadable.as_str()).copied()).unwrap_or(0)
    }

    /// The last quarter of an hour, as `/history` shows it.
    pub fn history(&self) -> Value {
        self.telemetry.history.to_json(Instant::now())
    }

    /// Everything `/state` shows.
    pub fn state(&self) -> Value {
        let mut actors = self.telemetry.board.snapshot();
        let of = |actors: &Value, key: &str, field: &str| {
            actors.get(key).and_then(|state| state.get(field)).cloned().unwrap_or(Value::Null)
        };
        let [queue, budgets, bottleneck] =
            ["queue", "budgets", "bottleneck"].map(|field| of(&actors, "autoscaler", field));
        let engine = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "phase": self.phase.borrow().as_str(),
            "intake_stopped_by": self.outages.why(),
            "loading_stopped_by": self.outages.loads_fail(),
            "uptime_seconds": self.started_at.elapsed().as_secs(),
            "generation": of(&actors, "supervisor", "generation"),
            "restarts": of(&actors, "supervisor", "restarts"),
            "last_fault": of(&actors, "supervisor", "last_fault"),
            "all_passed_over_by_filter": self.telemetry.totals.all_passed_over(),
        });
        if let Some(autoscaler) = actors.get_mut("autoscaler").and_then(Value::as_object_mut) {
            autoscaler.remove("queue");
            autoscaler.remove("budgets");
            autoscaler.remove("bottleneck");
        }
        let mut state = json!({
            "engine": engine,
            "actors": actors,
            "queue": queue,
            "budgets": budgets,
            "bottleneck": bottleneck,
            "limits_chosen": self.settings().chosen,
            "totals": self.telemetry.totals.snapshot(),
            "inbox": self.ports.folder.as_ref().filter(|_| self.watching.is_some()).map(FolderStore::intake),
            "process": process_state(),
            "stages": self.telemetry.stages.to_json(),
            "order": pipeline::order(),
        });
        state["pipeline"] = pipeline::of(&state);
        state
    }
}

/// Whether a generation of the pipeline works otherwise by `next` than by `before`.
fn concerns_pipeline(before: &Settings, next: &Settings) -> bool {
    let (log, retention, cost) = (next.log.clone(), next.retention.clone(), next.cost.clone());
    Settings { log, retention, cost, ..before.clone() } != *next
}

/// Prunes now and every so often, as the settings ask at the time, until the engine is gone.
async fn keep_pruning(mut in_force: watch::Receiver<Arc<Settings>>, ports: Ports) {
    loop {
        let settings = in_force.borrow_and_update().clone();
        let Some(every) = settings.retention.every.filter(|_| prune::prunes_anything(&settings)) else {
            if in_force.changed().await.is_err() {
                return;
            }
            continue;
        };
        match prune::prune(&settings, &ports, false).await {
            Ok(pruned) if pruned.is_nothing() => {}
            Ok(Pruned { batches, batch_bytes, manifests, announced, dead_letters, dead_letters_kept }) => {
                tracing::info!(
                    batches,
                    batch_bytes,
                    manifests,
                    announced,
                    dead_letters,
                    dead_letters_kept,
                    "pruned what is older than [retention] says"
                );
            }
            Err(error) => {
                let hint = error.hint_text();
                tracing::warn!(%error, hint, "some old data was not pruned; the next run tries again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(every.max(PRUNE_SELDOM)) => {}
            changed = in_force.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

fn process_state() -> Value {
    let memory = process::memory();
    json!({
        "pid": std::process::id(),
        "cpu_seconds": process::process_cpu().as_secs_f64(),
        "resident_bytes": memory.map(|memory| memory.resident_bytes),
        "peak_resident_bytes": memory.map(|memory| memory.peak_resident_bytes),
    })
}

/// Takes over what an engine that is gone had leased, or says what is leased and until when.
async fn enter(settings: &Settings, ports: &Ports) -> Result<Option<Arc<AtWork>>> {
    let Some(queue) = ports.embedded.clone() else {
        if let Ok(depth) = ports.queue.depth().await
            && depth.in_flight > 0
        {
            let at_most_seconds = settings.queue.visibility_timeout.as_secs();
            tracing::info!(
                messages = depth.in_flight,
                at_most_seconds,
                "messages are leased: by other engines, or by one that is gone; then they are received again in time"
            );
        }
        return Ok(None);
    };
    let root = settings.local.root.clone();
    let entered = tokio::task::spawn_blocking(move || {
        let release = || queue.leased().and_then(|leased| leased.map_or(Ok(0), |_| queue.release_all()));
        let (at_work, company) = alone::enter(&root, release)?;
        match company {
            Company::Alone(Ok(0)) | Company::Unknown => {}
            // Another program's lock on the file is not a reason not to start.
            Company::Alone(Err(error)) => {
                let hint = error.hint_text();
                tracing::warn!(%error, hint, "leases of an engine that is gone are not taken over; they end in time");
            }
            Company::Alone(Ok(messages)) => tracing::info!(
                messages,
                "the last engine ended without a drain: what it had leased is received again at once"
            ),
            Company::Beside(pid) => {
                let (messages, until) = queue.leased().unwrap_or_default().unzip();
                let until = until.map(tracing::field::display);
                tracing::warn!(
                    pid,
                    messages,
                    until,
                    "another engine is at work on this root: each photo is read by one of the two"
                );
            }
        }
        Ok(at_work)
    });
    let at_work = entered.await.map_err(|error| Error::bug("taking over the queue panicked").with_source(error))??;
    Ok(Some(Arc::new(at_work)))
}

/// A name no other run has: random, because two instances may start in the same instant with the same process id.
fn instance_name() -> String {
    let drawn: u128 = rand::random();
    hash_128(&[&drawn.to_string(), &std::process::id().to_string()]).chars().take(12).collect()
}

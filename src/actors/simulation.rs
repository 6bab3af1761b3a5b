//! The pipeline in simulated time, in which minutes pass in milliseconds: everything runs on one thread, whose clock stands
//! still while there is work and then leaps to what is due next.
//!
//! The clock waits for what `spawn_blocking` runs, which is all that queue, store and warehouse of this machine do. It waits
//! for no other thread: a photo in the decoder pool may take hours by it. So what is uploaded here is not a photo, which its first
//! bytes tell before the pool. The leases of the embedded queue are by the wall clock, which nobody moves: what is received
//! again here was given back at once.

mod outages;
mod sinks;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use serde::de::DeserializeOwned;
use tokio::runtime::{self, Handle};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::batch_writer::{BatchWriter, BatchWriterState};
use super::faulty_ports::{How, Script, When};
use super::in_flight::LeaseCommand;
use super::lease_keeper::{LeaseKeeper, LeaseKeeperState};
use super::loader::{Loader, LoaderState};
use super::messages::Drain;
use super::pipeline_context::{PipelineContext, tests::context};
use super::stage::{self, Stage, tests::Listener};
use super::state::StageState;
use super::supervisor::{self, Phase, Supervisor, SupervisorState};
use super::watchdog;
use crate::config::Settings;
use crate::error::Error;
use crate::store::{PutMode, Store};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What is not so after this long never will be.
const NEVER: Duration = Duration::from_secs(3_600);

fn reset() -> Error {
    Error::transient("connection reset by the test")
}

fn broken() -> Error {
    Error::permanent("broken for good, says the test")
}

/// Waits until it is so, and says how long that took.
async fn until(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < NEVER, "not {what}");
        sleep(SECOND / 10).await;
    }
    began.elapsed()
}

/// A span of seconds.
fn seconds(span: RangeInclusive<f64>) -> RangeInclusive<Duration> {
    Duration::from_secs_f64(*span.start())..=Duration::from_secs_f64(*span.end())
}

/// A pipeline whose ports fail by a script.
struct Simulation {
    line: PipelineContext,
    /// The store without its faults.
    store: Arc<dyn Store>,
    script: Script,
}

impl Simulation {
    /// Does `work` in simulated time.
    fn run(script: Script, settings: impl FnOnce(&mut Settings), work: impl AsyncFnOnce(&Simulation)) {
        let (root, mut line) = context();
        let mut own = Settings { ..(*line.settings).clone() };
        own.scale.tick = SECOND;
        settings(&mut own);
        line.settings = Arc::new(own);
        let clock = runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        actix::System::with_tokio_rt(|| clock).block_on(async {
            line.warehouse.prepare().await.unwrap();
            let store = line.store.clone();
            line.queue = script.over_queue(&line.queue);
            line.store = script.over_store(&line.store);
            line.warehouse = script.over_warehouse(&line.warehouse);
            line.outages = super::outage::Outages::new(line.store.clone(), "");
            line.io = Handle::current();
            line.number = 0;
            work(&Simulation { line, store, script }).await;
        });
        drop(root);
    }

    /// Starts the pipeline, and what looks after it.
    fn start(&self) -> Pipeline {
        let (phase_sender, phase) = watch::channel(Phase::Running);
        let supervisor = Supervisor::new(self.line.clone(), phase_sender).start();
        let (calls, told) = (self.line.telemetry.calls.clone(), supervisor.clone().recipient());
        tokio::spawn(watchdog::keep_looking(calls, phase.clone(), told));
        let mut ended = phase.clone();
        tokio::spawn(self.line.outages.clone().keep_probing(async move {
            let _ = ended.wait_for(Phase::is_end).await;
        }));
        Pipeline { supervisor, phase }
    }

    /// Puts what is not a photo into the inbox, which announces it.
    async fn upload(&self, key: &str) {
        let inbox = &self.line.settings.store.inbox;
        self.store.put(inbox, key, "no photo".into(), PutMode::Overwrite).await.unwrap();
    }

    fn shown<T: DeserializeOwned>(&self, actor: &str) -> T {
        serde_json::from_value(self.line.telemetry.board.snapshot()[actor].take()).unwrap()
    }

    fn supervisor(&self) -> SupervisorState {
        self.shown(supervisor::NAME)
    }

    fn loader(&self) -> LoaderState {
        self.shown::<StageState<_>>(Loader::NAME).counters
    }

    fn lease_keeper(&self) -> LeaseKeeperState {
        self.shown::<StageState<_>>(LeaseKeeper::NAME).counters
    }

    fn batch_writer(&self) -> BatchWriterState {
        self.shown::<StageState<_>>(BatchWriter::NAME).counters
    }

    /// Rejections in the warehouse.
    async fn rows(&self) -> i64 {
        let table = self.line.warehouse.query("select count(*) from rejections", &[]).await.unwrap();
        table.rows[0][0].as_i64().unwrap()
    }

    /// Waits until so many rows are in the warehouse, and says how long that took.
    async fn loaded(&self, rows: i64) -> Duration {
        let began = Instant::now();
        while self.rows().await < rows {
            assert!(
                began.elapsed() < NEVER,
                "{} rows of {rows}: {:#}",
                self.rows().await,
                self.line.telemetry.board.snapshot()
            );
            sleep(SECOND).await;
        }
        began.elapsed()
    }
}

/// A pipeline that was started.
struct Pipeline {
    supervisor: Addr<Supervisor>,
    phase: watch::Receiver<Phase>,
}

impl Pipeline {
    /// Drains it; how it ended, and after how long.
    async fn drain(mut self) -> (Phase, Duration) {
        let began = Instant::now();
        self.supervisor.do_send(Drain);
        let phase = self.phase.wait_for(Phase::is_end).await.unwrap().clone();
        (phase, began.elapsed())
    }
}

/// Its stage, its name, and what its allowance has on top of all attempts.
type HangingCall = (&'static str, &'static str, fn(&Settings) -> Duration);

#[test]
fn a_call_that_hangs_is_found_after_its_allowance_and_the_pipeline_starts_anew() {
    let none = |_: &Settings| Duration::ZERO;
    let long_poll = |settings: &Settings| settings.queue.wait;
    let statement = |settings: &Settings| settings.redshift.statement_timeout;
    let calls: [HangingCall; 7] = [
        ("receive", "receive", long_poll),
        ("receive", "depth", none),
        ("fetch", "get", none),
        ("seal", "put", none),
        ("settle", "delete", none),
        ("load", "list", statement),
        ("load", "load", statement),
    ];
    for (stage, call, more) in calls {
        Simulation::run(
            Script::default().hang(call, 1, How::Unanswered),
            |settings| settings.redshift.statement_timeout = MINUTE,
            async |simulation| {
                let pipeline = simulation.start();
                simulation.upload("a.jpg").await;
                until(call, || simulation.script.struck(call) == 1).await;
                let took = until("started anew", || simulation.supervisor().restarts == 1).await;
                let settings = &simulation.line.settings;
                let allowed = settings.answers_within() + more(settings) + settings.run.hung_after;
                // Looked for twice a second; one that has just begun counts as one that began at the look before.
                assert!((allowed - SECOND..=allowed + SECOND).contains(&took), "{call}: {took:?} of {allowed:?}");
                let fault = simulation.supervisor().last_fault.unwrap_or_default();
                assert!(fault.contains(&format!("{stage} hangs: {call} has not come back for")), "{fault}");
                assert_eq!(simulation.line.telemetry.calls.past_help(2), None, "once may be the fault of its thread");
                until("at work", || simulation.supervisor().phase == Phase::Running.as_str()).await;
                simulation.loaded(1).await;
                assert_eq!(simulation.supervisor().restarts, 1, "{call}");
                assert_eq!(pipeline.drain().await.0, Phase::Drained, "{call}");
            },
        );
    }
}

#[test]
fn the_back_off_of_restarts_grows_and_begins_anew_after_a_healthy_minute() {
    let script = Script::default().plan("receive", usize::MAX, When::Before, broken);
    Simulation::run(
        script,
        |_| {},
        async |simulation| {
            let script = &simulation.script;
            let pipeline = simulation.start();
            script.has_struck("receive", 1).await;
            for restart in 0..10 {
                let whole = (0.5 * f64::from(1 << restart)).min(60.0);
                let waited = until("started anew", || script.struck("receive") > restart + 1).await;
                assert!(
                    seconds(whole / 2.0..=whole + 0.2).contains(&waited),
                    "restart {restart}: {waited:?} of {whole} s"
                );
            }
            script.heal("receive");
            simulation.upload("a.jpg").await;
            simulation.loaded(1).await;
            sleep(MINUTE).await;
            let (struck, restarts) = (script.struck("receive"), simulation.supervisor().restarts);
            script.clone().plan("receive", 2, When::Before, broken);
            script.has_struck("receive", struck + 1).await;
            let waited = until("started anew", || script.struck("receive") == struck + 2).await;
            assert!(seconds(0.25..=0.7).contains(&waited), "{waited:?}");
            simulation.upload("b.jpg").await;
            simulation.loaded(2).await;
            assert_eq!(simulation.supervisor().restarts, restarts + 2);
            assert_eq!(pipeline.drain().await.0, Phase::Drained);
        },
    );
}

#[test]
fn a_drain_that_takes_too_long_is_a_stop() {
    let settings = |settings: &mut Settings| settings.run.drain = 2 * MINUTE;
    Simulation::run(Script::default().hang("put", 1, How::Unanswered), settings, async |simulation| {
        let pipeline = simulation.start();
        simulation.upload("a.jpg").await;
        simulation.script.has_struck("put", 1).await;
        let (phase, took) = pipeline.drain().await;
        assert!(matches!(&phase, Phase::Stopped(why) if why.contains("run.drain_seconds")), "{phase:?}");
        assert!((2 * MINUTE..2 * MINUTE + SECOND).contains(&took), "{took:?}");
    });
}

#[test]
fn a_lease_is_extended_before_it_ends_and_given_up_when_it_ended_all_the_same() {
    Simulation::run(
        Script::default(),
        |_| {},
        async |simulation| {
            let Simulation { line, script, .. } = simulation;
            let (commands, to_keep) = mpsc::channel(1);
            let _keeper = stage::start::<LeaseKeeper>(line, &Listener::default().supervision(), to_keep);
            // The actor starts behind this task.
            sleep(SECOND).await;
            let keeper = || simulation.lease_keeper();
            line.queue.send(&["a message".to_owned()]).await.unwrap();
            let message = line.queue.receive(1, Duration::ZERO).await.unwrap().remove(0);
            let deadline = message.visible_again_at;
            let lease = line.settings.queue.visibility_timeout;
            assert_eq!(deadline, Instant::now() + lease);
            commands.send(LeaseCommand::Hold { receipt: message.receipt, deadline }).await.unwrap();
            for minute in 1..=60 {
                let before = keeper().extended;
                sleep(lease - SECOND).await;
                assert!(keeper().extended > before, "minute {minute}: nobody extends it");
                sleep(SECOND).await;
            }
            // Twice as often as it must be, and no more.
            let state = keeper();
            assert!(state.extended <= 121 && (state.held, state.lost) == (1, 0), "{state:?}");
            script.clone().plan("extend", usize::MAX, When::Before, reset);
            let given_up = until("given up", || keeper().held == 0).await;
            assert!((lease / 2..=lease + SECOND).contains(&given_up), "{given_up:?}");
            assert_eq!(keeper().extended, state.extended);
            let tries = script.struck("extend");
            assert!(tries > 5, "{tries}: tried again while there was time");
            sleep(10 * lease).await;
            assert_eq!(script.struck("extend"), tries, "there is nothing to extend");
        },
    );
}

#[test]
fn a_batch_is_sealed_once_it_is_old_enough() {
    let age = 2 * MINUTE;
    Simulation::run(
        Script::default(),
        |settings| settings.batch.max_age = age,
        async |simulation| {
            let pipeline = simulation.start();
            for number in 1..=2 {
                simulation.upload(&format!("{number}.jpg")).await;
                until("open", || simulation.batch_writer().open_rows == 1).await;
                // Another one makes it no younger.
                sleep(age / 2).await;
                simulation.upload(&format!("{number}.png")).await;
                until("in the batch", || simulation.batch_writer().open_rows == 2).await;
                let rest = until("sealed", || simulation.batch_writer().sealed == number).await;
                assert!((age / 2 - SECOND..=age / 2 + SECOND).contains(&rest), "{rest:?}");
            }
            simulation.loaded(4).await;
            assert_eq!(pipeline.drain().await.0, Phase::Drained);
        },
    );
}

#[test]
fn a_loader_comes_back_after_its_interval_and_soon_after_an_outage() {
    let interval = 5 * MINUTE;
    Simulation::run(
        Script::default(),
        |settings| settings.load.interval = interval,
        async |simulation| {
            let script = &simulation.script;
            let pipeline = simulation.start();
            // Its first pass finds nothing.
            sleep(SECOND).await;
            simulation.upload("a.jpg").await;
            let took = simulation.loaded(1).await;
            assert!((interval - 4 * SECOND..=interval + SECOND).contains(&took), "{took:?}");
            script.clone().plan("load", usize::MAX, When::Before, reset);
            simulation.upload("b.jpg").await;
            let took = until("failed", || simulation.loader().failures == 1).await;
            assert!((interval - 4 * SECOND..=interval + SECOND).contains(&took), "{took:?}");
            // It asks less and less often: at 60 s at the most, and at half of that at the least.
            sleep(10 * MINUTE).await;
            let failures = simulation.loader().failures;
            assert!((15..=30).contains(&failures), "{failures} tries in ten minutes");
            assert_eq!((simulation.rows().await, simulation.loader().loads), (1, 1));
            let failing = simulation.line.outages.loads_fail();
            assert!(failing.as_ref().is_some_and(|why| why.contains("reset by the test")), "{failing:?}");
            script.heal("load");
            let took = simulation.loaded(2).await;
            until("well again", || simulation.line.outages.loads_fail().is_none()).await;
            assert!(took <= MINUTE + SECOND, "{took:?}: the interval is not waited for");
            assert_eq!(pipeline.drain().await.0, Phase::Drained);
        },
    );
}

#[test]
fn a_queue_that_does_not_answer_is_asked_seldom_until_it_does() {
    let script = Script::default().plan("receive", usize::MAX, When::Before, reset);
    Simulation::run(
        script,
        |_| {},
        async |simulation| {
            let (script, outages) = (&simulation.script, &simulation.line.outages);
            let pipeline = simulation.start();
            sleep(10 * MINUTE).await;
            // At least 15 s and at most 30 s apart once it has failed some times.
            let tries = script.struck("receive");
            assert!((25..=50).contains(&tries), "{tries} tries in ten minutes");
            assert!(outages.why().is_some_and(|why| why.starts_with("receive failed")), "{:?}", outages.why());
            script.heal("receive");
            let took = until("received", || outages.why().is_none()).await;
            assert!(took <= MINUTE / 2 + simulation.line.settings.queue.wait, "{took:?}");
            assert_eq!(simulation.supervisor().restarts, 0, "its failures are no faults");
            assert_eq!(pipeline.drain().await.0, Phase::Drained);
        },
    );
}

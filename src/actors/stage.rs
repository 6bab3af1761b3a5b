//! A stage of the pipeline: one worker between its channels, which shows what it counts, and an actor that is told by
//! messages what to do ([`SetLimit`], [`Drain`], [`Halt`]) and tells the supervisor how it goes ([`Progress`], [`Ended`]).

use std::marker::PhantomData;
use std::sync::Arc;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::messages::{Drain, Ended, Halt, Progress, SetLimit};
use super::observed::Observed;
use super::pipeline_context::PipelineContext;
use super::state::StageState;
use super::worker;
use crate::error::Result;
use crate::flow::Budget;
use crate::telemetry::calls::Watched;

/// What a stage is: its names, its channels, what it counts, and its work.
pub(super) trait Stage: 'static {
    /// Name in metrics, logs and `/state`.
    const NAME: &'static str;
    /// What the watchdog calls it.
    const WATCHED: Watched;
    /// Both ends of the stage.
    type Channels: Unpin + 'static;
    /// What it counts, as `/state` shows it.
    type Counters: Observed<State: Serialize> + Default + Send + Sync + 'static;

    /// What limits how many photos it works on at once, where something does.
    fn jobs(_: &PipelineContext) -> Option<Jobs> {
        None
    }

    /// A number that grows with everything that the stage is done with and stands still while it is not: its heartbeat.
    fn steps(counters: &Self::Counters) -> u64;

    /// Its work, until nothing more comes in.
    fn run(
        line: PipelineContext,
        channels: Self::Channels,
        counters: Arc<Self::Counters>,
    ) -> impl Future<Output = Result<()>> + Send + 'static;
}

/// How many photos a stage may work on at once.
pub(super) struct Jobs {
    /// The limit.
    pub(super) budget: Budget,
    /// Threads of its pool, where it has one.
    pub(super) threads: Option<usize>,
}

/// Whom a stage tells how it goes.
#[derive(Clone)]
pub(super) struct Supervision {
    /// Told what the stage is done with, at every tick.
    pub(super) progress: Recipient<Progress>,
    /// Told when its worker ends.
    pub(super) ended: Recipient<Ended>,
}

/// A stage that was started, and what it can be told.
pub(super) struct StageHandle {
    /// Its name.
    pub(super) name: &'static str,
    /// How many photos it may work on at once.
    pub(super) limit: Recipient<SetLimit>,
    /// To take nothing new on.
    pub(super) drain: Recipient<Drain>,
    /// That its generation is over.
    pub(super) halt: Recipient<Halt>,
}

/// The actor of a stage.
pub(super) struct StageActor<S: Stage> {
    line: PipelineContext,
    supervision: Supervision,
    channels: Option<S::Channels>,
    counters: Arc<S::Counters>,
    stage: PhantomData<fn() -> S>,
}

/// Starts a stage, which lives until it is told to halt.
pub(super) fn start<S: Stage>(line: &PipelineContext, supervision: &Supervision, channels: S::Channels) -> StageHandle {
    // The worker is on another runtime than the actor: a token of the stage's own is how `Drain` reaches it there.
    let line = PipelineContext { draining: CancellationToken::new(), ..line.clone() };
    let actor = StageActor {
        line,
        supervision: supervision.clone(),
        channels: Some(channels),
        counters: Arc::default(),
        stage: PhantomData::<fn() -> S>,
    };
    let address = actor.start();
    StageHandle {
        name: S::NAME,
        limit: address.clone().recipient(),
        drain: address.clone().recipient(),
        halt: address.recipient(),
    }
}

impl<S: Stage> Actor for StageActor<S> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let Some(channels) = self.channels.take() else { return };
        let (shown, jobs) = (self.counters.clone(), S::jobs(&self.line));
        let state = move || {
            let threads = jobs.as_ref().and_then(|jobs| jobs.threads);
            let jobs = jobs.as_ref().map(|jobs| jobs.budget.state());
            let state = StageState { threads, jobs, counters: shown.observe() };
            serde_json::to_value(state).unwrap_or_default()
        };
        self.line.telemetry.board.register(S::NAME, Arc::new(state));
        let work = S::run(self.line.clone(), channels, self.counters.clone());
        worker::start(S::NAME, S::WATCHED, &self.line, self.supervision.ended.clone(), work);
        context.run_interval(self.line.settings.scale.tick, |this, _| {
            let (generation, steps) = (this.line.number, S::steps(&this.counters));
            this.supervision.progress.do_send(Progress { actor: S::NAME, generation, steps });
        });
    }
}

impl<S: Stage> Handler<SetLimit> for StageActor<S> {
    type Result = ();

    fn handle(&mut self, SetLimit(limit): SetLimit, _: &mut Self::Context) {
        if let Some(jobs) = S::jobs(&self.line) {
            jobs.budget.set_limit(limit);
        }
    }
}

impl<S: Stage> Handler<Drain> for StageActor<S> {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.line.draining.cancel();
    }
}

impl<S: Stage> Handler<Halt> for StageActor<S> {
    type Result = ();

    fn handle(&mut self, _: Halt, context: &mut Self::Context) {
        context.stop();
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "`observed!` is for what others see")]
pub(super) mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::super::observed::observed;
    use super::super::pipeline_context::tests::context;
    use super::*;

    observed! {
        /// What it counts.
        NapCounters shown as NapState {
            /// Naps.
            naps: AtomicU64,
        }
    }

    /// Counts one, and waits for the drain.
    enum Nap {}

    impl Stage for Nap {
        const NAME: &'static str = "nap";
        const WATCHED: Watched = Watched::Fetch;
        type Channels = ();
        type Counters = NapCounters;

        fn jobs(line: &PipelineContext) -> Option<Jobs> {
            Some(Jobs { budget: line.budgets.fetches.clone(), threads: None })
        }

        fn steps(counters: &NapCounters) -> u64 {
            counters.naps.load(Ordering::Relaxed)
        }

        async fn run(line: PipelineContext, (): (), counters: Arc<NapCounters>) -> Result<()> {
            counters.naps.fetch_add(1, Ordering::Relaxed);
            line.draining.cancelled().await;
            Ok(())
        }
    }

    /// Notes what a stage tells.
    #[derive(Clone, Default)]
    pub(in crate::actors) struct Listener(Arc<Mutex<Vec<String>>>);

    impl Listener {
        /// Has stages tell it.
        pub(in crate::actors) fn supervision(&self) -> Supervision {
            let address = self.clone().start();
            Supervision { progress: address.clone().recipient(), ended: address.recipient() }
        }
    }

    impl Actor for Listener {
        type Context = Context<Self>;
    }

    impl Handler<Progress> for Listener {
        type Result = ();

        fn handle(&mut self, Progress { actor, generation, steps }: Progress, _: &mut Self::Context) {
            self.0.lock().unwrap().push(format!("{actor} of {generation}: {steps}"));
        }
    }

    impl Handler<Ended> for Listener {
        type Result = ();

        fn handle(&mut self, Ended { actor, generation }: Ended, _: &mut Self::Context) {
            self.0.lock().unwrap().push(format!("{actor} of {generation}: ended"));
        }
    }

    #[test]
    fn a_stage_tells_its_steps_takes_its_limit_and_ends_when_told_to_drain() {
        let (root, mut line) = context();
        actix::System::new().block_on(async {
            line.io = tokio::runtime::Handle::current();
            line.number = 7;
            let listener = Listener::default();
            let supervision = listener.supervision();
            let stage = start::<Nap>(&line, &supervision, ());
            let other = start::<Nap>(&line, &supervision, ());
            let heard = async |what: &str| {
                while listener.0.lock().unwrap().iter().all(|told| told != what) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            heard("nap of 7: 1").await;
            let shown: StageState<NapState> =
                serde_json::from_value(line.telemetry.board.snapshot()["nap"].take()).unwrap();
            assert_eq!(shown.counters, NapState { naps: 1 });
            stage.limit.send(SetLimit(3)).await.unwrap();
            assert_eq!(line.budgets.fetches.state().limit, 3);
            stage.drain.send(Drain).await.unwrap();
            heard("nap of 7: ended").await;
            let ended = listener.0.lock().unwrap().iter().filter(|told| told.ends_with("ended")).count();
            assert_eq!(ended, 1, "the other stage was not told");
            assert!(line.generation.fault().is_none());
            for stage in [stage, other] {
                stage.halt.send(Halt).await.unwrap();
                assert!(!stage.drain.connected());
            }
        });
        drop(root);
    }
}

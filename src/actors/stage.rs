//! A stage of the pipeline: one worker between its channels, that shows what it counts and is told by messages.

use std::marker::PhantomData;
use std::sync::Arc;

use actix::{Actor, Addr, Context, Handler, Recipient};
use serde::Serialize;

use super::messages::{Ended, SetLimit};
use super::pipeline_context::PipelineContext;
use super::worker;
use crate::error::Result;
use crate::flow::{Budget, BudgetState};
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
    type Counters: Default + Serialize + Send + Sync + 'static;

    /// What limits how many photos it works on at once, where something does.
    fn jobs(_: &PipelineContext) -> Option<Jobs> {
        None
    }

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

/// What `/state` shows of a stage.
#[derive(Serialize)]
struct StageState<'a, C> {
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<BudgetState>,
    #[serde(flatten)]
    counters: &'a C,
}

/// The actor of a stage.
pub(super) struct StageActor<S: Stage> {
    line: PipelineContext,
    ended: Recipient<Ended>,
    channels: Option<S::Channels>,
    stage: PhantomData<fn() -> S>,
}

/// Starts a stage; `ended` is told when its worker ends.
pub(super) fn start<S: Stage>(
    line: &PipelineContext,
    ended: &Recipient<Ended>,
    channels: S::Channels,
) -> Addr<StageActor<S>> {
    let (line, ended, channels) = (line.clone(), ended.clone(), Some(channels));
    StageActor { line, ended, channels, stage: PhantomData }.start()
}

impl<S: Stage> Actor for StageActor<S> {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        let Some(channels) = self.channels.take() else { return };
        let counters: Arc<S::Counters> = Arc::default();
        let (shown, jobs) = (counters.clone(), S::jobs(&self.line));
        let state = move || {
            let threads = jobs.as_ref().and_then(|jobs| jobs.threads);
            let jobs = jobs.as_ref().map(|jobs| jobs.budget.state());
            let state = StageState { threads, jobs, counters: shown.as_ref() };
            serde_json::to_value(state).unwrap_or_default()
        };
        self.line.telemetry.board.register(S::NAME, Arc::new(state));
        let work = S::run(self.line.clone(), channels, counters);
        worker::start(S::NAME, S::WATCHED, &self.line, self.ended.clone(), work);
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

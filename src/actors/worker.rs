//! Starts an actor's worker and reports its end.

use std::future::poll_fn;
use std::pin::pin;

use actix::Recipient;
use tokio::time::Instant;

use super::messages::Ended;
use super::pipeline_context::PipelineContext;
use crate::error::{Error, Result};
use crate::flow::pool::panic_text;
use crate::telemetry::calls::Watched;

/// Runs `work` on the I/O runtime. An error or a panic fails the generation; then, whatever happened, the supervisor
/// is told that the worker ended. The watchdog looks at the worker too: what it does between two waits takes no time to
/// speak of, so a lock or a file that holds its thread is a hang of its `stage`. When the generation stops, `work` is dropped where it waits, and its Drop guards give
/// permits back.
pub(super) fn start(
    actor: &'static str,
    stage: Watched,
    line: &PipelineContext,
    ended: Recipient<Ended>,
    work: impl Future<Output = Result<()>> + Send + 'static,
) {
    let generation = line.generation.clone();
    let number = line.number;
    let stopped = line.generation.stopped().clone();
    // A task of its own for the work, so that its panic is seen here and not in the supervisor.
    let (calls, grace) = (line.telemetry.calls.clone(), line.settings.run.hung_after);
    let work = async move {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _own = calls.begin_work(stage, grace);
            work.as_mut().poll(context)
        })
        .await
    };
    let task = line.io.spawn(async move { stopped.run_until_cancelled_owned(work).await.unwrap_or(Ok(())) });
    line.io.spawn(async move {
        match task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => generation.fail(actor, error),
            Err(join) => {
                let text = match join.try_into_panic() {
                    Ok(panic) => panic_text(panic.as_ref()),
                    Err(join) => join.to_string(),
                };
                generation.fail(actor, Error::bug(format!("{actor} panicked: {text}")));
            }
        }
        ended.do_send(Ended { actor, generation: number });
    });
}

/// Sleeps until the instant, or for ever without one.
pub(super) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

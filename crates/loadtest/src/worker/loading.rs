//! What a worker does when it first hears of a run.

use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use crate::Step;
use crate::arrival::Arrival;
use crate::distribute::retried;
use crate::make::{MakerTimes, Run};
use crate::photo::PhotoMaker;
use crate::run_plan::RunPlan;
use crate::warm_up::warm_up;
use scanmill_core::error::{Error, Result};
use scanmill_ports::store::Store;

/// Bucket and key of a plan.
pub(super) type PlanName = (String, String);

/// What came of reading a plan: the run, with the time that drawing its pictures took, and when it begins.
pub(super) struct Loaded {
    pub(super) run: Arc<Run>,
    pub(super) plan: RunPlan,
    pub(super) drawing: MakerTimes,
}

/// Reads a plan, works out its story, and with a schedule draws its pictures.
pub(super) fn load<'a>(
    name: PlanName,
    options: &'a WorkerOptions,
    store: &'a Arc<dyn Store>,
    maker: &Arc<PhotoMaker>,
    progress: &Arc<dyn Fn(Step) + Send + Sync>,
    drain: &CancellationToken,
) -> Pin<Box<dyn Future<Output = (PlanName, Result<Loaded>)> + 'a>> {
    let (maker, progress, drain) = (maker.clone(), progress.clone(), drain.clone());
    let (threads, cache) = (options.threads, options.scene_cache_bytes);
    Box::pin(async move {
        let loaded = async {
            let plan = retried(|| RunPlan::read(&**store, &name.0, &name.1)).await?;
            if plan.bucket != options.inbox {
                return Err(Error::permanent(format!(
                    "plan `{}/{}` puts photos into `{}`, and this worker's store.inbox is `{}`",
                    name.0, name.1, plan.bucket, options.inbox
                ))
                .with_hint("an engine would not be notified of them: use the configuration that `orchestrate` had"));
            }
            let story = Arc::new(plan.tell()?);
            let run = Arc::new(Run { story: story.clone(), bucket: plan.bucket.clone() });
            if plan.arrival == Arrival::Unpaced {
                return Ok(Loaded { run, plan, drawing: MakerTimes::default() });
            }
            let drawn = tokio::task::spawn_blocking(move || {
                let shown = |drawn, all| progress(Step::Drawn(drawn, all));
                let drawing = warm_up(&plan, &story, &maker, (threads, cache), shown, &drain)?;
                Ok(Loaded { run, plan, drawing })
            });
            drawn.await.map_err(|error| Error::bug("drawing pictures panicked").with_source(error))?
        };
        let loaded = loaded.await;
        (name, loaded)
    })
}

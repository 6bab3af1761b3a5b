//! The watch on the inbox beside the generations of the pipeline, and begun anew with them when it hangs.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::actors::supervisor::Phase;
use crate::error::{Error, Result};
use crate::store::folder::{FolderStore, WatchOptions};
use crate::telemetry::calls::Watched;

/// The watch on the inbox, over its hangs.
pub(super) struct Watching {
    pub(super) folder: FolderStore,
    pub(super) options: WatchOptions,
    pub(super) cancel: CancellationToken,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Watching {
    /// Watches, and begins anew with the generation that follows when a call of the watch hangs.
    pub(super) async fn keep_on(self, first: impl Future<Output = Result<()>> + Send, failed: Arc<OnceLock<Error>>) {
        let Watching { folder, options, cancel, mut phase } = self;
        let calls = options.calls.clone();
        let mut watch: Pin<Box<dyn Future<Output = Result<()>> + Send>> = Box::pin(first);
        let ended = loop {
            let hung = phase.wait_for(|phase| *phase != Phase::Running && calls.given_up(Watched::Announce) > 0);
            tokio::select! {
                ended = &mut watch => break ended,
                Ok(_) = hung => {}
            }
            match folder.watch(options.clone(), cancel.clone()) {
                Ok(next) => watch = Box::pin(next),
                Err(error) => break Err(error),
            }
            // What hung is no longer asked for.
            if phase.wait_for(|phase| *phase == Phase::Running || phase.is_end()).await.is_err() {
                return;
            }
        };
        if let Err(error) = ended {
            let hint = error.hint_text();
            tracing::error!(%error, hint, "the watch on the inbox ended; uploads by put are still found");
            let _ = failed.set(error);
        }
    }
}

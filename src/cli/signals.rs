//! SIGINT and SIGTERM: the first asks for a drain, the second for an end at once, the third is not argued with.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Exit, out};
use crate::error::{Error, Result};

/// What the signals asked for so far.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Cancelled by the first signal: finish what is begun, then stop.
    pub drain: CancellationToken,
    /// Cancelled by the second: stop at once. What is unfinished is left to redelivery.
    pub stop: CancellationToken,
}

impl Signals {
    /// Starts listening on the current tokio runtime. From here on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen() -> Result<Signals> {
        let (mut interrupt, mut terminate) = both()?;
        let signals = Signals { drain: CancellationToken::new(), stop: CancellationToken::new() };
        let told = signals.clone();
        tokio::spawn(async move {
            let name = next(&mut interrupt, &mut terminate).await;
            out::note(&format!("{name}: draining, press Ctrl-C again to stop at once"));
            told.drain.cancel();
            let name = next(&mut interrupt, &mut terminate).await;
            out::note(&format!("{name}: stopping at once; what is unfinished is processed again on the next start"));
            told.stop.cancel();
            let _ = next(&mut interrupt, &mut terminate).await;
            std::process::exit(Exit::Interrupted.code().into());
        });
        Ok(signals)
    }
}

/// The first signal cancels, with these words on stderr; the second ends the process. For commands that stop between
/// two steps.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn cancel_on_signal(cancel: &CancellationToken, words: &'static str) -> Result<()> {
    let (mut interrupt, mut terminate) = both()?;
    let cancel = cancel.clone();
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        out::note(words);
        cancel.cancel();
        next(&mut interrupt, &mut terminate).await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(())
}

fn both() -> Result<(Signal, Signal)> {
    let failed = |error| Error::permanent("cannot listen for signals").source(error);
    Ok((signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?))
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

//! SIGINT, SIGTERM and SIGHUP: the first asks for a drain, the second for an end at once, the third is not argued with.
//!
//! SIGHUP means one of two things. To a process on a terminal, that it was closed: it drains. To a service, which has
//! none, that its settings changed: it reads them again. A process is on a terminal if stdin, stdout or stderr is one
//! when it starts. Where SIGHUP is ignored, as under `nohup`, it stays ignored.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
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
    /// Notified by a SIGHUP that asks for the settings to be read again.
    pub reload: Arc<Notify>,
}

/// What a SIGHUP asks for, where it is not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// To drain.
    Drains,
    /// On a terminal to drain, else to read the settings again.
    Reloads,
}

impl Signals {
    /// Starts listening on the current tokio runtime. From here on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn listen(hangup: Hangup) -> Result<Signals> {
        let mut heard = Heard::listen()?;
        let signals =
            Signals { drain: CancellationToken::new(), stop: CancellationToken::new(), reload: Arc::default() };
        let told = signals.clone();
        let reloads = hangup == Hangup::Reloads && !is_on_terminal();
        heard.reloads = reloads;
        tokio::spawn(async move {
            let mut name = heard.next().await;
            while reloads && name == HANGUP {
                told.reload.notify_one();
                name = heard.next().await;
            }
            out::note(&format!("{name}: draining, press Ctrl-C again to stop at once"));
            told.drain.cancel();
            let mut name = heard.next().await;
            while reloads && name == HANGUP {
                out::note("SIGHUP: draining, so the settings are not read again");
                name = heard.next().await;
            }
            out::note(&format!("{name}: stopping at once; what is unfinished is processed again on the next start"));
            told.stop.cancel();
            let _ = heard.next().await;
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
    let mut heard = Heard::listen()?;
    let cancel = cancel.clone();
    tokio::spawn(async move {
        heard.next().await;
        out::note(words);
        cancel.cancel();
        heard.next().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(())
}

const HANGUP: &str = "SIGHUP";

/// The same signal twice within this time is one: a supervisor and a shell both tell a whole process group.
const SAME_WITHIN: Duration = Duration::from_millis(100);

/// The signals that end this process, one after the other.
struct Heard {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
    /// A hang-up asks for the settings to be read: the next one is no repeat, they may have been written anew meanwhile.
    reloads: bool,
    last: Option<(&'static str, Instant)>,
}

impl Heard {
    fn listen() -> Result<Heard> {
        let listen =
            |kind| signal(kind).map_err(|error| Error::permanent("cannot listen for signals").with_source(error));
        Ok(Heard {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: if is_hangup_ignored() { None } else { Some(listen(SignalKind::hangup())?) },
            reloads: false,
            last: None,
        })
    }

    async fn next(&mut self) -> &'static str {
        loop {
            let name = tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
                Some(()) = hangup(&mut self.hangup) => HANGUP,
            };
            let is_same = self.last.is_some_and(|(last, at)| last == name && at.elapsed() < SAME_WITHIN)
                && !(self.reloads && name == HANGUP);
            self.last = Some((name, Instant::now()));
            if !is_same {
                return name;
            }
        }
    }
}

/// `None` where hang-ups are not listened for.
async fn hangup(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => None,
    }
}

fn is_on_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

/// Whether whoever started this process had it ignore SIGHUP; known on Linux only.
fn is_hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_that_nohup_ignores_hangups() {
        assert!(ignores_hangup("Name:\tscanmill\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("Name:\tscanmill\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}

//! An engine with its page: what `run` and `demo` share.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::engine_file::EngineFile;
use super::rejections::ReplayCommand;
use super::reload::Again;
use super::service::Service;
use super::signals::{Hangup, Signals};
use super::{Exit, out};
use crate::actors::supervisor::Phase;
use crate::app::{Engine, Newest, Ports};
use crate::config::Settings;
use crate::console::{self, ConsoleState, Kept};
use crate::error::{Error, Result};
use crate::telemetry::recorder;

/// What a stop at once may take to be orderly. After that the process ends as by a kill: nothing is lost by it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A running engine, its page, and the signals that end it.
pub struct Serving {
    /// The engine.
    pub engine: Engine,
    /// What the user asked for so far.
    pub signals: Signals,
    console: Option<Console>,
    service: Option<Arc<Service>>,
}

struct Console {
    address: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    /// Where other processes find the page.
    _file: EngineFile,
}

impl Serving {
    /// Starts page and engine. The page comes first: a port in use must stop the start before any photo is touched.
    /// `again` reads the settings again where they may change meanwhile.
    pub async fn start(settings: &Arc<Settings>, ports: &Ports, again: Option<Again>) -> Result<Serving> {
        let signals = Signals::listen(if again.is_some() { Hangup::Reloads } else { Hangup::Drains })?;
        recorder::install()?;
        let engine_slot: Arc<std::sync::OnceLock<Engine>> = Arc::default();
        let console = match settings.metrics.listen {
            None => None,
            Some(listen) => {
                let stop = CancellationToken::new();
                let config = again.as_ref().and_then(Again::config);
                let (address, task) =
                    console::serve(listen, console_state(&engine_slot, settings, ports, config), stop.clone()).await?;
                let file = EngineFile::write(&settings.local.root, address)?;
                let address = format!("http://{address}");
                out::note(&format!("page {address}/  metrics {address}/metrics"));
                Some(Console { address, stop, task, _file: file })
            }
        };
        let engine = Engine::start(settings.clone(), ports.clone()).await?;
        let _ = engine_slot.set(engine.clone());
        let service = Service::of_environment().map(Arc::new);
        if let Some(service) = service.clone() {
            let engine = engine.clone();
            tokio::spawn(async move { service.follow(&engine).await });
        }
        if let Some(again) = again {
            tokio::spawn(again.follow(engine.clone(), signals.clone(), service.clone()));
        }
        let manager = service.clone();
        // The first signal drains, the second stops.
        let (told, asked) = (engine.clone(), signals.clone());
        tokio::spawn(async move {
            asked.drain.cancelled().await;
            if let Some(manager) = manager {
                manager.tell_stopping();
            }
            told.drain();
            asked.stop.cancelled().await;
            told.stop_now();
            // A statement that waits for another's lock, or a photo in the decoder, cannot be called back, and the end
            // of the runtime waits for it. A thread, because that end takes the tasks with it.
            std::thread::spawn(|| {
                std::thread::sleep(AT_ONCE);
                std::process::exit(Exit::Interrupted.code().into());
            });
        });
        Ok(Serving { engine, signals, console, service })
    }

    /// Address of the page, if there is one.
    pub fn address(&self) -> Option<&str> {
        self.console.as_ref().map(|console| console.address.as_str())
    }

    /// Waits for the engine's end, takes the page down, and says how it ended.
    pub async fn end(self) -> Result<Exit> {
        let phase = self.engine.ended().await;
        // Where it ends by itself nobody asked for it before.
        if let Some(service) = self.service.filter(|_| !self.signals.drain.is_cancelled()) {
            service.tell_stopping();
        }
        if let Some(console) = self.console {
            console.stop.cancel();
            let _ = console.task.await;
        }
        match phase {
            Phase::Stopped(_) if self.signals.stop.is_cancelled() => Ok(Exit::Interrupted),
            Phase::Stopped(reason) => Err(Error::transient(format!("stopped before the drain ended: {reason}"))
                .with_hint("nothing is lost: what was in flight is processed again at the next start")),
            Phase::Drained | Phase::Running | Phase::Restarting | Phase::Reloading | Phase::Draining => {
                Ok(Exit::Success)
            }
        }
    }
}

/// What the page shows before the engine is there, and then of the engine.
fn console_state(
    engine: &Arc<std::sync::OnceLock<Engine>>,
    settings: &Settings,
    ports: &Ports,
    config: Option<&Path>,
) -> ConsoleState {
    let newest = Arc::new(Newest::new(settings, ports));
    let [ready, health, state, history, rejected, pictures] = [(); 6].map(|()| engine.clone());
    let replay = ReplayCommand::new(settings, config);
    let said: Mutex<Option<(u64, Kept)>> = Mutex::default();
    ConsoleState {
        metrics: Arc::new(recorder::render),
        ready: Arc::new(move || ready.get().map_or(Err("starting".to_owned()), Engine::ready)),
        health: Arc::new(move || health.get().and_then(Engine::stalled).map_or(Ok(()), Err)),
        state: Arc::new(move || state.get().map_or(serde_json::Value::Null, Engine::state)),
        history: Arc::new(move || history.get().map_or(serde_json::Value::Null, Engine::history)),
        scans: Arc::new(move || {
            let newest = newest.clone();
            Box::pin(async move { newest.answer().await })
        }),
        rejected: Arc::new(move || {
            let Some(engine) = rejected.get() else { return Kept::of(&serde_json::Value::Null) };
            let (kept, mut said) = (&engine.telemetry().rejected, said.lock().unwrap_or_else(PoisonError::into_inner));
            let count = kept.count();
            if let Some((_, answer)) = said.as_ref().filter(|(of, _)| *of == count) {
                return answer.clone();
            }
            let answer = Kept::of(&kept.to_json(|row| replay.of(&row.reason, &row.lineage.object_key)));
            *said = Some((count, answer.clone()));
            answer
        }),
        picture: Arc::new(move |id| pictures.get()?.telemetry().rejected.picture(id)),
        hosts: settings.metrics.hosts.as_slice().into(),
    }
}

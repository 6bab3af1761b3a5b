//! SIGHUP of a service: the settings are read again beside the working engine.

use std::path::Path;
use std::sync::Arc;

use super::GlobalArgs;
use super::service::Service;
use super::settings::{self, MetricsArgs};
use super::signals::Signals;
use crate::app::Engine;
use crate::config::raw::Given;
use crate::config::reload::{self, Reloaded};
use crate::config::{LoadedConfig, Problems, Settings};
use crate::error::Result;
use crate::telemetry::labels::Reloading;
use crate::telemetry::{logging, names};

/// Where the settings of a running engine come from, and what they were made of.
#[derive(Debug)]
pub struct Again {
    global: GlobalArgs,
    metrics: MetricsArgs,
    given: Vec<Given>,
}

/// [`settings::load_with`], and how to read them again.
///
/// # Errors
/// As [`settings::load`].
pub fn load(global: &GlobalArgs, metrics: &MetricsArgs) -> Result<(Settings, Again)> {
    let LoadedConfig { settings, given, .. } = settings::load_whole(global, metrics)?;
    Ok((settings, Again { global: global.clone(), metrics: metrics.clone(), given }))
}

impl Again {
    /// The file they are read from.
    pub fn config(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// Reads the settings again whenever a signal asks for it, until the drain.
    pub async fn follow(mut self, engine: Engine, signals: Signals, service: Option<Arc<Service>>) {
        while signals.drain.run_until_cancelled(signals.reload.notified()).await.is_some() {
            if let Some(service) = &service {
                service.tell_reloading();
            }
            match self.read() {
                Ok(Ok(reloaded)) => self.take_over(reloaded, &engine).await,
                Ok(Err(Problems(problems))) => {
                    for problem in problems {
                        let (key, origin) = (&problem.key, &problem.origin);
                        tracing::error!(key, %origin, hint = problem.hint, "{}", problem.message);
                    }
                    refuse();
                }
                Err(error) => {
                    tracing::error!(%error, hint = error.hint_text(), "cannot read the settings");
                    refuse();
                }
            }
            if let Some(service) = &service {
                service.tell_reloaded();
            }
        }
    }

    fn read(&self) -> Result<std::result::Result<Reloaded, Problems>> {
        Ok(reload::reload(&self.given, &settings::sources(&self.global, &self.metrics)?))
    }

    async fn take_over(&mut self, Reloaded { loaded, taken, waiting }: Reloaded, engine: &Engine) {
        names::CONFIG_RELOADS.add(Reloading::Ok, 1);
        self.given = loaded.given;
        loaded.warnings.iter().for_each(settings::warn);
        if !taken.is_empty() {
            logging::set_filter(&loaded.settings.log.filter);
            engine.reload(Arc::new(loaded.settings)).await;
        }
        let none = || "none".to_owned();
        let list = |keys: Vec<String>| if keys.is_empty() { none() } else { keys.join(", ") };
        let needs_restart = !waiting.is_empty();
        let (taken, waiting) = (list(taken), list(waiting));
        if needs_restart {
            tracing::warn!(taken_over = taken, wait_for_restart = waiting, "settings read again, not all are in force");
        } else {
            tracing::info!(taken_over = taken, "settings read again");
        }
    }
}

fn refuse() {
    names::CONFIG_RELOADS.add(Reloading::Refused, 1);
    tracing::error!("settings not taken over: those from before stay in force");
}

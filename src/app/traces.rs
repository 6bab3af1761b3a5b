//! Starts the export of traces, where the settings or OpenTelemetry's variables ask for it.

use async_trait::async_trait;

use super::aws::Poster;
use crate::config::Settings;
use crate::telemetry::traces::{CollectorAnswer, Options, Post, Tracer};

/// The collector, by the client that AWS is reached with.
struct Collector(Poster);

#[async_trait]
impl Post for Collector {
    async fn post(&self, json: Vec<u8>) -> Result<CollectorAnswer, String> {
        let posted = self.0.post(json).await.map_err(|error| error.report())?;
        Ok(CollectorAnswer { status: posted.status, retry_after: posted.retry_after, body: posted.body })
    }
}

/// A tracer whose exporter runs; one that traces nothing where nobody asks for it, or where it cannot be: the photos matter
/// more. Called within the I/O runtime.
pub(super) fn start(settings: &Settings, instance: &str) -> Tracer {
    let otel = &settings.otel;
    let (options, warnings) = Options::find(otel.endpoint.as_deref(), otel.sample, |name| std::env::var(name).ok());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let Some(options) = options else { return Tracer::default() };
    let collector = match Poster::new(options.endpoint.as_str(), options.headers.clone(), options.timeout) {
        Ok(poster) => Collector(poster),
        Err(error) => {
            tracing::warn!(%error, hint = error.hint_text(), "no traces are sent");
            return Tracer::default();
        }
    };
    let (tracer, exporter) = Tracer::new(&options, instance, collector);
    tokio::spawn(exporter);
    // Without user and password, which a URL may hold.
    let endpoint = format!("{}{}", options.endpoint.origin().ascii_serialization(), options.endpoint.path());
    tracing::info!(endpoint, share = options.sampler.share, "traces of photos go to an OpenTelemetry collector");
    tracer
}

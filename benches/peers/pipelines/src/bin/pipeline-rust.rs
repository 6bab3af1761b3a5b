//! A worker as one would write it in Rust on a good day: tokio, the SDK, `image`, `rqrr`, one JSON object a photo.
#![allow(clippy::disallowed_macros, reason = "a tool for people at a terminal")]

use std::io::Cursor;
use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use aws_smithy_http_client::tls;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Photos being fetched, decoded or written at once.
const AT_ONCE: usize = 32;
/// Receives under way at once.
const RECEIVES: usize = 4;

struct Worker {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    results: String,
    places: Arc<Semaphore>,
    /// One a core: more decodes at once only take memory.
    cores: Arc<Semaphore>,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let of = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (endpoint, queue, results) = (of("ENDPOINT")?, of("QUEUE_URL")?, of("RESULTS")?);
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).endpoint_url(endpoint).load().await;
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
    let cores = std::thread::available_parallelism()?.get();
    let worker = Arc::new(Worker {
        s3: aws_sdk_s3::Client::from_conf(s3),
        sqs: aws_sdk_sqs::Client::new(&config),
        queue,
        results,
        places: Arc::new(Semaphore::new(AT_ONCE)),
        cores: Arc::new(Semaphore::new(cores)),
    });
    let mut pollers = JoinSet::new();
    (0..RECEIVES).for_each(|_| drop(pollers.spawn(worker.clone().poll())));
    while let Some(ended) = pollers.join_next().await {
        ended??;
    }
    Ok(())
}

impl Worker {
    /// Receives until the queue is empty.
    async fn poll(self: Arc<Self>) -> Result<(), Error> {
        let mut running = JoinSet::new();
        loop {
            let request = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let messages = request.wait_time_seconds(1).send().await?.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            let mut batch = JoinSet::new();
            for message in messages {
                let place = self.places.clone().acquire_owned().await?;
                let worker = self.clone();
                batch.spawn(async move {
                    let done = worker.photo(&message).await;
                    drop(place);
                    done.map(|()| message.receipt_handle)
                });
            }
            let worker = self.clone();
            running.spawn(async move { worker.delete(batch).await });
        }
        while let Some(deleted) = running.join_next().await {
            deleted??;
        }
        Ok(())
    }

    /// From one message to one JSON object.
    async fn photo(&self, message: &Message) -> Result<(), Error> {
        let event: Value = serde_json::from_str(message.body().unwrap_or_default())?;
        let s3 = &event["Records"][0]["s3"];
        let bucket = s3["bucket"]["name"].as_str().ok_or("no bucket")?.to_owned();
        let key = s3["object"]["key"].as_str().ok_or("no key")?.replace('+', " ");
        let key = percent_encoding::percent_decode_str(&key).decode_utf8()?.into_owned();
        let object = self.s3.get_object().bucket(&bucket).key(&key).send().await?;
        let bytes = object.body.collect().await?.into_bytes();
        let core = self.cores.clone().acquire_owned().await?;
        let read = tokio::task::spawn_blocking(move || (read(&bytes), drop(core)).0).await?;
        let row = match read {
            Ok((texts, captured_at)) => json!({"key": key, "texts": texts, "captured_at": captured_at}),
            Err(error) => json!({"key": key, "texts": [], "error": error.to_string()}),
        };
        let body = ByteStream::from(row.to_string().into_bytes());
        self.s3.put_object().bucket(&self.results).key(format!("{key}.json")).body(body).send().await?;
        Ok(())
    }

    /// Deletes what of a receive went well, at once.
    async fn delete(&self, mut batch: JoinSet<Result<Option<String>, Error>>) -> Result<(), Error> {
        let mut entries = Vec::new();
        while let Some(done) = batch.join_next().await {
            match done? {
                Ok(receipt) => entries.push(
                    DeleteMessageBatchRequestEntry::builder()
                        .id(entries.len().to_string())
                        .set_receipt_handle(receipt)
                        .build()?,
                ),
                Err(error) => eprintln!("left to redelivery: {error}"),
            }
        }
        self.sqs.delete_message_batch().queue_url(&self.queue).set_entries(Some(entries)).send().await?;
        Ok(())
    }
}

/// The codes of a photo and when it was taken.
fn read(bytes: &[u8]) -> Result<(Vec<String>, Option<String>), Error> {
    let captured_at = exif::Reader::new().read_from_container(&mut Cursor::new(bytes)).ok().and_then(|exif| {
        exif.get_field(exif::Tag::DateTimeOriginal, exif::In::PRIMARY).map(|at| at.display_value().to_string())
    });
    #[allow(clippy::disallowed_methods, reason = "what one would write: this is the worker to compare with")]
    let luma = image::load_from_memory(bytes)?.into_luma8();
    let mut prepared = rqrr::PreparedImage::prepare(luma);
    let grids = prepared.detect_grids();
    Ok((grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect(), captured_at))
}

//! The built-in web page, its JSON, metrics and health, over plain HTTP on loopback.
//!
//! | path | answer |
//! |---|---|
//! | `/` | the page: one self-contained file that polls `/state` |
//! | `/state` | JSON of every actor |
//! | `/history` | JSON of the last quarter of an hour: rate, time from upload to durable, messages that wait |
//! | `/scans` | a page of what the newest scans show: a map, products, days, hours, the last rows |
//! | `/scans.json` | the same as JSON |
//! | `/rejections` | a page of the latest rejections with small pictures, and how to send each through again |
//! | `/rejections.json` | the same as JSON |
//! | `/pictures/N` | a picture of it, JPEG |
//! | `/metrics` | Prometheus text |
//! | `/healthz` | 200 while the process lives and can help itself, else 503 with the reason |
//! | `/readyz` | 200 while work is taken in and rows are loaded, else 503 with the reason |
//!
//! `/scans.json` and `/rejections.json` have an `ETag`, and answer 304 to whoever has what there is.
//!
//! Nothing here can be changed by a request, and no request can hold the engine up: answers are rendered from counters,
//! or of the warehouse as seldom as `scans` allows, and every connection serves one request of HTTP/1.1 and ends by a deadline (`connection`). Who asks for a name that is
//! not ours gets no answer (`host`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::photo::hash_128;
use crate::error::{Class, Error, Result};

mod connection;
mod host;

/// How long answers under way may take once the console is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The page loads nothing and talks to nobody but us.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer that stays the same for a while, with a tag that is another for another: who names the tag of what it has is
/// told that nothing changed.
#[derive(Clone, Debug)]
pub struct Kept {
    tag: HeaderValue,
    body: Bytes,
}

impl Kept {
    /// This answer.
    pub fn of(answer: &serde_json::Value) -> Kept {
        let text = answer.to_string();
        // Another engine on this address has other tags, unless it says the same.
        let tag = format!("\"{}\"", hash_128(&[&text]));
        Kept { tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")), body: text.into() }
    }

    fn to(&self, asked: &HeaderMap) -> Response {
        if asked.get(header::IF_NONE_MATCH) == Some(&self.tag) {
            return (StatusCode::NOT_MODIFIED, [(header::ETAG, self.tag.clone())]).into_response();
        }
        let headers =
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::ETAG, self.tag.clone())];
        (headers, self.body.clone()).into_response()
    }
}

/// What the console shows. Closures, so that every answer is of now.
#[derive(Clone)]
pub struct ConsoleState {
    /// Renders the metrics in Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether work is taken in; else why not.
    pub ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Whether the process can help itself; else why it should be started anew.
    pub health: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Everything the page shows.
    pub state: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The last quarter of an hour.
    pub history: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// What the newest scans show.
    pub scans: Arc<dyn Fn() -> BoxFuture<'static, Kept> + Send + Sync>,
    /// The latest rejections.
    pub rejected: Arc<dyn Fn() -> Kept + Send + Sync>,
    /// The picture of one of them.
    pub picture: Arc<dyn Fn(u64) -> Option<Bytes> + Send + Sync>,
    /// Names it may be asked by, beside IP addresses and `localhost`.
    pub hosts: Arc<[String]>,
}

/// Serves `state` on `listen` (port 0 picks a free one) until `stop`. Returns the address in use, and the task, which
/// ends soon after `stop`.
///
/// # Errors
/// An address that cannot be had, with the way out.
pub async fn serve(
    listen: SocketAddr,
    state: ConsoleState,
    stop: CancellationToken,
) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(listen).await.map_err(|error| refused(listen, error))?;
    let address = listener.local_addr().map_err(|error| refused(listen, error))?;
    let routes = Router::new()
        .route("/", get(async || html(include_str!("page.html"))))
        .route("/state", get(state_json))
        .route("/history", get(history_json))
        .route("/scans", get(async || html(include_str!("scans.html"))))
        .route("/scans.json", get(scans_json))
        .route("/rejections", get(async || html(include_str!("rejections.html"))))
        .route("/rejections.json", get(rejections_json))
        .route("/pictures/{id}", get(picture))
        .route("/favicon.ico", get(icon))
        .route("/outlines.json", get(outlines))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "there are /, /scans, /rejections, /state, /history, /metrics, /healthz and /readyz\n",
            )
        })
        .layer(axum::middleware::from_fn_with_state(state.clone(), host::check))
        .layer(axum::middleware::map_response(common_headers))
        .with_state(state);
    let service = TowerToHyperService::new(routes);
    let bounded = connection::Bounded::new(listener);
    let task = tokio::spawn(async move {
        let answering = TaskTracker::new();
        while let Some(connection) = stop.run_until_cancelled(bounded.accept()).await {
            let service = service.clone();
            answering.spawn(async move {
                // `axum::serve` would speak HTTP/2 too, where one connection is as many requests as it likes.
                let served =
                    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(connection), service);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "console: a connection ended early");
                }
            });
        }
        answering.close();
        // Whoever is not done by then is cut off by the end of the process.
        let _ = tokio::time::timeout(LAST_WORDS, answering.wait()).await;
    });
    Ok((address, task))
}

fn refused(listen: SocketAddr, error: std::io::Error) -> Error {
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another scanmill may be running; --metrics 127.0.0.1:0 picks a free port, --metrics off serves nothing"
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; try --metrics 127.0.0.1:0",
        _ => "the address must be one of this machine; try --metrics 127.0.0.1:0",
    };
    Error::new(Class::Permanent, format!("cannot serve metrics on {listen}")).with_hint(hint).with_source(error)
}

/// A page with what all pages share: one file, so that it needs nothing more, and its policy allows nothing more.
fn html(page: &'static str) -> impl IntoResponse {
    let page =
        page.replace("{{style.css}}", include_str!("style.css")).replace("{{shared.js}}", include_str!("shared.js"));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (HeaderName::from_static("content-security-policy"), POLICY),
    ];
    (headers, page)
}

/// Outlines of land and countries, as paths of an SVG.
async fn outlines() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("outlines.json"))
}

/// What browsers show beside the title, and ask for by this name.
async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("icon.svg"))
}

async fn scans_json(State(state): State<ConsoleState>, asked: HeaderMap) -> Response {
    (state.scans)().await.to(&asked)
}

async fn rejections_json(State(state): State<ConsoleState>, asked: HeaderMap) -> Response {
    (state.rejected)().to(&asked)
}

async fn picture(State(state): State<ConsoleState>, Path(id): Path<u64>) -> Response {
    match (state.picture)(id) {
        Some(picture) => ([(header::CONTENT_TYPE, "image/jpeg")], picture).into_response(),
        None => (StatusCode::NOT_FOUND, "only the latest rejections are kept\n").into_response(),
    }
}

async fn state_json(State(state): State<ConsoleState>) -> impl IntoResponse {
    axum::Json((state.state)())
}

async fn history_json(State(state): State<ConsoleState>) -> impl IntoResponse {
    axum::Json((state.history)())
}

async fn metrics(State(state): State<ConsoleState>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)())
}

async fn health(State(state): State<ConsoleState>) -> impl IntoResponse {
    match (state.health)() {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn ready(State(state): State<ConsoleState>) -> impl IntoResponse {
    match (state.ready)() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

/// One request a connection, nothing cached, no guessing of types.
async fn common_headers(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

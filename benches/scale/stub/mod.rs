//! A small S3 and SQS in one: just what the engine's calls need, with the latencies and faults that a case asks for.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cases::Case;

mod faults;
mod s3;
mod sqs;

/// Largest request head that is read.
const MAX_HEAD: usize = 64 << 10;

/// A request as it came.
pub struct Request {
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Of an SQS call, its name.
    pub target: String,
    pub body: Vec<u8>,
}

/// What is answered.
pub struct Answer {
    pub status: u16,
    pub kind: &'static str,
    pub body: Bytes,
}

impl Answer {
    pub fn json(body: impl Into<Bytes>) -> Answer {
        Answer { status: 200, kind: "application/x-amz-json-1.0", body: body.into() }
    }

    pub fn xml(status: u16, body: impl Into<Bytes>) -> Answer {
        Answer { status, kind: "application/xml", body: body.into() }
    }
}

/// Both services.
pub struct Stub {
    s3: s3::S3,
    sqs: sqs::Sqs,
}

/// Serves `case` until the process ends, and prints the port in use.
pub fn serve(case: &Case) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let stub = Arc::new(Stub { s3: s3::S3::new(case), sqs: sqs::Sqs::new(case) });
        let mut out = std::io::stdout().lock();
        writeln!(out, "{port}")?;
        out.flush()?;
        drop(out);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(answer_all(stub.clone(), stream));
        }
    })
}

/// One connection, request by request, until the other side ends it.
async fn answer_all(stub: Arc<Stub>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut unread = Vec::with_capacity(8 << 10);
    while let Some(request) = next_request(&mut stream, &mut unread).await? {
        let is_head = request.method == "HEAD";
        let answer = answer(&stub, request).await;
        let head = format!(
            "HTTP/1.1 {} .\r\ncontent-type: {}\r\ncontent-length: {}\r\netag: \"{}\"\r\n\r\n",
            answer.status,
            answer.kind,
            answer.body.len(),
            s3::ETAG
        );
        if is_head || answer.body.is_empty() {
            stream.write_all(head.as_bytes()).await?;
        } else if answer.body.len() < 16 << 10 {
            stream.write_all(&[head.as_bytes(), &answer.body].concat()).await?;
        } else {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&answer.body).await?;
        }
    }
    Ok(())
}

async fn answer(stub: &Stub, request: Request) -> Answer {
    if request.path == "/counts" {
        return Answer::json(stub.counts().to_string());
    }
    match request.target.rsplit_once('.') {
        Some((_, call)) => stub.sqs.answer(call, &request.body).await,
        None => stub.s3.answer(request).await,
    }
}

impl Stub {
    fn counts(&self) -> serde_json::Value {
        let mut counts = self.sqs.counts();
        counts["s3"] = self.s3.counts();
        counts
    }
}

/// Reads one request; `None` at the end of the connection.
async fn next_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> std::io::Result<Option<Request>> {
    let head_ends = loop {
        if let Some(at) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if unread.len() > MAX_HEAD || stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&unread[..head_ends]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
    let (mut length, mut target) = (0, String::new());
    let mut must_continue = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "x-amz-target" => target = value.trim().to_owned(),
            "expect" => must_continue = true,
            _ => {}
        }
    }
    if must_continue {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while unread.len() < head_ends + length {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    let rest = unread.split_off(head_ends + length);
    let body = std::mem::replace(unread, rest).split_off(head_ends);
    Ok(Some(Request { method, path, target, body }))
}

/// A wait with a tail: of ten calls one takes twice as long.
pub async fn take(time: Duration, is_slow: bool) {
    tokio::time::sleep(if is_slow { time * 2 } else { time }).await;
}

/// Random numbers that are the same in every run.
pub struct Draws(std::sync::atomic::AtomicU64);

impl Draws {
    pub fn new() -> Draws {
        Draws(std::sync::atomic::AtomicU64::new(0x9E37_79B9_7F4A_7C15))
    }

    /// The next one, in [0, 1).
    pub fn next(&self) -> f64 {
        // SplitMix64.
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, std::sync::atomic::Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

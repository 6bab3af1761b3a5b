//! A small S3 and SQS in one, with so many messages, each naming one photo: `pipeline-stub PHOTOS COUNT OUT`.
//!
//! Prints its port. `GET /counts` tells how far the messages are, `GET /finish` writes what was put into OUT and tells
//! how long each message was held.
#![allow(clippy::disallowed_macros, reason = "a tool for people at a terminal")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod crc;
mod s3;
mod sqs;

/// Largest request head that is read.
const MAX_HEAD: usize = 64 << 10;
/// What a call takes, as far as it is not this machine's CPU: some of what S3 and SQS take in one region.
const GET: Duration = Duration::from_millis(15);
const PUT: Duration = Duration::from_millis(25);
const SQS: Duration = Duration::from_millis(8);

/// A request as it came.
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered: status, further header lines, body.
pub type Answer = (u16, String, bytes::Bytes);

struct Stub {
    s3: s3::S3,
    sqs: sqs::Sqs,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photos, count, out] = arguments.as_slice() else { return Err("usage: pipeline-stub PHOTOS COUNT OUT".into()) };
    let s3 = s3::S3::new(photos.as_ref(), out.as_ref())?;
    let stub = Arc::new(Stub { sqs: sqs::Sqs::new(count.parse()?), s3 });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
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
        let (status, headers, body) = stub.answer(&request).await;
        let length = body.len();
        let head = format!("HTTP/1.1 {status} .\r\ncontent-length: {length}\r\n{headers}\r\n");
        // In one write where it is small, as a server does.
        if length < 16 << 10 {
            stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        } else {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
        }
    }
    Ok(())
}

impl Stub {
    async fn answer(&self, request: &Request) -> Answer {
        match (request.path.as_str(), request.header("x-amz-target")) {
            ("/counts", _) => (200, String::new(), self.sqs.counts().to_string().into()),
            ("/finish", _) => match self.s3.write_out() {
                Ok(()) => (200, String::new(), self.sqs.held().to_string().into()),
                Err(error) => (500, String::new(), error.to_string().into()),
            },
            (_, Some(target)) => {
                tokio::time::sleep(SQS).await;
                let call = target.rsplit_once('.').map_or(target, |(_, call)| call).to_owned();
                self.sqs.answer(&call, &request.body, &self.s3).await
            }
            (_, None) => {
                tokio::time::sleep(if request.method == "PUT" { PUT } else { GET }).await;
                self.s3.answer(request)
            }
        }
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
    let head = String::from_utf8_lossy(unread.get(..head_ends).unwrap_or_default()).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { method, path, headers, body: Vec::new() };
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let end = head_ends + request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while unread.len() < end {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    let rest = unread.split_off(end);
    request.body = std::mem::replace(unread, rest).split_off(head_ends);
    Ok(Some(request))
}

//! A tiny S3: answers each request by a function, over real connections.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scanmill::aws::{Account, AccountOptions};
use scanmill::store::s3::{S3Options, S3Store};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Header lines.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The region it was signed for.
    pub fn region(&self) -> &str {
        self.header("authorization").and_then(|text| text.split('/').nth(2)).unwrap_or_default()
    }

    /// The IAM action S3 asks for this.
    pub fn action(&self) -> &'static str {
        let has = |part: &str| self.path.contains(part);
        match self.method.as_str() {
            "PUT" => "s3:PutObject",
            _ if has("list-type=2") => "s3:ListBucket",
            _ if has("?notification") => "s3:GetBucketNotification",
            _ if has("versionId=") => "s3:GetObjectVersion",
            _ => "s3:GetObject",
        }
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// What `Content-Length` says, if not the truth.
    pub declared: Option<u64>,
    /// Whether the connection stays open and silent after the body, instead of being closed.
    pub stalls: bool,
}

/// An answer with a body.
pub fn ok(body: &[u8]) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: body.to_vec(), declared: None, stalls: false }
}

/// An error as S3 says it.
pub fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Answer { status, ..ok(body.as_bytes()) }.with("content-type", "application/xml")
}

impl Answer {
    pub fn with(mut self, name: &'static str, value: &str) -> Answer {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// The server. Its threads end with their connections; nothing else is left of it when the test ends.
pub struct StandIn {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl StandIn {
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, seen) = (Arc::new(answer), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let (answer, seen) = (answer.clone(), seen.clone());
                std::thread::spawn(move || while serve(&stream, answer.as_ref(), &seen).is_some() {});
            }
        });
        StandIn { endpoint, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// A store in it that calls once and waits at most a second.
    pub fn store(&self) -> S3Store {
        self.store_trying(1)
    }

    pub fn store_trying(&self, attempts: u32) -> S3Store {
        store(&self.endpoint, attempts, Duration::from_secs(1))
    }
}

/// A store at an endpoint.
pub fn store(endpoint: &str, attempts: u32, attempt_timeout: Duration) -> S3Store {
    let options = AccountOptions {
        region: Some("us-east-1".into()),
        profile: None,
        assume_role: None,
        attempts,
        attempt_timeout,
    };
    let account = Account::with_keys(options, "test", "test");
    S3Store::new(account, S3Options { endpoint: Some(endpoint.to_owned()), path_style: true })
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Request) -> Answer, seen: &Mutex<Vec<Request>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut parts = line.split_whitespace();
    let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut request = Request { method, path, headers: Vec::new(), body: Vec::new() };
    loop {
        let mut line = String::new();
        // A client that went away amid its request made none.
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            header => request.headers.push(header.to_owned()),
        }
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    if request.header("expect").is_some() {
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    reader.read_exact(&mut request.body).ok()?;
    let answer = answer(&request);
    let is_head = request.method == "HEAD";
    seen.lock().unwrap().push(request);
    let length = answer.declared.unwrap_or(answer.body.len() as u64);
    let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {length}\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    if !is_head {
        stream.write_all(&answer.body).ok()?;
    }
    stream.flush().ok()?;
    if answer.stalls {
        // Until the client goes away.
        let _ = reader.read(&mut [0; 1]);
    }
    (answer.declared.is_none() && !answer.stalls).then_some(())
}

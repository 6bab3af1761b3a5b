//! Just enough HTTP to set the rig up and to look at it from outside, without the code under test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Failure, Outcome};

/// Longer than anything here takes, on a machine busy with other builds.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Header lines as they came.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Outcome<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(|error| Failure::new(format!("{error} in {:?}", self.text())))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The answer, unless its status says failure.
    pub fn success(self) -> Outcome<Answer> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(Failure::new(format!("HTTP {}: {}", self.status, self.text())))
    }
}

/// One request to `http://host:port` + `path` (with its query), one answer, and the connection is closed.
pub fn request(method: &str, endpoint: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Outcome<Answer> {
    let says = |error: std::io::Error| Failure::new(format!("{method} {endpoint}{path}: {error}"));
    let host = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let mut stream = TcpStream::connect(host).map_err(says)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(says)?;
    // Version 1.0: the answer ends with the connection and is never in chunks.
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).map_err(says)?;
    stream.write_all(body).map_err(says)?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).map_err(says)?;
    parse(&raw).ok_or_else(|| {
        Failure::new(format!("{method} {endpoint}{path}: not an HTTP answer: {:?}", String::from_utf8_lossy(&raw)))
    })
}

fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&raw[..end]).ok()?.lines();
    let status = lines.next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, headers: lines.map(str::to_owned).collect(), body: raw[end + 4..].to_vec() })
}

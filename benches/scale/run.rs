//! One case: the real engine with a decoder that sleeps, looked at a few times a second.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scanmill::actors::pipeline_context::Host;
use scanmill::app::{self, Engine};
use scanmill::decode::{DecodeLimits, Header, Room};
use scanmill::domain::{Capture, Code, Reading};
use scanmill::telemetry::{Workers, process};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cases::Case;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A look at the engine and its surroundings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Look {
    /// Seconds since the start.
    pub at: f64,
    /// Photos decoded so far.
    pub decoded: u64,
    /// Deletes that the queue answered.
    pub deleted: u64,
    /// Messages received and not deleted.
    pub in_flight: u64,
    /// Photos being got, as the store sees it.
    pub open_gets: u64,
    /// GETs throttled so far.
    pub throttled: u64,
    /// CPU seconds of the engine.
    pub cpu: f64,
    /// Decode threads at work.
    pub decoding: u64,
    /// `name used/limit` of the budgets that are full or have somebody waiting.
    pub full: Vec<String>,
    /// Why the limit of fetches is what it is, and what it is.
    pub fetches: (String, u64),
    /// What limits the rate, as the engine says.
    pub bottleneck: String,
}

/// The stub in a process of its own, ended with this value.
struct StubProcess {
    child: Child,
    address: String,
}

impl StubProcess {
    fn start(case: &Case, slower: u32) -> std::io::Result<StubProcess> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--stub", case.name, "--slower", &slower.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut port = String::new();
        let out = child.stdout.take().ok_or_else(|| std::io::Error::other("the stub has no output"))?;
        BufReader::new(out).read_line(&mut port)?;
        Ok(StubProcess { child, address: format!("127.0.0.1:{}", port.trim()) })
    }

    fn counts(&self) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(b"GET /counts HTTP/1.1\r\n\r\n")?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for StubProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

static DECODE_TIME: OnceLock<Duration> = OnceLock::new();
static DECODED: AtomicU64 = AtomicU64::new(0);

/// Takes the time of a decode, on its thread, and none of its CPU.
fn sleep_instead(bytes: &[u8], header: &Header, _: &DecodeLimits, _: &Room<'_>) -> Option<Reading> {
    std::thread::sleep(DECODE_TIME.get().copied().unwrap_or_default());
    let number = DECODED.fetch_add(1, Ordering::Relaxed);
    let code = Code {
        text: format!("https://example.com/p/{}", number % 1_000),
        text_encoding: "ascii".into(),
        symbology: "]Q1",
        sequence: None,
        rung: "native_800",
        corners: [[0.0; 2]; 4],
        qr_version: Some(3),
        ecc_level: Some('M'),
        ecc_used: None,
    };
    Some(Reading {
        format: Some(header.format),
        width: Some(header.width),
        height: Some(header.height),
        codes: vec![code],
        more_codes_likely: false,
        rungs: Vec::new(),
        capture: Capture::default(),
        reject: None,
        is_stalled: bytes.is_empty(),
        decode_ms: 0.0,
    })
}

/// Runs the case and returns what was seen.
pub fn run(case: &Case, slower: u32) -> Result<Vec<Look>, Box<dyn std::error::Error>> {
    let stub = StubProcess::start(case, slower)?;
    let root = tempfile::tempdir()?;
    let settings = Arc::new(case.settings(&format!("http://{}", stub.address), root.path()));
    DECODE_TIME.get_or_init(|| case.decode_time());
    let ports = app::open(&settings)?;
    let looks = app::run_system(&settings, async {
        let started = Instant::now();
        let host = Host { cores: case.threads as usize, cpu_seconds: || None, read_photo: sleep_instead };
        let engine = Engine::start_on(settings.clone(), ports, host).await?;
        let mut looks = Vec::new();
        while started.elapsed() < Duration::from_secs(case.warm_up + case.measured) {
            tokio::time::sleep(LOOK_EVERY).await;
            let counts = stub
                .counts()
                .map_err(|error| scanmill::error::Error::transient("the stub does not answer").with_source(error))?;
            looks.push(look(&engine, started, &counts));
        }
        engine.stop_now();
        engine.ended().await;
        Ok(looks)
    })?;
    Ok(looks)
}

fn look(engine: &Engine, started: Instant, counts: &Value) -> Look {
    let state = engine.state();
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let budgets = state["budgets"].as_object().into_iter().flatten();
    let full = budgets.filter_map(|(name, budget)| {
        let (used, limit, waiting) = (count(&budget["used"]), count(&budget["limit"]), count(&budget["waiting"]));
        (waiting > 0 || used >= limit).then(|| format!("{name} {used}/{limit}"))
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Look {
        at: started.elapsed().as_secs_f64(),
        decoded: DECODED.load(Ordering::Relaxed),
        deleted: count(&counts["deleted"]),
        in_flight: count(&counts["in_flight"]),
        open_gets: count(&counts["s3"]["open"]),
        throttled: count(&counts["s3"]["throttled"]),
        cpu: process::process_cpu().as_secs_f64(),
        decoding: engine.telemetry().busy.at_work(Workers::Decode),
        full: full.collect(),
        fetches: (
            text(&state["actors"]["autoscaler"]["fetch_limit_reason"]),
            count(&state["budgets"]["fetches"]["limit"]),
        ),
        bottleneck: text(&state["bottleneck"]["stage"]),
    }
}

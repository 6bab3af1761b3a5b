//! A root folder and the real binary on it, for tests that look from outside. No process outlives its value.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use scanmill::app::{self, Ports};
use scanmill::config::{Settings, keys};
use tempfile::TempDir;

pub mod photo;

/// Far longer than anything here takes; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(400);

/// Quick batches and loads, one decoding thread, and no page.
const QUICK: &[&str] =
    &["batch.max_age_ms=100", "load.interval_ms=100", "scale.tick_ms=100", "decode.threads=1", "metrics.listen=off"];

/// A folder for one engine, gone with the value.
pub struct Root {
    path: PathBuf,
    _folder: Option<TempDir>,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The binary, without the caller's configuration.
pub fn scanmill() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanmill"));
    command.stdin(Stdio::null()).env_remove("SCANMILL_CONFIG");
    for key in keys::all() {
        command.env_remove(key.variable());
    }
    command
}

impl Root {
    /// An empty root with its inbox.
    pub fn new() -> Root {
        let folder = tempfile::tempdir().unwrap();
        let root = Root { path: folder.path().join("root"), _folder: Some(folder) };
        std::fs::create_dir_all(root.inbox()).unwrap();
        root
    }

    /// A root in a folder that somebody else takes away.
    pub fn at(path: &Path) -> Root {
        Root { path: path.to_owned(), _folder: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn inbox(&self) -> PathBuf {
        self.path.join("inbox")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Drops a photo into the inbox, as `cp` would.
    pub fn drop_photo(&self, key: &str, bytes: &[u8]) {
        let path = self.inbox().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The ports as the engine opens them, for messages and objects that no folder shows.
    pub fn ports(&self) -> Ports {
        let mut settings = Settings::default();
        settings.local.root = self.path.clone();
        app::make_folders(&settings).unwrap();
        app::open(&settings).unwrap()
    }

    /// Queues messages without any photo.
    pub fn send(&self, bodies: &[String]) {
        let ports = self.ports();
        runtime().block_on(ports.queue.send(bodies)).unwrap();
    }

    /// A command on this root.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = scanmill();
        let (name, more) = arguments.split_first().unwrap();
        command.arg(name).arg("--root").arg(&self.path);
        if *name == "run" {
            command.args(QUICK.iter().flat_map(|pair| ["--set", pair]));
        }
        // Last, for the last of two wins.
        command.args(more);
        command
    }

    /// Runs a command to its end.
    pub fn ended(&self, arguments: &[&str]) -> Ended {
        Running::start(self.command(arguments)).ended()
    }

    /// Runs the engine until nothing is left and expects that to go well.
    pub fn run_until_empty(&self) -> Ended {
        self.run_until_empty_with(&[])
    }

    /// As [`Root::run_until_empty`], with more arguments.
    pub fn run_until_empty_with(&self, more: &[&str]) -> Ended {
        let ended = self.ended(&[&["run", "--until-empty"], more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// Starts the engine and waits until it takes work.
    pub fn start(&self, more: &[&str]) -> Running {
        let running = Running::start(self.command(&[&["run"], more].concat()));
        running.wait_for("pipeline started");
        running
    }

    /// What a statement gives, every cell as text, NULL as nothing.
    pub fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(self.file("warehouse.sqlite"), flags).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let count = statement.column_count();
        let cell = |value: rusqlite::types::Value| match value {
            rusqlite::types::Value::Null => None,
            rusqlite::types::Value::Integer(integer) => Some(integer.to_string()),
            rusqlite::types::Value::Real(real) => Some(real.to_string()),
            rusqlite::types::Value::Text(text) => Some(text),
            rusqlite::types::Value::Blob(_) => panic!("no column is a blob"),
        };
        let rows = statement.query_map([], |row| (0..count).map(|index| row.get(index).map(cell)).collect()).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// `(object_key, payload)` of every scan, in the order of keys.
    pub fn scans(&self) -> Vec<(String, String)> {
        self.pairs("select object_key, payload from scans order by object_key, payload")
    }

    /// `(object_key, reason)` of every rejection, in the order of keys.
    pub fn rejections(&self) -> Vec<(String, String)> {
        self.pairs("select object_key, reason from rejections order by object_key, reason")
    }

    fn pairs(&self, sql: &str) -> Vec<(String, String)> {
        let text = |cell: Option<String>| cell.unwrap_or_default();
        self.query(sql)
            .into_iter()
            .map(|row| {
                let [first, second] = <[_; 2]>::try_from(row).unwrap();
                (text(first), text(second))
            })
            .collect()
    }

    /// Messages ready, in flight and dead.
    pub fn depth(&self) -> (u64, u64, u64) {
        let depth = runtime().block_on(self.ports().queue.depth()).unwrap();
        (depth.ready, depth.in_flight, depth.dead)
    }
}

/// Status and body of one of the engine's pages, at `host:port`.
pub fn page(address: &str, path: &str) -> (u16, String) {
    let (head, body) = bytes(address, path);
    (head.split_whitespace().nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
}

/// Head and body of the same, whatever bytes they are.
pub fn bytes(address: &str, path: &str) -> (String, Vec<u8>) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What stderr has, and whether more may come.
#[derive(Default)]
struct Said {
    text: String,
    is_all: bool,
}

/// A process at work. Killed when the value goes, also by a panic of the test.
pub struct Running {
    child: Child,
    stdout: Option<std::thread::JoinHandle<String>>,
    stderr: Option<std::thread::JoinHandle<()>>,
    said: Arc<(Mutex<Said>, Condvar)>,
}

impl Running {
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said: Arc<(Mutex<Said>, Condvar)> = Arc::default();
        let (mut stdout, stderr) = (child.stdout.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let told = said.clone();
        let stderr = std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                told.0.lock().unwrap().text.push_str(&(String::from_utf8_lossy(&line) + "\n"));
                told.1.notify_all();
            }
            told.0.lock().unwrap().is_all = true;
            told.1.notify_all();
        });
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        });
        Running { child, stdout: Some(stdout), stderr: Some(stderr), said }
    }

    /// Waits until stderr has `text`.
    pub fn wait_for(&self, text: &str) {
        let (said, changed) = &*self.said;
        let is_open = |said: &mut Said| !said.is_all && !said.text.contains(text);
        let (said, _) = changed.wait_timeout_while(said.lock().unwrap(), PATIENCE, is_open).unwrap();
        assert!(said.text.contains(text), "never said `{text}`:\n{}", said.text);
    }

    /// Whether stderr has `text` by now.
    pub fn said(&self, text: &str) -> bool {
        self.said.0.lock().unwrap().text.contains(text)
    }

    /// All that stderr has by now.
    pub fn text(&self) -> String {
        self.said.0.lock().unwrap().text.clone()
    }

    /// The word of stderr that follows `text`.
    pub fn word_after(&self, text: &str) -> String {
        self.wait_for(text);
        let said = self.said.0.lock().unwrap();
        said.text.split_once(text).unwrap().1.split_whitespace().next().unwrap().to_owned()
    }

    /// The first line of stderr that has `text`.
    pub fn line_with(&self, text: &str) -> String {
        self.wait_for(text);
        let said = self.said.0.lock().unwrap();
        said.text.lines().find(|line| line.contains(text)).unwrap().to_owned()
    }

    /// Waits until `is_so`, asked now and then.
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "never so: {what}\n{}", self.said.0.lock().unwrap().text);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Asks for a drain, waits for the end and expects it to go well.
    pub fn drained(self) -> Ended {
        self.signal(rustix::process::Signal::TERM);
        let ended = self.ended();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// Waits for the end. Whatever happened, nothing may have panicked.
    pub fn ended(mut self) -> Ended {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
            assert!(began.elapsed() < PATIENCE, "does not end:\n{}", self.said.0.lock().unwrap().text);
        };
        let stdout = self.stdout.take().unwrap().join().unwrap();
        self.stderr.take().unwrap().join().unwrap();
        let stderr = self.said.0.lock().unwrap().text.clone();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

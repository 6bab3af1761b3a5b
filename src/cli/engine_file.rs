//! How one process finds the engine that another runs on the same root: a small file with its page's address.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// The file, in the root folder.
const FILE: &str = "engine.json";

/// How long an engine may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The most that an answer may be.
const MAX_ANSWER: u64 = 4 << 20;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    pid: u32,
    page: SocketAddr,
}

/// The note of a running engine; gone when dropped.
#[derive(Debug)]
pub struct EngineFile {
    path: PathBuf,
}

impl EngineFile {
    /// Writes the note. A second engine on the same root takes it over.
    pub fn write(root: &Path, page: SocketAddr) -> Result<EngineFile> {
        let path = root.join(FILE);
        let note = serde_json::to_vec(&Note { pid: std::process::id(), page })
            .map_err(|error| Error::bug("the engine's note does not serialise").with_source(error))?;
        // By way of a new file and a rename: never through a symbolic link that somebody put there, and never half.
        let written = tempfile::NamedTempFile::new_in(root).and_then(|mut fresh| {
            fresh.write_all(&note)?;
            fresh.persist(&path).map_err(std::io::Error::from)
        });
        written.map_err(|error| Error::io("cannot write", &path, error))?;
        Ok(EngineFile { path })
    }
}

impl Drop for EngineFile {
    fn drop(&mut self) {
        // Only our own: another engine may have taken it over. A note left behind is harmless, nobody answers there.
        if read(&self.path).is_some_and(|note| note.pid == std::process::id()) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What a running engine says of its process.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct EngineProcess {
    /// CPU seconds since its start.
    pub cpu_seconds: f64,
    /// The most memory it ever had resident, where the system tells.
    pub peak_resident_bytes: Option<u64>,
}

/// Everything a running engine shows of one moment.
#[derive(Debug)]
pub struct EngineSnapshot {
    /// `/state`.
    pub state: Value,
    /// `/metrics`.
    pub metrics: String,
}

/// The engine that runs on `root`, if one does and has a page.
pub fn find(root: &Path) -> Option<EngineProcess> {
    #[derive(Deserialize)]
    struct RunningState {
        process: EngineProcess,
    }
    let state = ask(read(&root.join(FILE))?.page, "/state").ok()?;
    serde_json::from_slice(&state).ok().map(|state: RunningState| state.process)
}

/// The page of the engine that runs on `root`, if one does and answers.
pub fn page(root: &Path) -> Option<SocketAddr> {
    let page = read(&root.join(FILE))?.page;
    ask(page, "/healthz").ok().map(|_| page)
}

/// Looks at the engine that runs on `root`, if one does, has a page and answers in time.
pub fn look(root: &Path) -> Option<EngineSnapshot> {
    let page = read(&root.join(FILE))?.page;
    let state: Value = serde_json::from_slice(&ask(page, "/state").ok()?).ok()?;
    // Before the engine is there the page shows nothing.
    state.get("process")?;
    let metrics = String::from_utf8(ask(page, "/metrics").ok()?).ok()?;
    Some(EngineSnapshot { state, metrics })
}

/// What the engine on a root says of itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It takes work.
    Ready,
    /// It answers and takes none, for this reason.
    NotReady(String),
    /// There is none, it has no page, or it does not answer.
    Silent,
}

/// Asks the engine that runs on `root`, if one does, whether it takes work.
pub fn readiness(root: &Path) -> Readiness {
    let answered = read(&root.join(FILE)).and_then(|note| answer(note.page, "/readyz").ok());
    let Some((head, body)) = answered else { return Readiness::Silent };
    match head.starts_with(b"HTTP/1.1 200 ") {
        true => Readiness::Ready,
        false => Readiness::NotReady(String::from_utf8_lossy(&body).trim().to_owned()),
    }
}

fn read(path: &Path) -> Option<Note> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The body of the page's answer.
pub fn ask(page: SocketAddr, path: &str) -> std::io::Result<Vec<u8>> {
    answer(page, path).map(|(_, body)| body)
}

/// Head and body of the page's answer.
fn answer(page: SocketAddr, path: &str) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&page, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    // In one write: a page that answers early and ends would meet the rest with a reset, which takes its answer away.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {page}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let head_ends = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let body = answer.split_off(head_ends.map_or(answer.len(), |at| at + 4));
    Ok((answer, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_engine_that_answers_and_no_other() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(find(root.path()), None);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = EngineFile::write(root.path(), listener.local_addr().unwrap()).unwrap();
        let answer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).unwrap();
            let body = r#"{"process":{"cpu_seconds":1.5,"peak_resident_bytes":null},"engine":{}}"#;
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        });
        let found = find(root.path());
        answer.join().unwrap();
        assert_eq!(found, Some(EngineProcess { cpu_seconds: 1.5, peak_resident_bytes: None }));
        assert_eq!(find(root.path()), None, "nobody listens any more");
        drop(file);
        assert!(!root.path().join(FILE).try_exists().unwrap());
    }

    #[test]
    fn readiness_is_the_pages_own_word() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(readiness(root.path()), Readiness::Silent);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _file = EngineFile::write(root.path(), listener.local_addr().unwrap()).unwrap();
        let answers = ["HTTP/1.1 200 OK\r\n\r\nready", "HTTP/1.1 503 Service Unavailable\r\n\r\nthe bucket is away\n"];
        let served = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert_eq!(readiness(root.path()), Readiness::Ready);
        assert_eq!(readiness(root.path()), Readiness::NotReady("the bucket is away".into()));
        served.join().unwrap();
        assert_eq!(readiness(root.path()), Readiness::Silent);
    }

    #[test]
    fn a_symbolic_link_in_its_place_is_replaced_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let victim = root.path().join("victim");
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, root.path().join(FILE)).unwrap();
        let _file = EngineFile::write(root.path(), "127.0.0.1:9".parse().unwrap()).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
        assert_eq!(read(&root.path().join(FILE)).unwrap().pid, std::process::id());
    }
}

//! One child process that serves HTTP on 127.0.0.1 and never outlives its value nor this process.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Failure, Outcome, Venv, http};

/// Longer than any server takes to start, also when the machine is busy with a build.
const PATIENCE: Duration = Duration::from_secs(120);

const GUARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/guard.py");

/// A running server.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    guard: Child,
    /// Removed by the guard as well: a value in a `static` is never dropped.
    folder: TempDir,
    endpoint: String,
}

/// What to start.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What it is called in messages.
    pub name: &'static str,
    /// A program of the venv.
    pub program: &'a str,
    /// Arguments; `{port}` and `{folder}` (an empty folder of its own) are filled in.
    pub arguments: &'a [&'a str],
    /// Environment, filled in likewise.
    pub environment: &'a [(&'a str, &'a str)],
    /// A path that answers once the server is ready.
    pub ready: &'a str,
}

impl Server {
    /// Starts the server on a free port and waits until it answers.
    pub fn start(plan: &Plan<'_>) -> Outcome<Server> {
        let venv = Venv::ready()?;
        let mut last = Failure::new("never started");
        // Between choosing a port and binding it somebody else may take it.
        for _ in 0..3 {
            match Server::start_once(venv, plan) {
                Ok(server) => return Ok(server),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    fn start_once(venv: &Venv, plan: &Plan<'_>) -> Outcome<Server> {
        let says = |error: std::io::Error| Failure::new(format!("cannot start {}: {error}", plan.name));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(says)?.port();
        let folder = tempfile::tempdir().map_err(says)?;
        let log = File::create(log_in(folder.path())).map_err(says)?;
        let fill = |text: &str| {
            text.replace("{port}", &port.to_string()).replace("{folder}", &folder.path().to_string_lossy())
        };
        let mut command = Command::new(venv.program("python"));
        command
            .arg(GUARD)
            .arg(folder.path())
            .arg(venv.program(plan.program))
            .args(plan.arguments.iter().map(|text| fill(text)));
        // What the caller has for the real AWS is not a business of these servers.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.envs(plan.environment.iter().map(|(name, value)| (name, fill(value))));
        command.current_dir(folder.path()).stdin(Stdio::piped());
        command.stdout(log.try_clone().map_err(says)?).stderr(log);
        // Whoever kills the test's whole group must not kill the guard before its work is done.
        command.process_group(0);
        let guard = command.spawn().map_err(says)?;
        let mut server = Server { name: plan.name, guard, folder, endpoint: format!("http://127.0.0.1:{port}") };
        server.wait_until_ready(plan.ready)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, path: &str) -> Outcome<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers = http::request("GET", &self.endpoint, path, &[], b"").is_ok();
            let ended = self.guard.try_wait().map_err(|error| Failure::new(format!("{}: {error}", self.name)))?;
            if let Some(status) = ended {
                return Err(Failure::new(format!("{} ended at once with {status}:\n{}", self.name, self.log())));
            }
            if answers {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::new(format!(
                    "{} did not answer within {} s:\n{}",
                    self.name,
                    PATIENCE.as_secs(),
                    self.log()
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What the server has written to stdout and stderr so far.
    pub fn log(&self) -> String {
        match std::fs::read(log_in(self.folder.path())) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(its log cannot be read: {error})"),
        }
    }

    /// A folder of its own, gone with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id of the guard; the server is its child.
    pub fn guard_id(&self) -> u32 {
        self.guard.id()
    }
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("log")
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        if let Err(error) = self.guard.wait() {
            eprintln!("rig: {} may still be running: {error}", self.name);
        }
    }
}

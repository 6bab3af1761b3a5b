//! One landing bucket, queue, results bucket and database, and the real binary on them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Ended, Running, scanmill};
use crate::rig::{self, Aws, DataApi, Ministack, Stack};

/// Quick batches and loads and short leases: a test waits for all of them.
const QUICK: &[&str] = &[
    "queue.visibility_timeout_seconds=10",
    "queue.wait_seconds=1",
    "limits.photo_time_budget_ms=4000",
    "batch.max_age_ms=300",
    "load.interval_ms=500",
    "scale.tick_ms=200",
    "decode.threads=1",
    "aws.attempt_timeout_seconds=5",
    "log.format=text",
];

pub struct Place {
    pub stack: Stack,
    /// Set on every command, after all that stands before.
    pub more: Vec<String>,
    /// Set on the engine alone.
    pub engine: Vec<String>,
    root: TempDir,
}

impl Place {
    /// On the servers that all tests share.
    pub fn new() -> Place {
        Place::on(Ministack::shared().aws(), DataApi::shared())
    }

    pub fn on(aws: Aws, api: &DataApi) -> Place {
        Place {
            stack: Stack::new(aws, api).unwrap(),
            more: Vec::new(),
            engine: Vec::new(),
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// The engine reaches S3 and SQS through another address; what makes and checks photos does not.
    pub fn engine_through(mut self, endpoint: &str) -> Place {
        self.engine = ["s3.endpoint", "sqs.endpoint"].map(|key| format!("{key}={endpoint}")).to_vec();
        self
    }

    /// A command with `config/aws.toml` and what of it this place changes. `instance` has a root folder of its own.
    pub fn command_of(&self, instance: usize, arguments: &[&str]) -> Command {
        let mut command = scanmill();
        for (name, value) in rig::ENVIRONMENT {
            command.env(name, value);
        }
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws.toml");
        let (name, rest) = arguments.split_first().unwrap();
        command.arg(name).arg("--config").arg(config);
        command.arg("--root").arg(self.root.path().join(format!("instance-{instance}")));
        for (key, value) in self.stack.settings() {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let engine = if *name == "run" { self.engine.as_slice() } else { &[] };
        for pair in QUICK.iter().copied().chain(self.more.iter().chain(engine).map(String::as_str)) {
            command.arg("--set").arg(pair);
        }
        command.args(rest);
        command
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(0, arguments)
    }

    pub fn ended(&self, arguments: &[&str]) -> Ended {
        Running::start(self.command(arguments)).ended()
    }

    /// Makes `count` photos and uploads them.
    pub fn pump(&self, count: u32) {
        let count = count.to_string();
        let ended = self.ended(&["pump", "--count", &count, "--pictures", "1", "--no-wait", "--quiet"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    /// Runs the engine until nothing is left and expects that to go well.
    pub fn run_until_empty(&self) -> Ended {
        let ended = self.ended(&["run", "--until-empty", "--metrics", "off"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// Expects every photo's rows in the warehouse, each once and right.
    pub fn expect_all(&self, photos: u32) {
        let ended = self.ended(&["verify", "--json"]);
        let figures: Value = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", ended.stdout, ended.stderr));
        for figure in ["lost", "doubled", "wrong"] {
            assert_eq!(figures[figure], 0, "{figures:#}");
        }
        assert_eq!(figures["photos"], photos);
        assert_eq!(ended.code, Some(0));
    }

    /// Expects every sealed batch in the ledger, once.
    pub fn expect_every_batch_once(&self, api: &DataApi) {
        let sealed = self.stack.aws.list(&self.stack.results, "batches/").unwrap();
        assert!(!sealed.is_empty());
        let sql = "SELECT object_key, count(*) FROM load_ledger GROUP BY object_key ORDER BY object_key";
        let ledger = api.query(&self.stack.database, sql).unwrap();
        let loaded: Vec<(String, i64)> =
            ledger.iter().map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_i64().unwrap())).collect();
        let expected: Vec<(String, i64)> = sealed.into_iter().map(|key| (key, 1)).collect();
        assert_eq!(loaded, expected);
    }
}

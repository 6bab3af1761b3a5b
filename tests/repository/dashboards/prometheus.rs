//! A real Prometheus and promtool: those on the PATH, else Debian's, unpacked under `target/` and never installed.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Root, Running};
use crate::rig::http;

/// Where the programs are.
pub struct Tools {
    pub prometheus: PathBuf,
    pub promtool: PathBuf,
}

/// The programs; `None` where they cannot be had, which is said on stderr. In CI that is a failure.
pub fn tools() -> Option<&'static Tools> {
    static TOOLS: OnceLock<Result<Tools, String>> = OnceLock::new();
    match TOOLS.get_or_init(|| on_path().map_or_else(|| unpacked(&target()), Ok)) {
        Ok(tools) => Some(tools),
        Err(why) => {
            let why = format!(
                "no Prometheus here, so the dashboard's queries and the alerts were not run: {why}\n\
                 Put `prometheus` and `promtool` on the PATH."
            );
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            tell(&why);
            None
        }
    }
}

/// Says it even where the test's output is captured.
fn tell(text: &str) {
    // Whoever closed stderr does not want to hear it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn on_path() -> Option<Tools> {
    let path = std::env::var_os("PATH")?;
    let is_file = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let find = |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(is_file);
    Some(Tools { prometheus: find("prometheus")?, promtool: find("promtool")? })
}

/// `target`, wherever this build has it.
fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
    }
}

/// Debian's package, fetched now if it is not there yet. Several processes may ask at once: one fetches, the others
/// wait.
fn unpacked(target: &Path) -> Result<Tools, String> {
    let says = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let folder = target.join("rig-prometheus");
    let bin = folder.join("unpacked/usr/bin");
    let tools = Tools { prometheus: bin.join("prometheus"), promtool: bin.join("promtool") };
    let complete = folder.join("complete");
    std::fs::create_dir_all(target).map_err(says("cannot make the target folder"))?;
    let lock = File::create(folder.with_extension("lock")).map_err(says("cannot make the lock file"))?;
    lock.lock().map_err(says("cannot lock the folder"))?;
    if complete.try_exists().map_err(says("cannot look for the programs"))? {
        return Ok(tools);
    }
    tell(&format!("rig: first use: fetching Debian's prometheus into {} (20 MB)", folder.display()));
    if folder.try_exists().map_err(says("cannot look for the folder"))? {
        std::fs::remove_dir_all(&folder).map_err(says("cannot remove what an interrupted fetch left"))?;
    }
    let fetched = folder.join("fetched");
    std::fs::create_dir_all(&fetched).map_err(says("cannot make the folder"))?;
    let package = download(&fetched)?;
    run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(folder.join("unpacked")))?;
    run(Command::new(&tools.prometheus).arg("--version"))?;
    run(Command::new(&tools.promtool).arg("--version"))?;
    std::fs::remove_dir_all(&fetched).map_err(says("cannot remove the package"))?;
    File::create(&complete).map_err(says("cannot mark the folder as complete"))?;
    tell("rig: unpacked");
    Ok(tools)
}

/// The package, with apt's checks of its signature. Needs no root: where the system's package lists are missing or
/// old, apt fetches lists of its own into the folder.
fn download(folder: &Path) -> Result<PathBuf, String> {
    let get = |options: &[String], arguments: &[&str]| {
        run(Command::new("apt-get").args(options).args(arguments).current_dir(folder))
    };
    if let Err(first) = get(&[], &["download", "prometheus"]) {
        let (lists, cache) = (folder.join("lists"), folder.join("cache"));
        for partial in [lists.join("partial"), cache.join("archives/partial")] {
            std::fs::create_dir_all(&partial).map_err(|error| format!("{}: {error}", partial.display()))?;
        }
        let options = [
            format!("-oDir::State::lists={}", lists.display()),
            format!("-oDir::Cache={}", cache.display()),
            // Root's apt would fetch as a user who may not write here.
            "-oAPT::Sandbox::User=root".to_owned(),
        ];
        get(&options, &["update"])
            .and_then(|()| get(&options, &["download", "prometheus"]))
            .map_err(|second| format!("{first}\n{second}"))?;
    }
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    files
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .ok_or_else(|| "apt-get download left no package".to_owned())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A Prometheus that scrapes one engine each second under the shipped rules. Ends with its value.
pub struct Server {
    running: Running,
    endpoint: String,
    _folder: TempDir,
}

impl Server {
    /// Starts it on a free port.
    pub fn start(tools: &Tools, engine: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/alerts.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n  \
             - job_name: scanmill\n    static_configs: [{{targets: ['{engine}']}}]\n",
            rules.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(&tools.prometheus);
        command.arg("--config.file").arg(&config).arg("--storage.tsdb.path").arg(folder.path().join("data"));
        command.arg("--web.listen-address=127.0.0.1:0").stdin(Stdio::null()).current_dir(folder.path());
        let running = Running::start(command);
        let line = running.line_with("Listening on");
        let address = line.split_whitespace().find_map(|word| word.strip_prefix("address=")).unwrap();
        let endpoint = format!("http://{}", address.trim_matches('"'));
        running.wait_for("Server is ready to receive web requests");
        Server { running, endpoint, _folder: folder }
    }

    /// What the API answers, its `data`.
    pub fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = http::request("GET", &self.endpoint, &format!("/api/v1/{path}?{query}"), &[], b"");
        let mut answer = answer.and_then(|answer| answer.json()).map_err(|failure| failure.to_string())?;
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(answer["error"].to_string()) }
    }

    /// The values an expression has now, or had at any second of the last five minutes.
    pub fn values(&self, expr: &str, is_instant: bool) -> Result<Vec<f64>, String> {
        let number = |sample: &Value| sample[1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        if is_instant {
            let data = self.ask("query", &[("query", expr)])?;
            return Ok(series(&data).map(|series| number(&series["value"])).collect());
        }
        let now = jiff::Timestamp::now().as_second();
        let (start, end) = ((now - 300).to_string(), (now + 1).to_string());
        let data = self.ask("query_range", &[("query", expr), ("start", &start), ("end", &end), ("step", "1")])?;
        Ok(series(&data).flat_map(|series| series["values"].as_array().into_iter().flatten()).map(number).collect())
    }

    /// Waits until something is so.
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        self.running.wait_until(what, is_so);
    }

    /// Each rule with its health and, of an alert, its state.
    pub fn rules(&self) -> Vec<(String, String, String)> {
        let data = self.ask("rules", &[]).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let groups = data["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        rules.map(|rule| (text(&rule["name"]), text(&rule["health"]), text(&rule["state"]))).collect()
    }
}

fn series(data: &Value) -> impl Iterator<Item = &Value> {
    data["result"].as_array().into_iter().flatten()
}

/// An engine in `root` whose page a Prometheus scrapes: once idle already, as what grows has to be seen before it grew.
pub fn scraped(root: &Root, tools: &'static Tools) -> (Running, Server) {
    let engine = root.start(&["--set", "metrics.listen=127.0.0.1:0"]);
    let page = engine.word_after("http://");
    let server = Server::start(tools, page.trim_end_matches('/'));
    server.wait_until("the idle engine is scraped", || {
        server.values("scanmill_ready", true).is_ok_and(|values| values.first() == Some(&1.0))
    });
    (engine, server)
}

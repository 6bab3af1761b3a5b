//! Draws panels of a Grafana dashboard with Grafana's own components, which come from npm into a folder under `target/` on
//! first use. `panels/app.jsx` is the page; nothing of it asks any server.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{Failure, Outcome};

/// Everything that npm reads.
const PACKAGE: [(&str, &str); 5] = [
    ("package.json", include_str!("panels/package.json")),
    ("package-lock.json", include_str!("panels/package-lock.json")),
    (".npmrc", include_str!("panels/.npmrc")),
    ("nothing/package.json", include_str!("panels/nothing/package.json")),
    ("nothing/index.js", include_str!("panels/nothing/index.js")),
];

/// A page may load what stands beside it, and ask nobody.
const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>panels</title>\
    <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; script-src file:; style-src file: \
    'unsafe-inline'; font-src data:; img-src data: blob:\">\
    <link rel=stylesheet href=app.css><div id=board></div><script src=shown.js></script><script src=app.js></script></html>";

/// The page, built; a folder of its own.
pub struct Panels {
    folder: TempDir,
}

impl Panels {
    /// Builds the page, with npm's packages installed now if they are not there yet. Several processes may ask at once: one
    /// installs, the others wait.
    pub fn ready() -> Outcome<Panels> {
        let modules = installed(&super::venv::target())?;
        let folder = tempfile::tempdir().map_err(says("cannot make a folder for the page"))?;
        let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig/panels/app.jsx");
        let nothing = modules.with_file_name("nothing").join("index.js");
        let mut build = Command::new(modules.join(".bin/esbuild"));
        build.arg(app).args([
            "--bundle",
            "--minify",
            "--log-level=error",
            "--define:process.env.NODE_ENV=\"production\"",
        ]);
        build.args(["--loader:.woff2=dataurl", "--loader:.woff=empty"]);
        // What draws shapes in a table's cells, which no panel has.
        build.args(["ol/format/WKT", "ol/geom"].map(|part| format!("--alias:{part}={}", nothing.display())));
        build.arg(format!("--outfile={}", folder.path().join("app.js").display())).env("NODE_PATH", &modules);
        run(&mut build)?;
        std::fs::write(folder.path().join("index.html"), PAGE).map_err(says("cannot write the page"))?;
        Ok(Panels { folder })
    }

    /// The address of the page that shows this.
    pub fn showing(&self, shown: &Value) -> String {
        // A new address each time: a page that is there already is not opened again.
        std::fs::write(self.folder.path().join("shown.js"), format!("window.SHOWN = {shown};")).expect("is written");
        format!("file://{}?{}", self.folder.path().join("index.html").display(), super::unique("page"))
    }
}

/// `node_modules`, complete.
fn installed(target: &Path) -> Outcome<PathBuf> {
    // Named after its contents: a change of the list makes a new one.
    let all: String = PACKAGE.iter().map(|(_, text)| *text).collect();
    let folder = target.join(format!("rig-panels-{:016x}", twox_hash::XxHash64::oneshot(0, all.as_bytes())));
    let (complete, modules) = (folder.join("complete"), folder.join("node_modules"));
    std::fs::create_dir_all(target).map_err(says("cannot make the target folder"))?;
    let lock = File::create(folder.with_extension("lock")).map_err(says("cannot make the packages' lock file"))?;
    lock.lock().map_err(says("cannot lock the packages"))?;
    if complete.try_exists().map_err(says("cannot look for the packages"))? {
        return Ok(modules);
    }
    // Whoever closed stderr does not want to hear it.
    let _ = writeln!(std::io::stderr(), "rig: first use: npm packages go into {} (half a minute)", folder.display());
    if folder.try_exists().map_err(says("cannot look for the packages"))? {
        std::fs::remove_dir_all(&folder).map_err(says("cannot remove what an interrupted install left"))?;
    }
    std::fs::create_dir_all(folder.join("nothing")).map_err(says("cannot make the packages' folder"))?;
    for (name, text) in PACKAGE {
        std::fs::write(folder.join(name), text).map_err(says("cannot write the list of packages"))?;
    }
    run(Command::new("npm").args(["ci", "--loglevel=error"]).current_dir(&folder))?;
    std::fs::write(&complete, "").map_err(says("cannot mark the packages as complete"))?;
    Ok(modules)
}

fn says(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(format!("{what}: {error}"))
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::new(format!("{command:?}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{command:?} ended with {}:\n{said}", output.status)))
}

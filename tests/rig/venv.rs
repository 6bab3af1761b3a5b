//! The Python environment the servers live in, made on first use.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Failure, Outcome};

/// The servers.
const SERVERS: List =
    List { name: "rig-venv", packages: include_str!("requirements.txt"), how: &["--only-binary", ":all:"] };

/// The linters, whose dependencies do not agree with those of the servers; some of them come without a wheel.
const LINTERS: List = List { name: "rig-linters", packages: include_str!("linters.txt"), how: &[] };

/// What reads the pages for BI tools.
const BI: List = List { name: "rig-bi", packages: include_str!("bi.txt"), how: &["--only-binary", ":all:"] };

/// What imports Superset's export. Some packages come without a wheel.
const SUPERSET: List = List { name: "rig-superset", packages: include_str!("superset.txt"), how: &[] };

/// What looks at the engine's pages.
const BROWSER: List =
    List { name: "rig-browser", packages: include_str!("browser.txt"), how: &["--only-binary", ":all:"] };

/// Pinned packages that belong together.
struct List {
    name: &'static str,
    packages: &'static str,
    how: &'static [&'static str],
}

/// A venv with exactly what its list says.
#[derive(Clone, Debug)]
pub struct Venv {
    bin: PathBuf,
}

impl Venv {
    /// The venv of the servers, installed now if it is not there yet. Several processes may ask at once: one installs,
    /// the others wait.
    pub fn ready() -> Outcome<&'static Venv> {
        static VENV: OnceLock<Outcome<Venv>> = OnceLock::new();
        VENV.get_or_init(|| Venv::at(&target(), &SERVERS)).as_ref().map_err(Clone::clone)
    }

    /// That of the linters.
    pub fn linters() -> Outcome<&'static Venv> {
        static VENV: OnceLock<Outcome<Venv>> = OnceLock::new();
        VENV.get_or_init(|| Venv::at(&target(), &LINTERS)).as_ref().map_err(Clone::clone)
    }

    /// That of the readers of `config/bi`.
    pub fn bi() -> Outcome<&'static Venv> {
        static VENV: OnceLock<Outcome<Venv>> = OnceLock::new();
        VENV.get_or_init(|| Venv::at(&target(), &BI)).as_ref().map_err(Clone::clone)
    }

    /// That of Superset: half a gigabyte.
    pub fn superset() -> Outcome<&'static Venv> {
        static VENV: OnceLock<Outcome<Venv>> = OnceLock::new();
        VENV.get_or_init(|| Venv::at(&target(), &SUPERSET)).as_ref().map_err(Clone::clone)
    }

    /// That of what looks at the engine's pages.
    pub fn browser() -> Outcome<&'static Venv> {
        static VENV: OnceLock<Outcome<Venv>> = OnceLock::new();
        VENV.get_or_init(|| Venv::at(&target(), &BROWSER)).as_ref().map_err(Clone::clone)
    }

    /// A program of the venv: `python`, `ministack`…
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn at(target: &Path, wanted: &List) -> Outcome<Venv> {
        // Named after its contents: a change of the list makes a new one.
        let hash = twox_hash::XxHash64::oneshot(0, wanted.packages.as_bytes());
        let folder = target.join(format!("{}-{hash:016x}", wanted.name));
        let complete = folder.join("complete");
        let venv = Venv { bin: folder.join("bin") };
        let says = |what: &'static str| move |error: std::io::Error| Failure::new(format!("{what}: {error}"));
        std::fs::create_dir_all(target).map_err(says("cannot make the target folder"))?;
        let lock = File::create(folder.with_extension("lock")).map_err(says("cannot make the venv's lock file"))?;
        lock.lock().map_err(says("cannot lock the venv"))?;
        if complete.try_exists().map_err(says("cannot look for the venv"))? {
            return Ok(venv);
        }
        tell(&format!("rig: first use: installing pinned Python packages into {} (a minute or so)", folder.display()));
        // What an interrupted install left. Nothing uses it: it was never complete.
        if folder.try_exists().map_err(says("cannot look for the venv"))? {
            std::fs::remove_dir_all(&folder).map_err(says("cannot remove a half-made venv"))?;
        }
        let list = folder.with_extension("txt");
        std::fs::write(&list, wanted.packages).map_err(says("cannot write the requirements"))?;
        install(&folder, &list, wanted.how)?;
        std::fs::write(&complete, "").map_err(says("cannot mark the venv as complete"))?;
        tell("rig: installed");
        Ok(venv)
    }
}

/// Says why a test takes so long now; what `eprintln!` writes would be shown only if the test failed.
fn tell(text: &str) {
    // Whoever closed stderr does not want to hear it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `target`, wherever this build has it.
pub(super) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
    }
}

fn install(folder: &Path, list: &Path, how: &[&str]) -> Outcome<()> {
    let python = std::env::var("SCANMILL_RIG_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    run(
        Command::new(&python).args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]),
        "the rig needs Python 3.10 or newer: install `python3` (Debian: apt-get install python3 python3-venv), or name \
         one in SCANMILL_RIG_PYTHON",
    )?;
    let mut pip = vec!["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"];
    pip.extend(how);
    let network = "pip could not install the rig's packages: it needs PyPI, or an index or wheels that pip's own \
                   settings name (PIP_INDEX_URL, PIP_FIND_LINKS)";
    // Debian keeps `ensurepip` in python3-venv. Without it, a pip outside can fill the venv all the same.
    let has_ensurepip = Command::new(&python)
        .args(["-c", "import ensurepip"])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success());
    let remedy = "cannot make a venv (Debian: apt-get install python3-venv)";
    if has_ensurepip {
        run(Command::new(&python).args(["-m", "venv"]).arg(folder), remedy)?;
        run(Command::new(folder.join("bin/python")).args(["-m", "pip"]).args(&pip).arg("-r").arg(list), network)
    } else {
        run(Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(folder), remedy)?;
        let outer = Command::new(&python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
        if !outer.is_ok_and(|output| output.status.success()) {
            return Err(Failure::new(format!("{python} has neither `ensurepip` nor `pip`: {remedy}")));
        }
        let inner = folder.join("bin/python");
        run(Command::new(&python).args(["-m", "pip", "--python"]).arg(inner).args(&pip).arg("-r").arg(list), network)
    }
}

/// Runs a command to its end; a failure says the remedy and what the command said.
fn run(command: &mut Command, remedy: &str) -> Outcome<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("{remedy}\n{command:?}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{remedy}\n{command:?} ended with {}:\n{said}", output.status)))
}
